"""Your own labelled pictures: ``train/cat/1.png``, ``test/dog/2.png``, or ``cat/1.png`` alone."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel

from radiomics.io.files.class_folders import read_class_folders, warn_of_skipped
from radiomics.types import InputError, Progress, Samples, silent


class Options(BaseModel, frozen=True, extra="forbid"):
    """``root``: a directory or a tar archive of class folders, all images of one size.

    ``group`` is a regular expression whose first group finds the patient in an image's path, so
    that no patient stands on two sides of a split; without one each image is its own patient.
    ``on_error``: stop at an image that cannot be read or has another size, or skip it.
    """

    root: Path
    group: str | None = None
    on_error: Literal["stop", "skip"] = "stop"


def open(options: Options, progress: Progress = silent) -> Samples:  # noqa: A001
    """Return the images (N, C, H, W), labelled by the names of their folders.

    Raises
    ------
    InputError
        For a path without such images, an image that cannot be used, or one without a patient.
    """
    read = read_class_folders(options.root, on_error=options.on_error, progress=progress)
    warn_of_skipped(read.skipped)
    groups = np.array(read.names)
    if options.group is not None:
        groups = np.array([_patient_of(name, options.group) for name in read.names])
    split = read.parts if len(read.parts) else None
    return Samples(read.names, groups, read.x, read.labels, split=split, classes=read.classes)


def _patient_of(name: str, pattern: str) -> str:
    found = re.search(pattern, name)
    if found is None or not found.groups():
        rule = f"data.group ({pattern}) has a group in brackets and finds it in each path"
        raise InputError(name, rule, "nothing", "correct the expression")
    return found.group(1)
