"""Networks as models of a study: built for the samples, trained in each fold, kept as files."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.pipeline import Pipeline

from radiomics.evaluation.nested import grouped_frame
from radiomics.models.cox import baseline, events_by
from radiomics.pipelines.provenance import installed
from radiomics.pipelines.study import chains, embedding
from radiomics.pipelines.study.config import APART, StudyConfig
from radiomics.types import Progress, Samples, silent

if TYPE_CHECKING:
    from radiomics.training import Trained

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Applied:
    """A trained network with all that it takes to predict: of tables, their preparation too.

    ``hazard`` is the baseline of a survival network, times and cumulative hazard; ``times`` are
    those by which the probability of an event is predicted.
    """

    trained: Trained
    preparation: Pipeline | None = None
    times: tuple[float, ...] = ()
    hazard: tuple[Floats, Floats] | None = None

    def predict(self, x: Any) -> Floats:
        """Return values, probabilities, those of each class, or of an event by each time.

        Parameters
        ----------
        x : images (N, C, ...), or a table with the columns of training
        """
        values = x if self.preparation is None else _numbers(self.preparation.transform(x))
        score = self.trained.predict(values)
        return score if self.hazard is None else events_by(score, self.times, self.hazard)


@dataclass
class Network:
    """A network with an estimator's manner; all from ``applied`` on is there after a fit.

    ``design`` is how rows of features are prepared; images and plain numbers have none. ``times``
    are those of a survival study; ``shape`` is that of one sample as the network sees it. The state
    of the training lies below ``folder``.
    """

    config: StudyConfig
    spec: dict[str, Any]
    folder: Path = Path()
    progress: Progress = silent
    design: chains.Design | None = None
    times: tuple[float, ...] = ()
    applied: Applied | None = None
    shape: tuple[int, ...] = ()
    outputs: int = 1
    classes: tuple[str, ...] = ()

    def fit_samples(self, samples: Samples) -> Network:
        """Train on these samples; some patients are kept aside where the config says so.

        Those kept aside choose the epoch, so the preparation of rows does not see them either. The
        state lies under the identity of the samples: the same study goes on where it stopped.
        """
        kept, aside = self.parts(samples)
        preparation = None
        if self.design is not None and samples.x.ndim == 2:
            preparation = Pipeline(chains.preparation(self.design))
            preparation.fit(grouped_frame(kept), kept.y)
            kept = _prepare_rows(preparation, kept)
            aside = None if aside is None else _prepare_rows(preparation, aside)
        place = self.folder / sha256("\n".join(samples.ids).encode()).hexdigest()[:12]
        options = self.config.recipe(self.spec)
        trained = embedding.train(
            architecture(self.spec), kept, options, aside, place, self.progress
        )
        self.applied = Applied(trained, preparation, self.times)
        if self.config.task == "survival":
            seen = samples if preparation is None else _prepare_rows(preparation, samples)
            hazard = baseline(samples.y, trained.predict(seen.x))
            self.applied = replace(self.applied, hazard=hazard)
        self.shape, self.classes = tuple(kept.x.shape[1:]), samples.classes
        self.outputs = embedding.count_outputs(self.config.task, samples)
        return self

    def parts(self, samples: Samples) -> tuple[Samples, Samples | None]:
        """Return which of these samples are learnt from, and which choose the epoch, if any."""
        share = self.config.evaluation.validation
        return embedding.split_validation(samples, self.config.recipe(self.spec), share)

    @property
    def trained(self) -> Trained:
        """The trained network itself."""
        return self._applied().trained

    def predict_samples(self, samples: Samples) -> Floats:
        """Return what :meth:`Applied.predict` does."""
        applied = self._applied()
        return applied.predict(samples.x if applied.preparation is None else grouped_frame(samples))

    def card(self, metrics: dict[str, float]) -> dict[str, Any]:
        """Return what the card of the network says besides its training."""
        applied = self._applied()
        found = {
            "model": architecture(self.spec),
            "input_shape": list(self.shape),
            "outputs": self.outputs,
            "classes": list(self.classes),
            "config": self.config.published(),
            "versions": installed(),
            "metrics": metrics,
        }
        if applied.hazard is None:
            return found
        times, total = applied.hazard
        hazard = {"times": times.tolist(), "cumulative": total.tolist()}
        return found | {"times": list(self.times), "baseline_hazard": hazard}

    def save(self, path: Path, metrics: dict[str, float]) -> None:
        """Write weights and card."""
        from radiomics.training import card

        card.save(self.trained, path, self.card(metrics))

    def _applied(self) -> Applied:
        if self.applied is None:
            raise ValueError("the network is not trained yet")
        return self.applied


def architecture(spec: dict[str, Any]) -> dict[str, Any]:
    """Return what a model's entry says of the model itself."""
    return {key: value for key, value in spec.items() if key not in APART}


def _prepare_rows(preparation: Pipeline, samples: Samples) -> Samples:
    """Return rows as a fitted preparation makes them."""
    x = _numbers(preparation.transform(grouped_frame(samples)))
    names = tuple(map(str, preparation.get_feature_names_out()))
    return Samples(samples.ids, samples.groups, x, samples.y, names, classes=samples.classes)


def _numbers(x: Any) -> NDArray[np.float32]:
    return np.asarray(x, dtype=np.float32)
