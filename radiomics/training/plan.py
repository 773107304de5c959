"""Which samples each step of an epoch computes, in which parts, and what each part counts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from radiomics.training import ranks
from radiomics.training.data import batches, part_size
from radiomics.training.recipe import Options


@dataclass(frozen=True)
class Part:
    """Some of this process's samples of a batch, and what their mean counts in the batch's."""

    samples: slice
    weight: float


@dataclass(frozen=True)
class Step:
    """One step: its batch in the order of the epoch, and this process's share of it.

    ``share`` is where that share lies among all samples of this process. The ``parts`` are counted
    from its beginning.
    """

    batch: slice
    share: slice
    parts: list[Part]


def plan_steps(
    order: Tensor, shares: Tensor, options: Options, least: int
) -> tuple[Tensor, list[Step]]:
    """Return this process's samples, in order, and its steps.

    All processes compute the same parts of the same batches, so their sums are those of one. Where
    a part has fewer samples than there are processes, one without any computes the first, which
    then counts nothing: all must take part in every sum.

    Parameters
    ----------
    order : (N,) samples as the epoch visits them
    shares : (N,) what each sample counts in the mean of its batch
    least : samples that a batch and a part must have
    """
    whole_batches = batches(len(order), options.batch_size, least)
    if ranks.world_size() == 1 and options.accumulate == 1:  # at once: thousands of steps a second
        return order, [
            Step(batch, batch, [Part(slice(0, batch.stop - batch.start), 1.0)])
            for batch in whole_batches
        ]
    mine: list[Tensor] = []
    steps: list[Step] = []
    start = 0
    for batch in whole_batches:
        whole = order[batch]
        total = float(shares[whole].sum())
        parts: list[Part] = []
        at = 0
        for piece in batches(len(whole), part_size(options), least):
            part = whole[piece]
            share = ranks.share_of_rank(part)
            weight = float(shares[share].sum()) / total
            mine.append(share if len(share) else part[:1])
            parts.append(Part(slice(at, at + len(mine[-1])), weight))
            at += len(mine[-1])
        steps.append(Step(batch, slice(start, start + at), parts))
        start += at
    return torch.cat(mine), steps
