"""Parts of a report that answer METRICS item by item, from the record of the run alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from pipelines.config import StudyConfig
from pipelines.outcomes import CLINICAL, NOTHING, SIZE
from pipelines.study_checks import events_per_variable
from radiomics.evaluation.tuning import stratification
from radiomics.io.table import FeatureTable, Manifest
from radiomics.reporting.html import Section, Table

if TYPE_CHECKING:
    from pipelines.study import Study

MET, NOT, AUTHOR, NONE = "met", "not met", "for the author", "does not apply"
Answer = tuple[str, str]


class _Record:
    """What the answers read: the config, the source and the finished study."""

    def __init__(self, config: StudyConfig, source: Manifest | FeatureTable, study: Study) -> None:
        self.config, self.source, self.study = config, source, study
        rows = source.rows
        self.sites = int(rows["site"].nunique()) if "site" in rows else 0
        self.images = isinstance(source, Manifest)
        self.deep = any(
            hasattr(f, "trained") for o in study.outcomes.values() for f in o.fitted[:1]
        )


def guideline_sections(
    config: StudyConfig, source: Manifest | FeatureTable, study: Study
) -> list[Section]:
    """Return the section that answers METRICS; nothing is claimed without evidence of this run.

    References
    ----------
    .. [1] Kocak et al., Insights into Imaging 15 (2024) 8.
    """
    record = _Record(config, source, study)
    rows = [[str(n), title, *answer(record)] for n, (title, answer) in enumerate(ITEMS, start=1)]
    count = {state: sum(row[2] == state for row in rows) for state in (MET, NOT, AUTHOR, NONE)}
    told = ", ".join(f"{number} {state}" for state, number in count.items() if number)
    text = (
        f"The items of METRICS (METhodological RadiomICs Score, 2024), in short words of our own, "
        f"answered from what this run recorded: {told}. What a program cannot know is left to the "
        f"author, also where the study may meet it."
    )
    heads = ["No.", "Item", "State", "Evidence in this run, or what to fill in"]
    return [Section("METRICS, item by item", text, Table(heads, rows))]


def _author(what: str) -> Callable[[_Record], Answer]:
    return lambda _: (AUTHOR, what)


def _multicentre(r: _Record) -> Answer:
    if r.sites > 1:
        return MET, f"{r.sites} sites in the column 'site'"
    return (NOT, "one site") if r.sites else (AUTHOR, "the data have no column 'site'")


def _preprocessing(r: _Record) -> Answer:
    if not r.images:
        return AUTHOR, "the features come from another tool: say how images were prepared"
    settings = r.config.extraction
    done = [n for n in ("resample", "normalise", "resegment") if getattr(settings, n) is not None]
    return MET, f"recorded under Provenance, extraction: {', '.join(done) or 'no resampling'}"


def _software(r: _Record) -> Answer:
    if not r.images:
        return AUTHOR, "the features come from another tool: name it and its version"
    return MET, "this package; `radiomics verify` repeats IBSI's benchmarks on the same machine"


def _parameters(r: _Record) -> Answer:
    if not r.images:
        return AUTHOR, "the features come from another tool: give its settings"
    return MET, "all settings and versions stand under Provenance"


def _redundant(r: _Record) -> Answer:
    names = [str(spec["name"]) for spec in r.config.selection]
    if {"correlation", "mrmr"} & set(names):
        return MET, f"selection inside the folds: {', '.join(names)}"
    return NOT, "no selection by correlation or mrmr"


def _dimension(r: _Record) -> Answer:
    y = stratification(r.study.table.y, r.config.task)
    columns = [
        len(f.chain[:-1].get_feature_names_out())
        for o in r.study.outcomes.values()
        if o.candidates
        for f in o.fitted
    ]
    used = int(np.median(columns)) if columns else r.study.table.x.shape[-1]
    events = events_per_variable(y, r.study.table.groups, used)
    state = MET if events >= 10 else NOT
    return state, f"{events:.1f} patients of the rarest class for each column of a model ({used})"


def _partition(r: _Record) -> Answer:
    scheme = r.config.evaluation.scheme
    return MET, f"patients stand on one side of every split, asserted in the run; scheme: {scheme}"


def _confounders(r: _Record) -> Answer:
    method = r.config.harmonisation.method
    if method != "none":
        return MET, f"sites harmonised inside the folds ({method}); clinical covariates: {_has(r)}"
    return AUTHOR, f"no harmonisation; clinical covariates in the model: {_has(r)}"


def _has(r: _Record) -> str:
    return ", ".join(r.config.covariates) or "none"


def _calibrated(r: _Record) -> Answer:
    if r.config.task == "binary":
        return MET, "slope, intercept, expected error and curve, with intervals"
    if r.config.task == "survival":
        return MET, "Brier score weighted for censoring at each time"
    return NOT, "no assessment of calibration for this task"


def _clinical(r: _Record) -> Answer:
    for c in r.study.comparisons:
        if c.other == CLINICAL:
            return MET, f"{c.model} against {CLINICAL}: {c.difference}"
    for c in r.study.comparisons:
        if c.other == SIZE:
            return NOT, f"only size was compared ({c.model} against it: {c.difference})"
    return NOT, "no covariates were given"


def _simple(r: _Record) -> Answer:
    simple = [n for n in r.study.outcomes if n.startswith(("logistic", "elastic_net", "cox"))]
    others = [n for n in (SIZE, CLINICAL, NOTHING) if n in r.study.outcomes]
    return MET, f"baselines: {', '.join(others)}; linear models: {', '.join(simple) or 'none'}"


def _external(r: _Record) -> Answer:
    scheme = r.config.evaluation.scheme
    if scheme == "leave_one_site_out":
        return MET, "each site was tested by models of the other sites"
    if scheme == "external":
        return AUTHOR, "the column 'split' kept a test part: say whether it is from elsewhere"
    return NOT, "cross-validation only"


def _deep(r: _Record) -> Answer:
    return (AUTHOR, "networks were trained: assess their robustness") if r.deep else (NONE, "")


ITEMS: tuple[tuple[str, Callable[[_Record], Answer]], ...] = (
    ("A checklist or guideline was followed", _author("name it; this section answers METRICS")),
    ("Who was eligible, and represents whom", _author("criteria and period of inclusion")),
    ("The reference standard is good and defined", _author("how the outcome was determined")),
    ("Several centres", _multicentre),
    ("The images could be had in practice", _author("whether the protocol is routine")),
    ("Protocol and acquisition are described", _author("scanners and parameters")),
    ("Time between imaging and reference", _author("the interval")),
    ("Segmentation is described", _author("who or what drew the masks, and how")),
    ("Fully automated segmentation was evaluated", _author("where it was used")),
    ("Masks for testing from one reader or tool", _author("who drew those of the test parts")),
    ("Preprocessing is fit and described", _preprocessing),
    ("Standardised software for features", _software),
    ("Parameters of extraction are reported", _parameters),
    (
        "Features that are not robust are removed",
        lambda _: (NOT, "this run did not perturb images or masks"),
    ),
    ("Redundant features are removed", _redundant),
    ("Dimension fits the number of cases", _dimension),
    ("Robustness of deep pipelines", _deep),
    ("Data are parted properly", _partition),
    ("Confounders are handled", _confounders),
    ("Measures fit the task", lambda _: (MET, "see Performance")),
    ("Uncertainty is shown", lambda _: (MET, "95% intervals over patients for every estimate")),
    ("Calibration is assessed", _calibrated),
    ("One kind of image, or several shown better", _author("whether several were used")),
    ("Compared with what is not radiomics", _clinical),
    ("Compared with simple models", _simple),
    (
        "Internal testing",
        lambda r: (
            (MET, "out-of-fold predictions")
            if r.config.evaluation.scheme != "external"
            else (AUTHOR, "the kept test part: say where it is from")
        ),
    ),
    ("External testing", _external),
    ("Data are available", _author("where")),
    ("Code is available", _author("this package is open; where the config can be had")),
    ("The model is available", _author("where the bundle model.zip of this run can be had")),
)
