"""Labelled images to Samples: which classes, how many, and a border around each."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from radiomics.types import InputError, Samples

Count = Annotated[int, Field(ge=1)]


class Options(BaseModel, frozen=True, extra="forbid"):
    """What all sources of labelled images can be asked for.

    ``root`` is where the files lie. With ``classes``, only these are taken and numbered in this
    order. ``train`` and ``test`` take so many samples of each part, the first of each class in
    turn; ``pad`` adds a border of zeros on each side.
    """

    root: Path | None = None
    classes: tuple[str, ...] = ()
    train: Count | None = None
    test: Count | None = None
    pad: Annotated[int, Field(ge=0)] = 0


def assemble_samples(
    parts: dict[str, tuple[NDArray[Any], NDArray[Any]]], names: tuple[str, ...], options: Options
) -> Samples:
    """Make Samples of the parts of a data set.

    Parameters
    ----------
    parts : images (N, C, H, W) and labels (N,) of ``train``, ``test``, ...
    names : the classes that labels count

    Raises
    ------
    InputError
        For a class that the data set does not have, a label beyond its classes, images and labels
        that differ in number, or a part with fewer samples than asked for.
    """
    absent = [name for name in options.classes if name not in names]
    if absent:
        rule = f"classes are among {', '.join(names)}"
        raise InputError("data.classes", rule, ", ".join(absent), "correct the name")
    wanted = [names.index(name) for name in options.classes or names]
    number = np.full(len(names), -1)
    number[wanted] = np.arange(len(wanted))
    limits = {"train": options.train, "test": options.test}
    x, y, ids, split = [], [], [], []
    for part, (images, labels) in parts.items():
        _check(part, images, labels, names)
        chosen = np.flatnonzero(np.isin(labels, wanted))
        limit = limits.get(part)
        if limit is not None:
            chosen = _first_of_each_class(chosen, labels, limit, part)
        x.append(_pad_images(images[chosen], options.pad))
        y.append(number[labels[chosen]])
        ids += [f"{part}/{i:05d}" for i in chosen.tolist()]
        split += [part] * len(chosen)
    return Samples(
        tuple(ids),
        np.array(ids),
        np.concatenate(x) if len(x) > 1 else x[0],
        np.concatenate(y),
        split=np.array(split),
        classes=tuple(names[i] for i in wanted),
    )


def _check(part: str, images: NDArray[Any], labels: NDArray[Any], names: tuple[str, ...]) -> None:
    if len(images) != len(labels):
        found = f"{len(images)} images, {len(labels)} labels"
        raise InputError(part, "each image has one label", found, "fetch the files anew")
    outside = np.flatnonzero((labels < 0) | (labels >= len(names)))
    if len(outside):
        rule = f"labels count the classes from 0 to {len(names) - 1}"
        found = f"{labels[outside[0]]} for image {outside[0]} ({len(outside)} such labels)"
        raise InputError(part, rule, found, "correct the labels")


def _first_of_each_class(
    chosen: NDArray[Any], labels: NDArray[Any], limit: int, part: str
) -> NDArray[Any]:
    """Take the first samples of each class in turn, so that a small part is balanced."""
    if limit > len(chosen):
        rule = f"{part} asks for at most what there is"
        raise InputError(f"data.{part}", rule, f"{limit} of {len(chosen)}", "ask for fewer")
    chosen_labels = labels[chosen]
    rank = np.empty(len(chosen), dtype=np.int64)
    for value in np.unique(chosen_labels):
        rank[chosen_labels == value] = np.arange((chosen_labels == value).sum())
    return np.asarray(np.sort(chosen[np.lexsort((chosen, rank))[:limit]]))


def _pad_images(images: NDArray[Any], width: int) -> NDArray[Any]:
    if not width:
        return images
    return np.pad(images, [(0, 0), (0, 0), (width, width), (width, width)])
