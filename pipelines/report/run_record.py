"""What answers to guidelines are read from: the config, the source and the finished study."""

from __future__ import annotations

from collections.abc import Callable

from radiomics.io.files.tables import FeatureTable, Manifest
from radiomics.pipelines.study.results import Study

MET, NOT, AUTHOR, NONE = "met", "not met", "for the author", "does not apply"
Answer = tuple[str, str]
"""A state, and the evidence for it or what is to be filled in."""


class RunRecord:
    """What the answers read; nothing else may be claimed."""

    def __init__(self, study: Study, source: Manifest | FeatureTable) -> None:
        self.config, self.source, self.study = study.config, source, study
        rows = source.rows
        self.sites = int(rows["site"].nunique()) if "site" in rows else 0
        self.images = isinstance(source, Manifest)
        self.deep = any(
            hasattr(f, "trained") for o in study.outcomes.values() for f in o.fitted[:1]
        ) or any("embedding" in spec for spec in study.config.models)

    @property
    def selectors(self) -> str:
        """Names of the ways of selection, in their order; empty without any."""
        return ", ".join(str(spec["name"]) for spec in self.config.selection)

    @property
    def covariates(self) -> str:
        """Names of the clinical covariates, or none."""
        return ", ".join(self.config.covariates) or "none"


Question = tuple[str, Callable[[RunRecord], Answer]]
"""An item in short words of our own, and what answers it from the record."""


def author(what: str) -> Callable[[RunRecord], Answer]:
    """Return an answer that leaves an item to the author."""
    return lambda _: (AUTHOR, what)


def of_images(answer: Callable[[RunRecord], Answer], what: str) -> Callable[[RunRecord], Answer]:
    """Return an answer that is left to the author where another tool made the features."""

    def answer_or_author(r: RunRecord) -> Answer:
        return answer(r) if r.images else (AUTHOR, f"the features come from another tool: {what}")

    return answer_or_author


def of_settings(answer: Callable[[RunRecord], Answer], what: str) -> Callable[[RunRecord], Answer]:
    """Return an answer that our settings give, unless PyRadiomics' parameters stand for them."""

    def answer_of_settings(r: RunRecord) -> Answer:
        if r.config.extraction.pyradiomics is not None:
            return MET, "as PyRadiomics' parameters say, which stand under Provenance"
        return answer(r)

    return of_images(answer_of_settings, what)


def confounders(r: RunRecord) -> Answer:
    """Say whether sites were harmonised, and which covariates the models had."""
    method = r.config.harmonisation.method
    if method != "none":
        harmonised = f"sites harmonised inside the folds ({method})"
        return MET, f"{harmonised}; clinical covariates: {r.covariates}"
    return AUTHOR, f"no harmonisation; clinical covariates in the model: {r.covariates}"
