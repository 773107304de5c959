"""Sources of samples (labelled pictures, rows of numbers): checked and parted as cohorts are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256

import numpy as np
from numpy.typing import NDArray

from radiomics.evaluation.duplicates import join_duplicates
from radiomics.evaluation.splits import Split, fixed_split, grouped_folds, grouped_parts
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.embedding import VALIDATION
from radiomics.types import InputError, Samples

TRAIN, TEST = "train", "test"
PARTS = {
    TRAIN: TRAIN,
    "val": VALIDATION,
    "valid": VALIDATION,
    VALIDATION: VALIDATION,
    TEST: TEST,
}
"""Names of parts, and what they are called from here on."""


def prepare_samples(config: StudyConfig, samples: Samples) -> Samples:
    """Return samples that fit the task and the config, their parts and patients sorted out.

    Patients that share a picture are refused, or one from here on, as ``duplicates`` says.

    Raises
    ------
    InputError
        Naming the key that does not fit; for copies, unknown parts, a patient in two of them, or
        a class that nothing could be learnt of. All of it before any work.
    """
    _check_task(config, samples)
    _check_scheme(config)
    groups = samples.groups
    if samples.x.ndim > 2:  # rows of numbers may be equal by chance
        digests = {
            name: sha256(np.ascontiguousarray(x).data).hexdigest()
            for name, x in zip(samples.ids, samples.x, strict=True)
        }
        groups = join_duplicates(groups, digests, samples.ids, config.duplicates)
    made = replace(samples, groups=groups, split=_part_names(samples))
    if made.split is not None:
        _check_training_part(config, made)
    splits_of_samples(config, made)
    return made


def splits_of_samples(config: StudyConfig, samples: Samples) -> list[list[Split]]:
    """Return the parts that a source of samples fixes, or else folds.

    Those of a validation part stand among those to train on:
    :func:`radiomics.pipelines.study.embedding.split_validation` keeps them aside.
    """
    split, groups = samples.split, samples.groups
    if split is not None:
        return [fixed_split(np.where(split == VALIDATION, TRAIN, split), groups)]
    if config.task in ("binary", "multiclass"):
        return [grouped_folds(samples.y, groups, config.evaluation.folds, config.seed)]
    return [grouped_parts(groups, config.evaluation.folds, config.seed)]


def sample_warnings(samples: Samples) -> list[str]:
    """Return which parts lack a class: measures over all classes have no value there."""
    if samples.split is None:
        return []
    return [
        f"the part {part} has no sample of {samples.classes[k]}: measures that need every class "
        f"have no value there"
        for part in (VALIDATION, TEST)
        if (samples.split == part).any()
        for k in _missing_classes(samples, part)
    ]


def _missing_classes(samples: Samples, part: str) -> Iterator[int]:
    there = samples.y[samples.split == part]
    return (k for k in range(len(samples.classes)) if not (there == k).any())


def _check_task(config: StudyConfig, samples: Samples) -> None:
    if config.covariates:
        rule = "only a cohort has covariates"
        raise InputError("covariates", rule, ", ".join(config.covariates), "take them out")
    count = len(np.unique(samples.y)) if samples.classes else 0
    if config.task == "survival":
        rule = "survival is studied with cohorts and tables that have the column time"
        raise InputError("task", rule, str(config.data["name"]), "choose another source or task")
    fits = {"binary": count == 2, "multiclass": count > 2, "regression": count == 0}
    if not fits[config.task]:
        rule = "binary tasks have two classes, multiclass tasks more, regressions none"
        found = f"task {config.task}, {count} classes"
        raise InputError("task", rule, found, "set task, or data.classes")


def _check_scheme(config: StudyConfig) -> None:
    options = config.evaluation
    if options.scheme != "folds" or options.repeats > 1 or options.by_site:
        rule = "samples are tested on the part that their source keeps for it, or in folds once"
        found = f"scheme {options.scheme}, repeats {options.repeats}, by_site {options.by_site}"
        raise InputError("evaluation", rule, found, "take scheme, repeats and by_site out")


def _part_names(samples: Samples) -> NDArray[np.str_] | None:
    """Return the part of each sample by its usual name; None where folds are to be made."""
    if samples.split is None:
        return None
    given = sorted(set(map(str, samples.split.tolist())))
    known = {PARTS.get(name, "") for name in given}
    if known == {TRAIN}:
        return None
    if "" in known or not {TRAIN, TEST} <= known:
        raise InputError(
            "data",
            "parts are train and test, with or without one of val, valid and validation",
            f"the parts {', '.join(given)}",
            "rename them, or have folders of classes alone for folds",
        )
    return np.array([PARTS[str(name)] for name in samples.split.tolist()])


def _check_training_part(config: StudyConfig, samples: Samples) -> None:
    """Demand that the training part has all classes and no patient of the validation part."""
    parts = np.asarray(samples.split)
    aside = np.asarray(parts == VALIDATION)
    if aside.any() and config.evaluation.validation:
        rule = "a source with a validation part says itself who chooses the epoch"
        found = f"a part with {int(aside.sum())} samples, and {config.evaluation.validation:g}"
        raise InputError("evaluation.validation", rule, found, "take one of them out")
    absent = [samples.classes[k] for k in _missing_classes(samples, TRAIN)]
    if absent:
        rule = "every class has samples to train on"
        remedy = "add some, or take the class out of the other parts too"
        raise InputError("data", rule, f"train has none of {', '.join(absent)}", remedy)
    shared = np.intersect1d(samples.groups[parts == TRAIN], samples.groups[aside])
    if shared.size:
        rule = "no patient is in both train and validation"
        found = f"{shared.size}: {', '.join(map(str, shared[:5]))}"
        raise InputError("data", rule, found, "put all samples of a patient on one side")
