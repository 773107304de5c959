"""The items of CLEAR, and what answers each from the record of a run.

An item is met where the report of the run says what it asks for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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
from radiomics.pipelines.study.estimates import CLINICAL, SIZE, label

RULE = "the unit's rule (HU: bins of 25; SUV: bins of 0.5; others: 32 bins)"


def _options_text(options: Mapping[str, Any]) -> str:
    return ", ".join(f"{k} {v}" for k, v in options.items() if v is not None)


def _model_text(spec: Mapping[str, Any]) -> str:
    options = _options_text({k: v for k, v in spec.items() if k != "name"})
    return f"{spec['name']} ({options})" if options else str(spec["name"])


def _sample_size(r: RunRecord) -> Answer:
    patients = len(np.unique(r.study.table.groups))
    return AUTHOR, f"{patients} patients were analysed: say how their number was chosen"


def _split(r: RunRecord) -> Answer:
    options = r.config.evaluation
    again = f", dealt {options.repeats} times" if options.repeats > 1 else ""
    kinds = {
        "folds": f"{options.folds} folds{again}, stratified by outcome",
        "leave_one_site_out": "each site left out in turn",
        "external": "the column 'split' holds train and test",
    }
    return MET, f"{kinds[options.scheme]}; no patient stands on two sides, asserted in the run"


def _acquisition(r: RunRecord) -> Answer:
    grids = r.study.features.grids.values() if r.study.features is not None else ()
    if not grids:
        return AUTHOR, "scanners and parameters of acquisition"
    spacing = np.array([grid["spacing"] for grid in grids])
    low, high = (" x ".join(f"{s:g}" for s in part) for part in (spacing.min(0), spacing.max(0)))
    units = ", ".join(sorted({str(grid["unit"]) or "not told" for grid in grids}))
    return AUTHOR, f"voxels of {low} to {high} mm, unit {units}; fill in scanners and protocol"


def _predictors(r: RunRecord) -> Answer:
    if not r.config.covariates:
        return NONE, "the models have no clinical covariates"
    return AUTHOR, f"define {r.covariates}, and how they were measured"


def _reference(r: RunRecord) -> Answer:
    event = f", event {r.config.positive!r}" if r.config.task in ("binary", "survival") else ""
    return AUTHOR, f"the column 'target'{event}: say how it was determined"


def _preprocessing(r: RunRecord) -> Answer:
    settings = r.config.extraction
    parts = {"normalise": settings.normalise, "resegment": settings.resegment}
    told = [
        f"{name}: {_options_text(o.model_dump())}" for name, o in parts.items() if o is not None
    ]
    return MET, "; ".join(told) or "intensities were not changed"


def _resampling(r: RunRecord) -> Answer:
    options = r.config.extraction.resample
    return MET, _options_text(
        options.model_dump()
    ) if options is not None else "the grids were kept"


def _discretisation(r: RunRecord) -> Answer:
    options = r.config.extraction.discretisation
    return MET, _options_text(options.model_dump()) if options is not None else RULE


def _image_types(r: RunRecord) -> Answer:
    return MET, "; ".join(_model_text(spec) for spec in r.config.extraction.filters)


def _count(r: RunRecord) -> Answer:
    if r.study.features is None:
        return AUTHOR, "how many features were computed"
    return MET, f"{r.study.features.table.shape[1]} features, {len(r.config.covariates)} covariates"


def _missing(r: RunRecord) -> Answer:
    gaps = len(r.study.features.missing) if r.study.features is not None else 0
    how = f"imputed ({r.config.tabular.impute}) inside the folds"
    return MET, f"{gaps} features with gaps, {how}; a gap in the outcome is refused"


def _imbalance(r: RunRecord) -> Answer:
    if r.config.task == "regression":
        return NONE, "the outcome is a number"
    y, names = stratification(r.study.table.y, r.config.task), r.study.table.classes
    names = names or ("censored", "event")
    found = ", ".join(f"{name}: {int((y == k).sum())}" for k, name in enumerate(names))
    return MET, f"cases {found}; no case was drawn twice, made up or left out for balance"


def _reduction(r: RunRecord) -> Answer:
    if not r.selectors:
        return NONE, "no selection was asked for: a model sees all columns"
    return MET, f"inside the folds: {'; '.join(map(_model_text, r.config.selection))}"


def _algorithms(r: RunRecord) -> Answer:
    names = ", ".join(str(spec["name"]) for spec in r.config.models)
    return MET, f"{names}; options and versions stand under Provenance"


def _training(r: RunRecord) -> Answer:
    tried = [
        f"{name}: {len(o.candidates)} candidates over {r.config.evaluation.inner} inner folds"
        for name, o in r.study.outcomes.items()
        if len(o.candidates) > 1
    ]
    recipe = ["the recipe of networks stands under Provenance"] if r.deep else []
    return MET, "; ".join([*tried, *recipe]) or "all options were fixed beforehand"


def _choice(r: RunRecord) -> Answer:
    first = next(iter(r.study.outcomes))
    return MET, f"{first}, the first of the config, is the study's model; all others are shown too"


def _testing(r: RunRecord) -> Answer:
    scheme = r.config.evaluation.scheme
    if scheme == "external":
        return AUTHOR, "the kept part of the column 'split': say where it is from"
    if scheme == "leave_one_site_out":
        return MET, "each site tested by models of the other sites"
    return MET, "internal: out-of-fold predictions of cross-validation"


def _measures(r: RunRecord) -> Answer:
    found = next(iter(r.study.outcomes.values())).estimates
    names = ", ".join(label(name) for name in found if name != "roc_auc_delong")
    return AUTHOR, f"say why these fit the question: {names}"


def _uncertainty(r: RunRecord) -> Answer:
    count = r.config.evaluation.resamples
    return MET, f"95% intervals for every estimate, {count} bootstrap samples of patients"


def _compared(r: RunRecord) -> Answer:
    if not r.study.comparisons:
        return NOT, "there was one model alone"
    exact = ", DeLong's test" if r.config.task == "binary" else ""
    return (
        MET,
        f"paired bootstrap{exact}, p-values after Holm over {len(r.study.comparisons)} pairs",
    )


def _beside(r: RunRecord) -> Answer:
    if CLINICAL in r.study.outcomes:
        return MET, f"{CLINICAL} ({r.covariates}); the study's model has both kinds of columns"
    size = f"{SIZE} was compared, but " if SIZE in r.study.outcomes else ""
    return NOT, f"{size}no covariates were given"


def _beside_results(r: RunRecord) -> Answer:
    for c in r.study.comparisons:
        if c.other == CLINICAL:
            return MET, f"{c.model} less {CLINICAL}: {c.difference}"
    return NOT, "no covariates were given"


def _explained(r: RunRecord) -> Answer:
    chains = [o.fitted[0].chain for o in r.study.outcomes.values() if o.candidates and o.fitted]
    if chains and hasattr(chains[0][-1], "coef_"):
        return MET, "weights of the linear model with their spread over folds"
    if r.deep:
        return AUTHOR, "Grad-CAM is shown of networks that convolve: say what it tells"
    return NOT, "the study's model has no weights to show"


def _baseline(r: RunRecord) -> Answer:
    if r.config.covariates:
        return MET, f"Cohort, by outcome and site: {r.covariates}"
    return NOT, "no covariates were given: Cohort counts patients and cases alone"


def _flow(r: RunRecord) -> Answer:
    found = len(r.source)
    return AUTHOR, f"Flow of cases begins with the {found} given: add who was screened before"


def _features(r: RunRecord) -> Answer:
    if r.selectors:
        return MET, "How stable the choice is; masks and scans were not repeated"
    return NOT, "nothing was selected, masks and scans were not repeated"


def _performance(r: RunRecord) -> Answer:
    name, outcome = next(iter(r.study.outcomes.items()))
    measure, estimate = next(iter(outcome.estimates.items()))
    return MET, f"{name}: {label(measure)} {estimate}; all others under Performance"


ITEMS: tuple[Question, ...] = (
    ("Title names the method", author("title of the manuscript")),
    ("Structured summary", author("abstract")),
    ("Keywords", author("keywords")),
    ("Background", author("clinical and scientific background")),
    ("Why radiomics", author("rationale")),
    ("Objectives", author("objectives")),
    ("Guidelines followed", author("name them; this section and METRICS can be a supplement")),
    ("Ethics", author("approval, consent, protection of data")),
    ("Sample size", _sample_size),
    ("Nature of the study", author("prospective or retrospective")),
    ("Eligibility", author("criteria, and how patients were found")),
    ("Flowchart of the technical steps", lambda _: (NOT, "in words and settings alone")),
    ("Source of the data", author("public or private, and where from")),
    ("Overlap with earlier data", author("patients of earlier studies")),
    ("How data are split", _split),
    ("Imaging protocol", _acquisition),
    ("Predictors that are not radiomics", _predictors),
    ("Reference standard", _reference),
    ("Way of segmentation", author("by hand or by which tool, on which images")),
    ("Who segmented", author("readers and their experience")),
    ("Preprocessing of images", of_settings(_preprocessing, "say what it did to images")),
    ("Resampling", of_settings(_resampling, "method and voxel size")),
    ("Discretisation", of_settings(_discretisation, "method and bins")),
    ("Types of images", of_settings(_image_types, "original or filtered, and how")),
    (
        "How features are extracted",
        of_images(lambda _: (MET, "this package, versions under Provenance"), "name it"),
    ),
    (
        "Classes of features",
        of_settings(lambda r: (MET, ", ".join(r.config.extraction.families)), "its classes"),
    ),
    ("Number of features", _count),
    (
        "Remaining parameters are defaults",
        of_images(lambda _: (MET, "Provenance lists all, defaults included"), "say so"),
    ),
    ("Missing data", _missing),
    ("Balance of classes", _imbalance),
    (
        "Reliability of segmentation",
        of_images(
            lambda _: (NOT, "one mask a case; none was repeated"), "say if masks were repeated"
        ),
    ),
    ("Scaling of features", lambda r: (MET, f"{r.config.tabular.scale}, inside the folds")),
    ("Reduction of dimensions", _reduction),
    ("Algorithms", _algorithms),
    ("Training and tuning", _training),
    ("Confounders", confounders),
    ("Choice of the model", _choice),
    ("Way of testing", _testing),
    ("Measures, and why these", _measures),
    ("Uncertainty", _uncertainty),
    ("Statistical comparison", _compared),
    ("Beside what is not radiomics, and both", _beside),
    ("Interpretation", _explained),
    ("Patients at baseline", _baseline),
    ("Flowchart of eligibility", _flow),
    ("Statistics of features", _features),
    ("Results: performance", _performance),
    ("Results: beside what is not radiomics", _beside_results),
    ("Main findings", author("discussion")),
    ("Earlier work", author("discussion")),
    ("Use in practice", author("discussion")),
    ("Strengths and limits", author("discussion")),
    ("Images and masks shared", author("where, or why not")),
    ("Features shared", author("where features.parquet of this run can be had")),
    (
        "Settings of preprocessing shared",
        author("where the config can be had; it is in Provenance"),
    ),
    ("Code of modelling shared", author("this package is open; name the version")),
    ("Model shared", author("where model.zip of this run can be had")),
    ("Ready to use", author("radiomics predict applies model.zip: say where it can be tried")),
)
