"""One epoch of a training, and the measuring of samples that are not trained on."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from radiomics.training import ranks
from radiomics.training.augment import augment_batch
from radiomics.training.checks import list_ids
from radiomics.training.data import Resident, Streamed, batches, inference_batch_size
from radiomics.training.plan import Part, plan_steps
from radiomics.training.recipe import Options, loss_of, rate_factor, shares_of
from radiomics.types import InputError

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

    def train_epoch(self, data: Resident | Streamed, epoch: int) -> dict[str, float]:
        """Go once through the samples in a new order, which seed and epoch decide.

        Raises
        ------
        InputError
            For a loss that is not finite, with the step and the samples.
        """
        options, ids = self.options, data.ids
        seed = options.seed * 1_000_003 + epoch
        order = torch.randperm(len(ids), generator=torch.Generator().manual_seed(seed))
        shares = shares_of(data.y, options, self.weights)
        mine, steps = plan_steps(order, shares, options, ranks.smallest_batch(self.network))
        torch.manual_seed(seed + NOISE * (1 + ranks.rank()))
        losses = torch.zeros(len(steps), device=self.device)
        levels = data.scale.levels()
        self.network.train()
        for step, (x, y) in enumerate(data.batches(mine, [step.share for step in steps])):
            rate = options.rate * rate_factor(options, epoch + step / len(steps))
            for group in self.optimiser.param_groups:
                group["lr"] = rate
            changed = augment_batch(x, options.augment, levels)
            losses[step] = self.step(changed, y, steps[step].parts)
        ranks.sum_over_ranks(losses)
        values = losses.cpu()
        bad = torch.nonzero(~torch.isfinite(values)).flatten().tolist()
        if bad:
            names = list_ids([ids[i] for i in order[steps[bad[0]].batch].tolist()])
            found = f"epoch {epoch + 1}, step {bad[0] + 1}, samples {names}"
            raise _not_finite("the loss must stay finite", found)
        sizes = torch.tensor([step.batch.stop - step.batch.start for step in steps])
        mean = float((values * sizes).sum() / len(ids))
        return {"loss": mean, "rate": float(self.optimiser.param_groups[0]["lr"])}

    def step(self, x: Tensor, y: Tensor, parts: list[Part]) -> Tensor:
        """Take one step and return this process's part of the batch's mean loss."""
        self.optimiser.zero_grad(set_to_none=True)
        total: Any = 0.0
        for part in parts:
            with self._precision():
                output = self.stepper(x[part.samples])
                loss = loss_of(output, y[part.samples], self.options, self.weights)
            factor = part.weight * ranks.world_size()
            whole: Any = self.scaler.scale(loss if factor == 1 else loss * factor)
            whole.backward()
            total = total + (loss.detach() if part.weight == 1 else loss.detach() * part.weight)
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

    def measure(self, data: Resident | Streamed) -> dict[str, float]:
        """Return the loss, and for classes the accuracy, of samples that are not trained on.

        Raises
        ------
        InputError
            For a loss that is not finite, with the samples.
        """
        self.network.eval()
        ids = data.ids
        outputs, truths = [], []
        parts = batches(len(ids), inference_batch_size(data.x.shape[1:], self.options))
        with torch.no_grad(), self._precision():
            for x, y in data.batches(torch.arange(len(ids)), parts):
                outputs.append(self.network(x).float())
                truths.append(y)
        output, y = torch.cat(outputs), torch.cat(truths)
        found = {"loss": float(loss_of(output, y, self.options, self.weights))}
        if not math.isfinite(found["loss"]):
            bad = torch.nonzero(~output.isfinite().all(dim=1)).flatten().tolist()
            names = list_ids([ids[i] for i in bad or range(len(ids))])
            raise _not_finite("the loss of validation samples must stay finite", f"samples {names}")
        if self.options.task == "multiclass":
            found["accuracy"] = float((output.argmax(dim=1) == y).float().mean())
        elif self.options.task == "binary":
            found["accuracy"] = float(((output[:, 0] > 0) == (y > 0.5)).float().mean())
        return found

    def _precision(self) -> torch.autocast:
        kind = getattr(torch, self.options.precision)
        lower = kind != torch.float32
        return torch.autocast(self.device.type, kind if lower else None, enabled=lower)


def _not_finite(rule: str, found: str) -> InputError:
    return InputError("training", rule, found, "choose a smaller rate, or look at these samples")
