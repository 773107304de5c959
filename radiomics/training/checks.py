"""What samples, network and recipe must be, found out before an epoch is spent on them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from radiomics.training import ranks
from radiomics.training.augment import check_shape
from radiomics.training.data import parts_of
from radiomics.training.recipe import Options
from radiomics.types import InputError, Samples

NAMED = 8  # samples that a message names


def check_samples(
    network: nn.Module, train: Samples, validation: Samples | None, options: Options
) -> None:
    """Demand samples that fit the task and each other.

    Raises
    ------
    InputError
        Saying what is missing, and of values that are not finite in which samples they stand.
    """
    if not train.ids:
        raise InputError("training", "there are samples to train on", "none", "give some")
    if options.patience is not None and validation is None:
        rule = "patience looks at the loss of validation samples"
        remedy = "give some (in a study: evaluation.validation), or leave patience out"
        raise InputError("training", rule, "none", remedy)
    if options.task == "survival" and ranks.world_size() > 1:
        rule = "the samples at risk stand in one batch on one device"
        raise InputError("training", rule, f"{ranks.world_size()} processes", "train on one")
    _check_batches(network, len(train.ids), options)
    _check_finite(train, "training")
    _check_images(train, options)
    _check_targets(train, options.task, "training")
    y = np.asarray(train.y)
    if options.task == "survival" and not y[:, 1].any():
        rule, remedy = "there is an event among the training samples", "correct the targets"
        raise InputError("training", rule, "none", remedy)
    if options.task in ("binary", "multiclass") and len(found := np.unique(y)) < 2:
        rule = "a task of classes needs two of them among the training samples"
        raise InputError("training", rule, f"only {found.tolist()}", "check the targets")
    if validation is not None:
        _check_validation(train, validation, options)


def _check_batches(network: nn.Module, count: int, options: Options) -> None:
    least = ranks.smallest_batch(network)
    smallest = min(count, options.batch_size // options.accumulate)
    if ranks.has_batch_norm(network) and smallest < least:
        processes = f", on each of {ranks.world_size()} processes" if ranks.world_size() > 1 else ""
        rule = f"batch norm needs two samples a batch, and in each of its parts{processes}"
        raise InputError("training", rule, f"{smallest}", "choose a larger batch_size")


def _check_images(train: Samples, options: Options) -> None:
    try:
        check_shape(train.x.shape[1:], options.augment)
    except ValueError as error:
        rule, remedy = "augment changes what samples have", "correct training.augment"
        raise InputError("training", rule, str(error), remedy) from None
    masks = options.augment.masks
    if not masks or not options.augment.changes():
        return
    binary = [
        np.isin(part[:, -masks:], (0, 1)).reshape(len(part), -1).all(axis=1)
        for part in parts_of(train.x)
    ]
    rows = np.flatnonzero(~np.concatenate(binary)).tolist()
    if rows:
        rule = f"the last {masks} channels are masks of 0 and 1"
        found = f"other values in samples {list_ids([train.ids[i] for i in rows])}"
        raise InputError("training", rule, found, "correct training.augment.masks, or the masks")


def _check_validation(train: Samples, validation: Samples, options: Options) -> None:
    where = "validation samples"
    shapes = train.x.shape[1:], validation.x.shape[1:]
    if shapes[0] != shapes[1] or not validation.ids:
        rule = f"there are some, of the shape of the training samples, {shapes[0]}"
        found = f"{len(validation.ids)} of shape {shapes[1]}"
        raise InputError(where, rule, found, "prepare both in the same way")
    _check_finite(validation, where)
    _check_targets(validation, options.task, where)


def _check_finite(samples: Samples, where: str) -> None:
    bad: list[NDArray[Any]] = []
    for array in (samples.x, samples.y):
        kept = [np.zeros(0, dtype=bool)]
        if array.dtype.kind == "f":
            kept = [np.isfinite(p).reshape(len(p), -1).all(axis=1) for p in parts_of(array)]
        bad.append(np.flatnonzero(~np.concatenate(kept)))
    rows = np.union1d(*bad).tolist()
    if rows:
        found = f"NaN or infinity in samples {list_ids([samples.ids[i] for i in rows])}"
        remedy = "correct these samples, or leave them out"
        raise InputError(where, "values and targets are finite", found, remedy)


def list_ids(ids: Sequence[str]) -> str:
    """Return ids in words: the first of them, and how many more there are.

    >>> list_ids(["a", "b"]), list_ids("abcdefghij")
    ('a, b', 'a, b, c, d, e, f, g, h and 2 more')
    """
    more = f" and {len(ids) - NAMED} more" if len(ids) > NAMED else ""
    return ", ".join(ids[:NAMED]) + more


def _check_targets(samples: Samples, task: str, where: str) -> None:
    y = np.asarray(samples.y)
    if task == "survival":
        _check_survival(y, where)
        return
    if y.ndim != 1:
        rule = "there is one target for each sample"
        raise InputError(where, rule, f"shape {y.shape}", "give targets of shape (N,)")
    found = [] if task == "regression" else np.unique(y).tolist()
    upper = 1 if task == "binary" else math.inf
    if not all(float(v).is_integer() and 0 <= v <= upper for v in found):
        rule = f"targets are {'0 and 1' if task == 'binary' else '0, 1, 2, ...'}"
        raise InputError(where, rule, f"{found[:NAMED]}", "number the classes")


def _check_survival(y: NDArray[Any], where: str) -> None:
    if y.ndim != 2 or y.shape[1] != 2 or not np.isin(y[:, 1], (0, 1)).all():
        rule = "targets are (N, 2): a time, and 1 for an event or 0 for none"
        raise InputError(where, rule, f"shape {y.shape}", "give both columns")
    if not (y[:, 0] > 0).all():
        rule, found = "times are above 0", f"times from {y[:, 0].min():g}"
        raise InputError(where, rule, found, "correct the targets")


def check_outputs(
    network: nn.Module, train: Samples, validation: Samples | None, options: Options
) -> int:
    """Demand a network that takes the samples and has an output for each class; return how many.

    Raises
    ------
    InputError
        Before an epoch is spent on it.
    """
    wanted = int(np.max(train.y)) + 1 if options.task == "multiclass" else 1
    device = next(network.parameters()).device
    mode = network.training
    network.eval()
    try:
        with torch.no_grad():
            shape = tuple(network(torch.zeros(1, *train.x.shape[1:], device=device)).shape)
    except (RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[0]
        rule = f"the network takes samples of shape {train.x.shape[1:]}"
        raise InputError("training", rule, reason, "build it for that input_shape") from None
    finally:
        network.train(mode)
    if len(shape) != 2 or shape[1] < wanted or (wanted == 1 and shape[1] != 1):
        rule = f"a {options.task} task needs {wanted} outputs for each sample"
        raise InputError("training", rule, f"shape {shape[1:]}", f"build it with {wanted} outputs")
    if options.task == "multiclass" and validation is not None:
        most = int(np.max(validation.y))
        if most >= shape[1]:
            rule = f"classes are those that the network puts out, 0 to {shape[1] - 1}"
            raise InputError("validation samples", rule, f"{most}", "correct the targets")
    return int(shape[1])
