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
from radiomics.pipelines.study.embedding import build_from_card
from radiomics.pipelines.study.networks import Applied, architecture
from radiomics.plugins import is_from_plugin
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
        description = json.loads(entries[BUNDLE])
        if description["format"] != FORMAT:
            raise KeyError(f"format {description['format']}, this version reads {FORMAT}")
        if NETWORK not in entries and CHAIN not in entries:
            raise KeyError("no model in it")
        chain = entries.get(CHAIN)
        names = [] if chain is None else skops.io.get_untrusted_types(data=chain)
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        rule = "a bundle is the archive model.zip that a study writes"
        raise InputError(path, rule, f"{type(error).__name__}: {error}", "give that file") from None
    foreign = [name for name in names if name not in TRUSTED and not is_from_plugin(name)]
    if foreign:
        remedy = "do not use this file"
        raise InputError(path, "a bundle holds known classes", ", ".join(foreign[:3]), remedy)
    steps = None if chain is None else skops.io.loads(chain, trusted=names)
    if NETWORK in entries:
        known, applied = _network(entries[NETWORK], steps, description)
        if known["config"] != description["config"] or known["model"] != architecture(
            description["model"]
        ):
            rule = "a bundle holds the network that it tells of"
            raise InputError(path, rule, "that of another study", "give the file of the study")
        return Bundle(applied, description)
    kept = description["recalibration"]
    fitted = Fitted(
        steps,
        Plan(description["task"], times=tuple(description["times"])),
        recalibration=Recalibration(kept["offset"], kept["factor"]) if kept else None,
        threshold=description["threshold"],
    )
    return Bundle(fitted, description)


def _network(
    data: bytes, steps: Pipeline | None, description: Mapping[str, Any]
) -> tuple[dict[str, Any], Applied]:
    """Return what the card of a network says, and the network."""
    from radiomics.training import card

    kept: dict[str, Any] = {}

    def build(values: dict[str, Any]) -> Any:
        kept.update(values)
        return build_from_card(values)

    trained = card.loads(data, build)
    hazard = kept.get("baseline_hazard")
    known = None
    if hazard is not None:
        known = np.array(hazard["times"]), np.array(hazard["cumulative"])
    return kept, Applied(trained, steps, tuple(description["times"]), known)
