"""One epoch of a training, and a look at samples that are not trained on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from radiomics.training import ranks
from radiomics.training.augment import NOTHING, augmented
from radiomics.training.data import Resident, Streamed, batches
from radiomics.training.recipe import Options, loss_of, rate_factor
from radiomics.types import InputError

LOOK = 1024  # samples a batch where nothing is learnt
NOISE = 7_919  # the seed of augmentation: not that of the order


@dataclass(frozen=True, eq=False)
class Run:
    """What one run consists of while it goes on; ``stepper`` is the network as it is trained."""

    network: nn.Module
    stepper: Any
    options: Options
    optimiser: torch.optim.Optimizer
    device: torch.device
    weights: Tensor | None
    scaler: torch.amp.GradScaler = field(init=False)
    decayed: list[Tensor] = field(init=False)

    def __post_init__(self) -> None:
        half = self.options.precision == "float16"
        object.__setattr__(self, "scaler", torch.amp.GradScaler(self.device.type, enabled=half))
        object.__setattr__(self, "decayed", [p for p in self.network.parameters() if p.ndim > 1])

    def epoch(
        self, data: Resident | Streamed, epoch: int, ids: tuple[str, ...]
    ) -> dict[str, float]:
        """Go once through the samples in a new order, which seed and epoch decide.

        Raises
        ------
        InputError
            For a loss that is not finite, with the step and the samples.
        """
        options = self.options
        seed = options.seed * 1_000_003 + epoch
        order = torch.randperm(len(ids), generator=torch.Generator().manual_seed(seed))
        parts = batches(len(ids), options.batch_size)
        torch.manual_seed(seed + NOISE * (1 + ranks.number()))
        losses = torch.zeros(len(parts), device=self.device)
        mine, shares = _shares(order, parts)
        changing = options.augment != NOTHING
        self.network.train()
        for step, (x, y) in enumerate(data.batches(mine, shares)):
            rate = options.rate * rate_factor(options, epoch + step / len(parts))
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            changed = augmented(x, options.augment) if changing else x
            losses[step] = self.step(changed, y, parts[step].stop - parts[step].start)
        ranks.total(losses)
        sizes = torch.tensor([part.stop - part.start for part in parts])
        values = losses.cpu()
        bad = torch.nonzero(~torch.isfinite(values)).flatten().tolist()
        if bad:
            names = ", ".join(ids[i] for i in order[parts[bad[0]]].tolist()[:8])
            raise InputError(
                "training",
                "the loss must stay finite",
                f"epoch {epoch + 1}, step {bad[0] + 1}, samples {names}",
                "choose a smaller rate, or look at these samples",
            )
        mean = float((values * sizes).sum() / len(ids))
        return {"loss": mean, "rate": float(self.optimiser.param_groups[0]["lr"])}

    def step(self, x: Tensor, y: Tensor, count: int) -> Tensor:
        """Take one step and return this process's part of the batch's mean loss."""
        self.optimiser.zero_grad(set_to_none=True)
        total: Any = 0.0
        for part in batches(len(x), -(-len(x) // self.options.accumulate)):
            with self._precision():
                loss = loss_of(self.stepper(x[part]), y[part], self.options, self.weights)
            weight = (min(part.stop, len(x)) - part.start) / count
            self.scaler.scale(loss * (weight * ranks.count())).backward()
            total = total + loss.detach() * weight
        self._regularise()
        self.scaler.step(self.optimiser)
        self.scaler.update()
        return torch.as_tensor(total)

    def _regularise(self) -> None:
        """Add what the penalties of the weights add to the gradients, and limit their norm."""
        options = self.options
        if options.l1 or options.l2 or options.clip is not None:
            self.scaler.unscale_(self.optimiser)
        gradients = [p.grad for p in self.decayed if p.grad is not None]
        values = [p.data for p in self.decayed if p.grad is not None]
        if options.l2:
            torch._foreach_add_(gradients, values, alpha=options.l2)
        if options.l1:
            torch._foreach_add_(gradients, torch._foreach_sign(values), alpha=options.l1)
        if options.clip is not None:
            nn.utils.clip_grad_norm_(self.network.parameters(), options.clip)

    def measure(self, data: Resident | Streamed, count: int) -> dict[str, float]:
        """Return the loss, and for classes the accuracy, of samples that are not trained on."""
        self.network.eval()
        outputs, truths = [], []
        with torch.no_grad(), self._precision():
            for x, y in data.batches(torch.arange(count), batches(count, LOOK)):
                outputs.append(self.network(x).float())
                truths.append(y)
        output, y = torch.cat(outputs), torch.cat(truths)
        found = {"loss": float(loss_of(output, y, self.options, self.weights))}
        if self.options.task == "multiclass":
            found["accuracy"] = float((output.argmax(dim=1) == y).float().mean())
        elif self.options.task == "binary":
            found["accuracy"] = float(((output[:, 0] > 0) == (y > 0.5)).float().mean())
        return found

    def _precision(self) -> torch.autocast:
        kind = getattr(torch, self.options.precision)
        lower = kind != torch.float32
        return torch.autocast(self.device.type, kind if lower else None, enabled=lower)


def _shares(order: Tensor, parts: list[slice]) -> tuple[Tensor, list[slice]]:
    """Return this process's samples of each batch, and where each batch begins among them."""
    if ranks.count() == 1:
        return order, parts
    shares = [ranks.own(order[part]) for part in parts]
    ends = torch.tensor([len(share) for share in shares]).cumsum(0).tolist()
    starts = [0, *ends[:-1]]
    return torch.cat(shares), [slice(a, b) for a, b in zip(starts, ends, strict=True)]
