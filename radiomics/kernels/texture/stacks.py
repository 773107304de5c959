"""Grey levels of several images of one mask, counted in one call of a kernel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from radiomics.types import Once, Region

Found = TypeVar("Found")
Count = Callable[[NDArray[np.uint16], NDArray[np.int64], bool], list[Found]]
"""A kernel: levels (B, D + 2, H + 2, W + 2), their numbers (B,), within slices only -> B results"""


@dataclass(frozen=True, eq=False)
class Stack:
    """Grey levels of images of one mask, which kernels count together, one after the other.

    Parameters
    ----------
    levels : (B, D + 2, H + 2, W + 2) uint16, 1 to the image's number inside, 0 outside and around
    n_levels : (B,) int64, number of grey levels of each image
    once : what was counted
    """

    levels: NDArray[np.uint16]
    n_levels: NDArray[np.int64]
    once: Once = field(default_factory=Once, repr=False)

    def by_slice(self) -> Stack:
        """Return the slices that hold voxels of the mask as images of their own, (B S, 3, ...)."""
        return cast(Stack, self.once("slices", self._slices))

    def _slices(self) -> Stack:
        held = np.flatnonzero(self.levels[0].any(axis=(1, 2)))
        count, _, *plane = self.levels.shape
        levels = np.zeros((count, len(held), 3, *plane), dtype=self.levels.dtype)
        levels[:, :, 1] = self.levels[:, held]
        return Stack(levels.reshape(-1, 3, *plane), np.repeat(self.n_levels, len(held)))


@dataclass(frozen=True, eq=False)
class StackedLevels:
    """The grey levels of one image: the stack that they are part of, and their place in it."""

    stack: Stack
    place: int


def count_in_stack(
    region: Region, count: Count[Found], planar: bool, by_slice: bool, key: Any = None
) -> list[Found]:
    """Return what a kernel counts in a region, or in each of its slices that hold voxels.

    The first who asks counts for all images of the region's stack. ``key`` names the kernel where
    ``count`` is made for the occasion.
    """
    stacked: StackedLevels = region.stacked or region.once("stack", lambda: _stack_of_one(region))
    stack, place = stacked.stack, stacked.place

    def find() -> list[Found]:
        parts = stack.by_slice() if by_slice else stack
        return count(parts.levels, parts.n_levels, planar)

    found = stack.once((key or count, planar, by_slice), find)
    each = len(found) // len(stack.n_levels)
    return list(found[place * each : (place + 1) * each])


def _stack_of_one(region: Region) -> StackedLevels:
    stack = Stack(np.pad(region.levels, 1)[None], np.array([region.n_levels]))
    return StackedLevels(stack, 0)


def voxel_counts(region: Region, by_slice: bool) -> list[int]:
    """Return how many voxels have a level, in a region or in each of its slices that hold some."""
    planes = region.once("voxels", lambda: [int(np.count_nonzero(one)) for one in region.levels])
    return [count for count in planes if count] if by_slice else [sum(planes)]
