"""Random changes of whole batches on their device, in two and three dimensions.

Each sample is changed in its own way. All randomness is drawn on the processor from the torch seed,
so a seed gives the same changes on every device; noise alone is drawn where the batch lies.
"""

from __future__ import annotations

import math
from typing import Annotated

import torch
from pydantic import BaseModel, Field
from torch import Tensor
from torch.nn import functional

Share = Annotated[float, Field(ge=0, le=1)]
Amount = Annotated[float, Field(ge=0)]


class Augment(BaseModel, frozen=True, extra="forbid"):
    """What may happen to a training sample; by default nothing.

    ``flip`` names axes counted from the last (1: W, 2: H, 3: D), each flipped with probability one
    half. ``shift`` moves by up to so many voxels, zeros (the mean) coming in at the border.
    ``right_angles`` turns in the plane of the last two axes by a multiple of 90 degrees, ``rotate``
    by up to so many degrees (in 3D about each axis), ``scale`` enlarges or shrinks by up to this
    share. On values in units of their spread: ``brighten`` adds up to so much, ``contrast``
    multiplies by up to 1 +- so much, ``gamma`` bends the range of each sample by an exponent of up
    to 1 +- so much, ``noise`` is its standard deviation. ``cutout`` blanks a square or cube of so
    many voxels. The last ``masks`` channels are masks of 0 and 1: they move with the image, zeros
    coming in at the border, and are 0 and 1 again; nothing else happens to them.
    """

    flip: tuple[Annotated[int, Field(ge=1, le=3)], ...] = ()
    shift: Annotated[int, Field(ge=0)] = 0
    right_angles: bool = False
    rotate: Annotated[float, Field(ge=0, le=180)] = 0.0
    scale: Annotated[float, Field(ge=0, lt=1)] = 0.0
    brighten: Amount = 0.0
    contrast: Share = 0.0
    gamma: Annotated[float, Field(ge=0, lt=1)] = 0.0
    noise: Amount = 0.0
    cutout: Annotated[int, Field(ge=0)] = 0
    masks: Annotated[int, Field(ge=0)] = 0

    def changes(self) -> bool:
        """Tell whether anything happens to a sample."""
        return self != Augment(masks=self.masks)


def check_shape(shape: tuple[int, ...], options: Augment) -> None:
    """Demand samples of a shape (C, H, W) or (C, D, H, W) with what is to be changed.

    Raises
    ------
    ValueError
        For samples that are no images, or for an axis or masks that they do not have.
    """
    if not options.changes():
        return
    if len(shape) not in (3, 4):
        raise ValueError(f"only images can be augmented, not samples of shape {shape}")
    if max(options.flip, default=1) > len(shape) - 1:
        raise ValueError(f"flip: samples {shape} have no axis {max(options.flip)}")
    if options.masks >= shape[0]:
        raise ValueError(f"masks: {options.masks} of {shape[0]} channels leave no image")


UNSCALED = (torch.tensor(0.0), torch.tensor(1.0))


def augment_batch(x: Tensor, options: Augment, levels: tuple[Tensor, Tensor] = UNSCALED) -> Tensor:
    """Return a batch (B, C, H, W) or (B, C, D, H, W), each sample changed at random.

    Parameters
    ----------
    levels : what 0 and 1 of a mask are in ``x``, one value or (1, C, 1, 1[, 1])

    Raises
    ------
    ValueError
        As :func:`check_shape`.
    """
    if not options.changes():
        return x
    check_shape(tuple(x.shape[1:]), options)
    if not options.masks:
        return _change_values(_change_places(x, options), options)
    first = x.shape[1] - options.masks
    zero, one = (level.expand(1, *x.shape[1:])[:, first:].to(x) for level in levels)
    masks = (x[:, first:] > (zero + one) / 2).to(x)
    moved = _change_places(torch.cat([x[:, :first], masks], dim=1), options)
    masks = torch.where(moved[:, first:] > 0.5, one, zero)
    return torch.cat([_change_values(moved[:, :first], options), masks], dim=1)


def _change_places(x: Tensor, options: Augment) -> Tensor:
    """Return a batch after changes of place."""
    for axis in options.flip:
        x = _where_chosen(torch.rand(len(x)) < 0.5, x.flip(-axis), x)
    if options.right_angles:
        x = _turn_right_angles(x)
    if options.shift:
        x = _shift(x, options.shift)
    return _warp(x, options) if options.rotate or options.scale else x


def _change_values(x: Tensor, options: Augment) -> Tensor:
    """Return a batch after changes of values."""
    x = _change_intensities(x, options)
    return _cut_out(x, options.cutout) if options.cutout else x


def _where_chosen(chosen: Tensor, one: Tensor, other: Tensor) -> Tensor:
    return torch.where(_per_sample(chosen, other), one, other)


def _per_sample(values: Tensor, x: Tensor) -> Tensor:
    """Return one value a sample (B,) in a form that meets the batch."""
    return values.to(x.device).reshape(-1, *(1,) * (x.ndim - 1))


def _uniform(count: int, amount: float) -> Tensor:
    """Return uniform numbers from -amount to amount."""
    return (2 * torch.rand(count) - 1) * amount


def _turn_right_angles(x: Tensor) -> Tensor:
    turns = torch.randint(4, (len(x),))
    square = x.shape[-1] == x.shape[-2]
    for number in (1, 2, 3) if square else (2,):  # a quarter turn changes the shape of others
        x = _where_chosen(turns == number, x.rot90(number, (-2, -1)), x)
    return x


def _shift(x: Tensor, most: int) -> Tensor:
    """Cut each sample out of a border of zeros, at its own place: one gather an axis."""
    for axis in range(2, x.ndim):
        size = x.shape[axis]
        moved = torch.arange(size) + torch.randint(-most, most + 1, (len(x), 1))  # (B, size)
        inside = (moved >= 0) & (moved < size)
        form = [len(x), *(1,) * (axis - 1), size, *(1,) * (x.ndim - axis - 1)]
        index = moved.clamp(0, size - 1).to(x.device).reshape(form).expand(x.shape)
        x = x.gather(axis, index) * inside.to(x.device).reshape(form)
    return x


def _warp(x: Tensor, options: Augment) -> Tensor:
    count, dims = len(x), x.ndim - 2
    matrix = torch.eye(dims).repeat(count, 1, 1)  # in the order x, y, (z), as torch has it
    for one, two in ((0, 1),) if dims == 2 else ((0, 1), (0, 2), (1, 2)):
        angle = _uniform(count, math.radians(options.rotate))
        turn = torch.eye(dims).repeat(count, 1, 1)
        turn[:, one, one] = turn[:, two, two] = angle.cos()
        turn[:, one, two], turn[:, two, one] = -angle.sin(), angle.sin()
        matrix = matrix @ turn
    size = torch.tensor([float(side) for side in reversed(x.shape[2:])])
    matrix = matrix * size[None, None, :] / size[None, :, None]  # angles hold in voxels
    matrix = matrix / (1 + _uniform(count, options.scale))[:, None, None]
    theta = torch.cat([matrix, torch.zeros(count, dims, 1)], dim=2).to(x.device, x.dtype)
    grid = functional.affine_grid(theta, list(x.shape), align_corners=False)
    return functional.grid_sample(x, grid, align_corners=False)


def _change_intensities(x: Tensor, options: Augment) -> Tensor:
    if options.gamma:
        axes = tuple(range(1, x.ndim))
        low, high = x.amin(axes, keepdim=True), x.amax(axes, keepdim=True)
        width = (high - low).clamp(min=1e-6)
        exponent = _per_sample(1 + _uniform(len(x), options.gamma), x)
        x = ((x - low) / width).clamp(0, 1) ** exponent * width + low
    if options.contrast:
        x = x * _per_sample(1 + _uniform(len(x), options.contrast), x)
    if options.brighten:
        x = x + _per_sample(_uniform(len(x), options.brighten), x)
    return x + options.noise * torch.randn_like(x) if options.noise else x


def _cut_out(x: Tensor, width: int) -> Tensor:
    keep = torch.zeros((), dtype=torch.bool, device=x.device)
    for axis in range(2, x.ndim):
        size = x.shape[axis]
        start = torch.randint(-(width // 2), size - width // 2, (len(x), 1))
        place = torch.arange(size)
        outside = (place < start) | (place >= start + width)  # (B, size)
        form = [len(x), *(1,) * (axis - 1), size, *(1,) * (x.ndim - axis - 1)]
        keep = keep | outside.to(x.device).reshape(form)
    return x * keep
