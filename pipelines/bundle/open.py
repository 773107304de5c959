"""Open a bundle: nothing in it is run, and no class from elsewhere is made."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import skops.io
from sklearn.pipeline import Pipeline

from radiomics.evaluation.calibration import Recalibration
from radiomics.evaluation.tuning import Fitted, Plan
from radiomics.pipelines.bundle.model import BUNDLE, CHAIN, FORMAT, NETWORK, TRUSTED, Bundle
from radiomics.pipelines.study.embedding import from_card
from radiomics.pipelines.study.networks import Applied, architecture
from radiomics.types import InputError


def load(path: Path) -> Bundle:
    """Read a bundle; nothing in it is run, and no class from elsewhere is made.

    Raises
    ------
    InputError
        For a file that is no bundle, another format, or one that names classes it should not.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {name: archive.read(name) for name in archive.namelist()}
        about = json.loads(entries[BUNDLE])
        if about["format"] != FORMAT:
            raise KeyError(f"format {about['format']}, this version reads {FORMAT}")
        if NETWORK not in entries and CHAIN not in entries:
            raise KeyError("no model in it")
        chain = entries.get(CHAIN)
        names = [] if chain is None else skops.io.get_untrusted_types(data=chain)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        rule = "a bundle is the archive model.zip that a study writes"
        raise InputError(path, rule, f"{type(error).__name__}: {error}", "give that file") from None
    foreign = [name for name in names if name not in TRUSTED]
    if foreign:
        remedy = "do not use this file"
        raise InputError(path, "a bundle holds known classes", ", ".join(foreign[:3]), remedy)
    steps = None if chain is None else skops.io.loads(chain, trusted=names)
    if NETWORK in entries:
        known, applied = _network(entries[NETWORK], steps, about)
        if known["config"] != about["config"] or known["model"] != architecture(about["model"]):
            rule = "a bundle holds the network that it tells of"
            raise InputError(path, rule, "that of another study", "give the file of the study")
        return Bundle(applied, about)
    kept = about["recalibration"]
    fitted = Fitted(
        steps,
        Plan(about["task"], times=tuple(about["times"])),
        recalibration=Recalibration(kept["offset"], kept["factor"]) if kept else None,
        threshold=about["threshold"],
    )
    return Bundle(fitted, about)


def _network(
    data: bytes, steps: Pipeline | None, about: Mapping[str, Any]
) -> tuple[dict[str, Any], Applied]:
    """Return what the card of a network says, and the network."""
    from radiomics.training import card

    kept: dict[str, Any] = {}

    def build(values: dict[str, Any]) -> Any:
        kept.update(values)
        return from_card(values)

    trained = card.loads(data, build)
    hazard = kept.get("baseline_hazard")
    known = None
    if hazard is not None:
        known = np.array(hazard["times"]), np.array(hazard["cumulative"])
    return kept, Applied(trained, steps, tuple(about["times"]), known)
