"""Networks as models of a study: built for the samples, trained in each fold, kept as files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pipelines.config import APART, StudyConfig
from pipelines.environment import installed
from radiomics import models
from radiomics.evaluation.splits import held_out
from radiomics.types import Progress, Samples, silent

if TYPE_CHECKING:
    from radiomics.training import Trained


@dataclass
class Network:
    """A network with an estimator's manner; ``trained`` is there after :meth:`fit_samples`."""

    config: StudyConfig
    spec: dict[str, Any]
    folder: Path
    progress: Progress = silent
    trained: Trained | None = None

    def fit_samples(self, samples: Samples) -> Network:
        """Train on these samples; some patients are kept aside where the config says so.

        The state lies under the identity of the samples: the same study goes on where it stopped.
        """
        from radiomics.training import fit, seeded

        config = self.config
        validation = None
        if config.evaluation.validation:
            share, classes = config.evaluation.validation, config.task != "regression"
            kept, aside = held_out(samples.y, samples.groups, share, config.seed, classes=classes)
            samples, validation = samples.take(kept), samples.take(aside)
        with seeded(config.seed):
            network = build(config, self.spec, samples)
        options = config.recipe(self.spec)
        name = sha256("\n".join(samples.ids).encode()).hexdigest()[:12]
        self.trained = fit(
            network,
            samples,
            validation,
            options=options,
            folder=self.folder / name,
            progress=self.progress,
        )
        return self

    def predict_samples(self, samples: Samples) -> NDArray[np.float64]:
        """Return values, probabilities, or probabilities of each class."""
        if self.trained is None:
            raise ValueError("the network is not trained yet")
        return self.trained.predict(samples.x)

    def save(self, path: Path, samples: Samples, metrics: dict[str, float]) -> None:
        """Write weights and card."""
        from radiomics.training import card

        if self.trained is None:
            raise ValueError("the network is not trained yet")
        about = {
            "model": architecture(self.spec),
            "input_shape": list(samples.x.shape[1:]),
            "outputs": outputs(self.config, samples),
            "classes": list(samples.classes),
            "config": self.config.published(),
            "versions": installed(),
            "metrics": metrics,
        }
        card.save(self.trained, path, about)


def architecture(spec: dict[str, Any]) -> dict[str, Any]:
    """Return what a model's entry says of the model itself."""
    return {key: value for key, value in spec.items() if key not in APART}


def outputs(config: StudyConfig, samples: Samples) -> int:
    """Return how many numbers a network puts out for one sample."""
    return len(samples.classes) if config.task == "multiclass" else 1


def build(config: StudyConfig, spec: dict[str, Any], samples: Samples) -> Any:
    """Return the untrained network of a model's entry for these samples."""
    chosen = architecture(spec)
    name = str(chosen.pop("name"))
    shape = tuple(samples.x.shape[1:])
    return models.build(name, input_shape=shape, outputs=outputs(config, samples), **chosen)


def builder(
    config: StudyConfig, spec: dict[str, Any], folder: Path, progress: Progress
) -> Callable[[], Network]:
    """Return a function that makes the unfitted network."""
    return lambda: Network(config, spec, folder, progress)
