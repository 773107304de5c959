"""Parts of a report that show networks: layers, training curves, what they looked at."""

from __future__ import annotations

from typing import Any

import numpy as np

from radiomics import models
from radiomics.evaluation.multiclass import confusion
from radiomics.pipelines.study.results import Outcome, Study
from radiomics.reporting import pictures
from radiomics.reporting.html import Section, Table

SHOWN = 9


def network_sections(study: Study) -> list[Section]:
    """Return the sections of all networks of a study.

    What they made of the tested samples is shown here for cohorts; for pictures it is shown for all
    models.
    """
    found: list[Section] = []
    for name, outcome in study.outcomes.items():
        if outcome.fitted and all(hasattr(model, "trained") for model in outcome.fitted):
            found += [_layers(name, outcome), _curves(name, outcome)]
            if study.features is not None and outcome.samples.classes:
                found += [_confusion_section(name, outcome), *mistakes(name, outcome)]
            heat = _attention(name, outcome)
            found += [heat] if heat is not None else []
    return found


def _layers(name: str, outcome: Outcome) -> Section:
    shape = outcome.fitted[0].shape
    network = outcome.fitted[0].trained.network.cpu()
    table = models.summary(network, shape)
    rows = [
        [r["layer"], r["kind"], _shape(r["output"]), f"{r['parameters']:,}", f"{r['memory']:,}"]
        for r in table.to_dict("records")
    ]
    text = (
        f"{table['parameters'].sum():,} parameters. Outputs and memory (bytes of output and "
        f"parameters) are those of one sample of shape {_shape(shape)}."
    )
    columns = ["Layer", "Kind", "Output", "Parameters", "Memory"]
    return Section(f"Layers of {name}", text, Table(columns, rows))


def _shape(sides: Any) -> str:
    return " x ".join(map(str, sides))


def _curves(name: str, outcome: Outcome) -> Section:
    histories = [model.trained.history for model in outcome.fitted]
    last = [len(history) for history in histories]
    folds = f", {len(histories)} folds (thin lines) and their mean" if len(histories) > 1 else ""
    trained = f"{min(last)} to {max(last)}" if min(last) < max(last) else f"{last[0]}"
    kinds = "Loss and accuracy" if "accuracy" in histories[0][-1] else "Loss"
    text = f"{kinds} by epoch{folds}; {trained} epochs were trained."
    return Section(f"Training of {name}", text, figures=[pictures.curves(histories)])


def _confusion_section(name: str, outcome: Outcome) -> Section:
    p = outcome.predictions
    drawn = pictures.confusion(
        confusion(p.y_true, class_scores(p.y_score)), outcome.samples.classes
    )
    text = "Cases by their class and by the most probable one, predicted out of fold."
    return Section(f"Predictions of {name}", text, figures=[drawn])


def mistakes(name: str, outcome: Outcome) -> list[Section]:
    """Show the surest of the mistakes of a model that sees images."""
    p, samples, score = (
        outcome.predictions,
        outcome.samples,
        class_scores(outcome.predictions.y_score),
    )
    wrong = np.flatnonzero(predicted(p.y_score) != p.y_true)
    if samples.x.ndim == 2 or not wrong.size:
        return []
    sure = score[wrong].max(axis=1)
    chosen = wrong[np.argsort(-sure, kind="stable")[:SHOWN]]
    place = {identity: number for number, identity in enumerate(samples.ids)}
    x = np.asarray(samples.x[np.array([place[p.ids[i]] for i in chosen])])
    seen = [model.config.tensors for model in outcome.fitted[:1]]  # fused models have none
    shown = list(_middle(x, seen[0] if seen else {}))
    titles = [
        f"{samples.classes[int(p.y_true[i])]}, taken for\n"
        f"{samples.classes[int(score[i].argmax())]} ({score[i].max():.0%})"
        for i in chosen
    ]
    text = f"{len(wrong):,} of {len(p.ids):,} samples; shown are the surest of these mistakes."
    drawn = [pictures.grid(shown, titles, alt="Misclassified samples")]
    return [Section(f"Mistakes of {name}", text, figures=drawn)]


def _attention(name: str, outcome: Outcome) -> Section | None:
    """Show Grad-CAM on the first tested samples of each class in turn."""
    from radiomics.training.gradcam import gradcam, last_convolution

    model, p, samples = outcome.fitted[0], outcome.predictions, outcome.samples
    if last_convolution(model.trained.network) is None or not samples.classes:
        return None
    first = np.flatnonzero(p.fold == 0)
    chosen = alternate_classes(p.y_true[first])[:SHOWN]
    place = {identity: number for number, identity in enumerate(samples.ids)}
    rows = np.array([place[p.ids[i]] for i in first[chosen]])
    called = predicted(p.y_score)[first[chosen]]
    x = np.asarray(samples.x[rows])
    heat = gradcam(model.trained, x, called)
    names = [samples.classes[k] for k in called]
    truth = [samples.classes[int(k)] for k in samples.y[rows]]
    titles = [f"{t}, taken for {n}" for t, n in zip(truth, names, strict=True)]
    text = (
        "What spoke for the predicted class at the last convolution (Grad-CAM), on samples that "
        "the network was not trained on; of volumes, the middle slice."
    )
    shown = _middle(x, model.config.tensors)
    drawn = pictures.grid(list(shown), titles, list(heat), alt=f"Grad-CAM of {name}")
    return Section(f"Where {name} looked", text, figures=[drawn])


def _middle(x: Any, tensors: dict[str, Any]) -> Any:
    """Return samples (N, C, H, W) whose channels are slices and masks as the middle slice alone."""
    if not tensors:
        return x
    from radiomics.preprocessing.tensors import Options

    options = Options.model_validate(tensors)
    if options.dims == 3:
        return x
    middle = options.voxels()[0] // 2
    return x[:, middle : middle + 1]


def predicted(score: Any) -> Any:
    """Return the class of each sample: the most probable, or 1 from a probability of one half."""
    return (score >= 0.5).astype(int) if score.ndim == 1 else score.argmax(axis=1)


def class_scores(score: Any) -> Any:
    """Return the probability of each class (N, K), of a binary outcome of both."""
    return score if score.ndim == 2 else np.stack([1 - score, score], axis=1)


def alternate_classes(y: Any) -> Any:
    """Return places so that classes take turns, each in its own order."""
    rank = np.empty(len(y), dtype=np.int64)
    for value in np.unique(y):
        rank[y == value] = np.arange((y == value).sum())
    return np.lexsort((y, rank))
