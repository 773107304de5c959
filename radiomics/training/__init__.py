"""The training loop: networks for regression, classes and survival, on any device.

Samples lie on the device as one tensor, or stream to it. What is random follows from the seed and
the epoch alone, so a run that was killed goes on to the same weights, bit for bit on one processor.
Under ``torchrun`` the processes share each batch, and the first one writes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from radiomics.training import ranks
from radiomics.training.augment import Augment
from radiomics.training.data import (
    Scaling,
    check,
    check_outputs,
    fit_scaling,
    layout_of,
    on_device,
    scaled,
    targets,
)
from radiomics.training.events import Events
from radiomics.training.loop import Run
from radiomics.training.recipe import Options, choose_device, optimiser_of, weights_of
from radiomics.training.state import State, fingerprint
from radiomics.types import InputError, Progress, Samples, silent

__all__ = ["Augment", "Options", "Scaling", "Trained", "choose_device", "fit", "seeded"]


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw torch's random numbers from a seed inside the block: the weights a network begins with.

    >>> with seeded(0):
    ...     one = nn.Linear(2, 1)
    >>> with seeded(0):
    ...     two = nn.Linear(2, 1)
    >>> torch.equal(one.weight, two.weight)
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, its scaling, and one row of numbers for each epoch."""

    network: nn.Module
    scaling: Scaling
    history: list[dict[str, float]]
    options: Options

    def predict(self, x: NDArray[Any], batch_size: int = 1024) -> NDArray[np.float64]:
        """Return predictions for samples.

        Returns
        -------
        values or log hazards ``(N,)``, probabilities ``(N,)``, or those of each class ``(N, K)``
        """
        device = next(self.network.parameters()).device
        self.network.eval()
        found = []
        with torch.no_grad():
            for start in range(0, len(x), batch_size):
                part = scaled(x[start : start + batch_size], self.scaling).to(device)
                views = [self._said(self.network(view)) for view in self._views(part)]
                found.append(np.mean(views, axis=0))
        return np.concatenate(found)

    def _views(self, x: Tensor) -> list[Tensor]:
        """Return a batch, and where asked for its reflections along all sets of axes."""
        views = [x]
        for axis in set(self.options.augment.flip) if self.options.test_time_flips else ():
            views += [view.flip(-axis) for view in views]
        return views

    def _said(self, output: Tensor) -> NDArray[np.float64]:
        """Return what outputs (B, K) mean for the task."""
        result = output.float().cpu()
        if self.options.task == "multiclass":
            return np.asarray(result.softmax(dim=1).numpy(), dtype=np.float64)
        values = np.asarray(result[:, 0].numpy(), dtype=np.float64)
        if self.options.task == "binary":
            return 1 / (1 + np.exp(-values))
        if self.options.task == "survival":
            return values
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
    progress : called with "epoch", its loss and rate, the number done and the number of all

    Raises
    ------
    InputError
        For samples that do not fit the task or the network, a state of another run, a device
        without the memory for a batch, or a loss that is not finite (with the epoch, step and
        samples; the weights of the epoch before stay in the network).
    """
    check(network, train, options)
    if options.patience is not None and validation is None:
        rule = "patience looks at the loss of validation samples"
        raise InputError("training", rule, "none", "give some, or leave patience out")
    if options.task == "survival" and ranks.count() > 1:
        rule = "the samples at risk stand in one batch on one device"
        raise InputError("training", rule, f"{ranks.count()} processes", "train on one")
    device = ranks.join(choose_device(options.device))
    network = network.to(device).to(memory_format=layout_of(options, train.x.ndim))
    check_outputs(network, train, options)
    scaling = fit_scaling(train, options.task)
    weights = weights_of(targets(train, scaling, options.task, device), options)
    stepper = ranks.shared(network)
    optimiser = optimiser_of(network, options, device)
    compiled: Any = torch.compile(stepper) if options.compile else stepper
    run = Run(network, compiled, options, optimiser, device, weights)
    history = _train(run, train, validation, scaling, folder, progress)
    return Trained(network, scaling, history, options)


def _train(
    run: Run,
    train: Samples,
    validation: Samples | None,
    scaling: Scaling,
    folder: Path | None,
    progress: Progress,
) -> list[dict[str, float]]:
    network, options = run.network, run.options
    data = on_device(train, scaling, options, run.device)
    held = None if validation is None else on_device(validation, scaling, options, run.device)
    state = None
    history: list[dict[str, float]] = []
    best: dict[str, Tensor] | None = None
    if folder is not None:
        known = fingerprint(network, (train, validation), options)
        state = State(folder, known, options.save_every)
        history, best = state.load(run)
    events = Events(folder if options.tensorboard else None)
    try:
        for epoch in range(len(history), options.epochs):
            if options.patience is not None and _stale(history) >= options.patience:
                break
            before = _copy(network)
            try:
                row = {"epoch": float(epoch + 1), **run.epoch(data, epoch, train.ids)}
            except InputError:
                network.load_state_dict(before)
                raise
            except torch.OutOfMemoryError:
                raise _too_large(run, train) from None
            if held is not None and validation is not None:
                measured = run.measure(held, len(validation.ids))
                row |= {f"validation_{key}": value for key, value in measured.items()}
            key = "validation_loss" if held is not None else "loss"
            smallest = min((old[key] for old in history), default=math.inf)
            if best is None or held is None or row[key] <= smallest:
                best = _copy(network)
            history.append(row)
            if state is not None:
                state.keep(run, history, best)
            events.write(row)
            progress(_said(row), epoch + 1, options.epochs)
    finally:
        if state is not None:
            state.write()  # the last whole epoch, whatever stopped the next
        events.close()
    ranks.wait()
    if best is not None:
        network.load_state_dict(best)
    return history


def _said(row: dict[str, float]) -> str:
    """Return a stage's name with the numbers of its last epoch."""
    shown = [f"{k.replace('_', ' ')} {v:.4g}" for k, v in row.items() if k not in ("epoch", "rate")]
    return f"epoch ({', '.join(shown)})"


def _too_large(run: Run, train: Samples) -> InputError:
    """Find the largest batch, by halving, that a step has memory for, and say so."""
    size = run.options.batch_size // run.options.accumulate
    shape = train.x.shape[1:]
    while size > 1:
        size //= 2
        if run.device.type == "cuda":
            torch.cuda.empty_cache()
        try:
            x = torch.zeros(size, *shape, device=run.device)
            run.stepper(x).float().sum().backward()
        except torch.OutOfMemoryError:
            continue
        run.optimiser.zero_grad(set_to_none=True)
        remedy = f"set batch_size to {size}, or accumulate parts of that size"
        return InputError("training", "a batch must fit on the device", "it does not", remedy)
    remedy = "choose a smaller network or smaller samples"
    return InputError("training", "a batch must fit on the device", "not even one sample", remedy)


def _stale(history: list[dict[str, float]]) -> int:
    """Return how many epochs have passed since the smallest validation loss."""
    losses = [row["validation_loss"] for row in history]
    return len(losses) - 1 - int(np.argmin(losses)) if losses else 0


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in network.state_dict().items()}
