"""The training loop: networks for regression, binary and multi-class tasks, on any device.

Samples lie on the device as one tensor and are shuffled there by index. What is random follows from
the seed and the epoch alone, so a run that was killed goes on to the same weights, bit for bit on
one processor.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radiomics.training.data import (
    Scaling,
    batches,
    check,
    fit_scaling,
    on_device,
    scaled,
)
from radiomics.training.recipe import (
    Options,
    choose_device,
    loss_of,
    optimiser_of,
    rate_factor,
)
from radiomics.training.state import State, fingerprint
from radiomics.types import InputError, Progress, Samples, silent

__all__ = ["Options", "Scaling", "Trained", "choose_device", "fit"]


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, its scaling, and one row of numbers for each epoch."""

    network: nn.Module
    scaling: Scaling
    history: list[dict[str, float]]
    options: Options

    def predict(self, x: NDArray[Any], batch_size: int = 1024) -> NDArray[np.float64]:
        """Return values ``(N,)``, probabilities ``(N,)``, or probabilities by class ``(N, K)``."""
        device = next(self.network.parameters()).device
        self.network.eval()
        found = []
        with torch.no_grad():
            for start in range(0, len(x), batch_size):
                part = scaled(x[start : start + batch_size], self.scaling).to(device)
                found.append(self.network(part).float().cpu())
        result = torch.cat(found)
        if self.options.task == "multiclass":
            return np.asarray(result.softmax(dim=1).numpy(), dtype=np.float64)
        values = np.asarray(result[:, 0].numpy(), dtype=np.float64)
        if self.options.task == "binary":
            return 1 / (1 + np.exp(-values))
        return values * self.scaling.target_spread + self.scaling.target_mean


def fit(
    network: nn.Module,
    train: Samples,
    validation: Samples | None = None,
    *,
    options: Options,
    folder: Path | None = None,
    progress: Progress = silent,
) -> Trained:
    """Train a network; with validation samples its best weights are kept, else its last.

    Parameters
    ----------
    folder : where the state is written after each epoch; a run that finds its own goes on from it
    progress : called with "epoch", the number done and the number of all

    Raises
    ------
    InputError
        For samples that do not fit the task, a state of another run, or a loss that is not finite
        (with the epoch, step and samples; the weights of the epoch before stay in the network).
    """
    check(network, train, options)
    if options.patience is not None and validation is None:
        rule = "patience looks at the loss of validation samples"
        raise InputError("training", rule, "none", "give some, or leave patience out")
    device = choose_device(options.device)
    scaling = fit_scaling(train, options.task)
    layout = torch.channels_last if options.channels_last else torch.contiguous_format
    network = network.to(device).to(memory_format=layout)
    run = _Run(network, options, optimiser_of(network, options, device), device)
    data = on_device(train, scaling, options.task, device)
    held = None if validation is None else on_device(validation, scaling, options.task, device)
    state = None if folder is None else State(folder, fingerprint(network, train, options))
    history, best = ([], None) if state is None else state.load(network, run.optimiser, device)
    stepper = torch.compile(network) if options.compile else network
    for epoch in range(len(history), options.epochs):
        if options.patience is not None and _stale(history) >= options.patience:
            break
        before = _copy(network)
        row = {"epoch": float(epoch + 1), **run.epoch(stepper, data, epoch, train.ids, before)}
        if held is not None:
            row |= {f"validation_{key}": value for key, value in run.measure(held).items()}
        key = "validation_loss" if held is not None else "loss"
        if held is None or row[key] <= min((old[key] for old in history), default=math.inf):
            best = _copy(network)
        history.append(row)
        if state is not None and best is not None:
            state.save(network, run.optimiser, history, best)
        progress("epoch", epoch + 1, options.epochs)
    if best is not None:
        network.load_state_dict(best)
    return Trained(network, scaling, history, options)


def _stale(history: list[dict[str, float]]) -> int:
    """Return how many epochs have passed since the smallest validation loss."""
    losses = [row["validation_loss"] for row in history]
    return len(losses) - 1 - int(np.argmin(losses)) if losses else 0


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in network.state_dict().items()}


@dataclass(frozen=True, eq=False)
class _Run:
    """What one run consists of while it goes on."""

    network: nn.Module
    options: Options
    optimiser: torch.optim.Optimizer
    device: torch.device

    def epoch(
        self,
        stepper: Any,
        data: tuple[Tensor, Tensor],
        epoch: int,
        ids: tuple[str, ...],
        before: dict[str, Tensor],
    ) -> dict[str, float]:
        """Go once through the samples in a new order."""
        options, (x, y) = self.options, data
        torch.manual_seed(options.seed * 1_000_003 + epoch)
        order = torch.randperm(
            len(x), generator=torch.Generator().manual_seed(torch.initial_seed())
        )
        parts = list(batches(len(x), options.batch_size))
        losses = torch.zeros(len(parts), device=self.device)
        scaler = torch.amp.GradScaler(self.device.type, enabled=options.precision == "float16")
        order_here = order.to(self.device)
        self.network.train()
        for step, part in enumerate(parts):
            for group in self.optimiser.param_groups:
                group["lr"] = options.rate * rate_factor(options, epoch + step / len(parts))
            index = order_here[part]
            self.optimiser.zero_grad(set_to_none=True)
            with self._precision():
                loss = loss_of(stepper(x[index]), y[index], options)
            scaler.scale(loss + self._penalty()).backward()  # type: ignore[no-untyped-call]
            if options.clip is not None:
                scaler.unscale_(self.optimiser)
                nn.utils.clip_grad_norm_(self.network.parameters(), options.clip)
            scaler.step(self.optimiser)
            scaler.update()
            losses[step] = loss.detach()
        bad = torch.nonzero(~torch.isfinite(losses)).flatten().tolist()
        if bad:
            self.network.load_state_dict(before)
            names = ", ".join(ids[i] for i in order[parts[bad[0]]].tolist()[:8])
            raise InputError(
                "training",
                "the loss must stay finite",
                f"epoch {epoch + 1}, step {bad[0] + 1}, samples {names}",
                "choose a smaller rate, or look at these samples",
            )
        sizes = torch.tensor([len(range(*part.indices(len(x)))) for part in parts])
        mean = float((losses.cpu() * sizes).sum() / len(x))
        return {"loss": mean, "rate": float(self.optimiser.param_groups[0]["lr"])}

    def measure(self, data: tuple[Tensor, Tensor]) -> dict[str, float]:
        """Return the loss, and for classes the accuracy, of samples that are not trained on."""
        x, y = data
        self.network.eval()
        with torch.no_grad(), self._precision():
            parts = [self.network(x[i : i + 1024]).float() for i in range(0, len(x), 1024)]
        output = torch.cat(parts)
        found = {"loss": float(loss_of(output, y, self.options))}
        if self.options.task == "multiclass":
            found["accuracy"] = float((output.argmax(dim=1) == y).float().mean())
        elif self.options.task == "binary":
            found["accuracy"] = float(((output[:, 0] > 0) == (y > 0.5)).float().mean())
        return found

    def _precision(self) -> torch.autocast:
        kind = getattr(torch, self.options.precision)
        lower = kind != torch.float32
        return torch.autocast(self.device.type, kind if lower else None, enabled=lower)

    def _penalty(self) -> Tensor | float:
        l1, l2 = self.options.l1, self.options.l2
        weights = [p for p in self.network.parameters() if p.ndim > 1] if l1 or l2 else []
        total: Tensor | float = 0.0
        for weight in weights:
            total = total + l1 * weight.abs().sum() + l2 / 2 * weight.square().sum()
        return total
