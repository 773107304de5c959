"""The items of METRICS, and what answers each from the record of a run."""

from __future__ import annotations

import numpy as np

from radiomics.evaluation.tuning import stratification
from radiomics.pipelines.report.run_record import (
    AUTHOR,
    MET,
    NONE,
    NOT,
    Answer,
    Question,
    RunRecord,
    author,
    confounders,
    of_images,
    of_settings,
)
from radiomics.pipelines.study.checks import events_per_variable
from radiomics.pipelines.study.estimates import CLINICAL, NOTHING, SIZE
from radiomics.pipelines.study.models import names_of

LINEAR = ("logistic", "elastic_net", "cox", "linear")


def _multicentre(r: RunRecord) -> Answer:
    if r.sites > 1:
        return MET, f"{r.sites} sites in the column 'site'"
    return (NOT, "one site") if r.sites else (AUTHOR, "the data have no column 'site'")


def _preprocessing(r: RunRecord) -> Answer:
    settings = r.config.extraction
    done = [n for n in ("resample", "normalise", "resegment") if getattr(settings, n) is not None]
    return MET, f"recorded under Provenance, extraction: {', '.join(done) or 'no resampling'}"


def _software(r: RunRecord) -> Answer:
    if r.config.extraction.pyradiomics is not None:
        return AUTHOR, "features as PyRadiomics defines them, which departs from IBSI in parts"
    return MET, "this package; radiomics verify repeats IBSI's benchmarks on the same machine"


def _parameters(_: RunRecord) -> Answer:
    return MET, "all settings and versions stand under Provenance"


def _redundant(r: RunRecord) -> Answer:
    names = [str(spec["name"]) for spec in r.config.selection]
    if {"correlation", "mrmr"} & set(names):
        return MET, f"selection inside the folds: {', '.join(names)}"
    return NOT, "no selection by correlation or mrmr"


def _dimension(r: RunRecord) -> Answer:
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


def _partition(r: RunRecord) -> Answer:
    scheme = r.config.evaluation.scheme
    return MET, f"patients stand on one side of every split, asserted in the run; scheme: {scheme}"


def _calibrated(r: RunRecord) -> Answer:
    if r.config.task == "binary":
        return MET, "slope, intercept, expected error and curve, with intervals"
    if r.config.task == "survival":
        return MET, "Brier score weighted for censoring at each time"
    return NOT, "no assessment of calibration for this task"


def _clinical(r: RunRecord) -> Answer:
    for c in r.study.comparisons:
        if c.other == CLINICAL:
            return MET, f"{c.model} against {CLINICAL}: {c.difference}"
    for c in r.study.comparisons:
        if c.other == SIZE:
            return NOT, f"only size was compared ({c.model} against it: {c.difference})"
    return NOT, "no covariates were given"


def _simple(r: RunRecord) -> Answer:
    named = zip(names_of(r.config), r.config.models, strict=True)
    simple = [n for n, s in named if s["name"] in LINEAR and "embedding" not in s]
    others = [n for n in (SIZE, CLINICAL, NOTHING) if n in r.study.outcomes]
    return MET, f"baselines: {', '.join(others)}; linear models: {', '.join(simple) or 'none'}"


def _external(r: RunRecord) -> Answer:
    scheme = r.config.evaluation.scheme
    if scheme == "leave_one_site_out":
        return MET, "each site was tested by models of the other sites"
    if scheme == "external":
        return AUTHOR, "the column 'split' kept a test part: say whether it is from elsewhere"
    return NOT, "cross-validation only"


def _deep(r: RunRecord) -> Answer:
    return (
        (AUTHOR, "networks were trained: assess their robustness")
        if r.deep
        else (NONE, "no network was trained")
    )


ITEMS: tuple[Question, ...] = (
    (
        "A checklist or guideline was followed",
        author("name it; these sections answer METRICS and CLEAR"),
    ),
    ("Who was eligible, and represents whom", author("criteria and period of inclusion")),
    ("The reference standard is good and defined", author("how the outcome was determined")),
    ("Several centres", _multicentre),
    ("The images could be had in practice", author("whether the protocol is routine")),
    ("Protocol and acquisition are described", author("scanners and parameters")),
    ("Time between imaging and reference", author("the interval")),
    ("Segmentation is described", author("who or what drew the masks, and how")),
    ("Fully automated segmentation was evaluated", author("where it was used")),
    ("Masks for testing from one reader or tool", author("who drew those of the test parts")),
    (
        "Preprocessing is fit and described",
        of_settings(_preprocessing, "say how images were prepared"),
    ),
    ("Standardised software for features", of_images(_software, "name it and its version")),
    ("Parameters of extraction are reported", of_images(_parameters, "give its settings")),
    (
        "Features that are not robust are removed",
        lambda _: (NOT, "this run did not perturb images or masks"),
    ),
    ("Redundant features are removed", _redundant),
    ("Dimension fits the number of cases", _dimension),
    ("Robustness of deep pipelines", _deep),
    ("Data are parted properly", _partition),
    ("Confounders are handled", confounders),
    ("Measures fit the task", lambda _: (MET, "see Performance")),
    ("Uncertainty is shown", lambda _: (MET, "95% intervals over patients for every estimate")),
    ("Calibration is assessed", _calibrated),
    ("One kind of image, or several shown better", author("whether several were used")),
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
    ("Data are available", author("say where")),
    ("Code is available", author("this package is open; say where the config can be had")),
    ("The model is available", author("say where model.zip of this run can be had")),
)
