"""Networks inside the folds: trained on a training part, and their embeddings as columns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from radiomics import models
from radiomics.evaluation.splits import hold_out_groups
from radiomics.evaluation.tuning import stratification
from radiomics.io.files.cache import cached_arrays, fingerprint
from radiomics.plugins import ConfigurationError
from radiomics.types import InputError, Progress, Samples, silent

if TYPE_CHECKING:
    from radiomics.training import Options, Trained

ROW = "image row"
"""Column of a table that says where a case's image stands among the images."""
VALIDATION = "validation"
"""Name of the part of a source whose samples choose the epoch."""


def split_validation(
    samples: Samples, options: Options, share: float = 0.0
) -> tuple[Samples, Samples | None]:
    """Return the samples to learn from, and those kept aside to choose the epoch, if any.

    Whatever learns anything, such as a selection of features, is fitted to the first alone.

    Parameters
    ----------
    samples : of a training part; ``y`` in the form of the task
    share : of the patients to keep aside; 0 for none, or where the source says who that is
    """
    named = None if samples.split is None else samples.split == VALIDATION
    if named is not None and named.any():
        return samples.take(np.flatnonzero(~named)), samples.take(np.flatnonzero(named))
    if not share:
        return samples, None
    strata = stratification(samples.y, options.task)
    classes = options.task != "regression"
    y = strata if classes else samples.y
    kept, aside = hold_out_groups(y, samples.groups, share, options.seed, classes=classes)
    return samples.take(kept), samples.take(aside)


def train(
    architecture: Mapping[str, Any],
    samples: Samples,
    options: Options,
    validation: Samples | None = None,
    folder: Path | None = None,
    progress: Progress = silent,
) -> Trained:
    """Train a network on samples, its epoch chosen by others.

    Parameters
    ----------
    architecture : name and options of a model
    samples, validation : the parts of :func:`parted`
    folder : where the state of the training is kept; None keeps none
    progress : called after each epoch
    """
    from radiomics.training import fit, seeded

    with seeded(options.seed):
        network = build(architecture, samples.x.shape[1:], count_outputs(options.task, samples))
    held = None if validation is None else with_survival_columns(validation)
    return fit(
        network,
        with_survival_columns(samples),
        held,
        options=options,
        folder=folder,
        progress=progress,
    )


def build(architecture: Mapping[str, Any], shape: tuple[int, ...], count: int) -> Any:
    """Return the untrained network for samples of a shape, with so many outputs.

    Raises
    ------
    InputError
        For samples that it does not take.
    """
    options = {key: value for key, value in architecture.items() if key != "name"}
    name = str(architecture["name"])
    try:
        return models.build(name, input_shape=tuple(shape), outputs=count, **options)
    except (InputError, ConfigurationError):
        raise
    except ValueError as error:
        remedy = "choose another network, or other tensors"
        raise InputError("models", "a network fits its samples", str(error), remedy) from None


def count_outputs(task: str, samples: Samples) -> int:
    """Return how many numbers a network puts out for one sample."""
    if task != "multiclass":
        return 1
    return len(samples.classes) or int(np.max(samples.y)) + 1


def with_survival_columns(samples: Samples) -> Samples:
    """Return samples whose survival outcome is a table of times and events, as losses take it."""
    if not samples.y.dtype.names:
        return samples
    y = np.column_stack([samples.y["time"], samples.y["event"]]).astype(np.float64)
    return Samples(samples.ids, samples.groups, samples.x, y, samples.columns)


@dataclass(frozen=True)
class Images:
    """Images by row: in memory, or in a file that is read where they are needed.

    Processes that share a study are given the path and not the images.
    """

    path: Path | None = None
    array: Any = None

    def __deepcopy__(self, _: object) -> Images:
        """Return the same: copies of a chain share their images."""
        return self

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the images of rows: (N, C, D, H, W) or (N, C, H, W)."""
        if self.path is None:
            return np.asarray(self.array[rows])
        return np.asarray(np.load(self.path, mmap_mode="r", allow_pickle=False)[rows])


def store_images(x: NDArray[Any], folder: Path) -> Images:
    """Keep images (N, ...) in a file, under what they are, and return where they are found."""
    digest = fingerprint(
        "images", x.shape, x.dtype, sha256(np.ascontiguousarray(x).data).hexdigest()
    )
    kept: Any = cached_arrays(digest, lambda: {"images": x}, folder)["images"]
    return Images(Path(kept.filename))


class Embedding(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Train a network on the images of a training part; give what its last layer sees as columns.

    It stands in a chain, so that it is trained anew inside every training part, inner ones too. No
    check of scikit-learn's ``check_estimator`` that fits can hold: those fit arrays of numbers, and
    this learns from images, which the rows of a table count.

    Parameters
    ----------
    network : name and options of a model of images
    training : all options of :class:`radiomics.training.Options`
    share : of the patients kept aside to choose the epoch
    images : where the images are that the column :data:`ROW` counts
    """

    def __init__(
        self,
        network: Mapping[str, Any],
        training: Mapping[str, Any],
        share: float = 0.0,
        images: Images | None = None,
    ) -> None:
        self.network = network
        self.training = training
        self.share = share
        self.images = images

    def fit(self, x: pd.DataFrame, y: NDArray[Any]) -> Embedding:
        """Train on the rows of a table (N, 1), whose index names patients.

        Raises
        ------
        InputError
            Where several processes share a study, and for another input than such a table.
        """
        from radiomics.training import Options, card, ranks
        from radiomics.training.embedding import embed
        from radiomics.training.threads import run_on_one_thread

        if ranks.world_size() > 1:
            rule = "embeddings are trained inside the folds, by one process"
            raise InputError(
                "models", rule, f"{ranks.world_size()} processes", "start the study alone"
            )
        rows = self._rows(x, fitting=True)
        names = tuple(map(str, range(len(rows))))
        samples = Samples(names, x.index.to_numpy(dtype=str), self._images_of(rows), y)
        options = Options.model_validate(dict(self.training))
        kept, aside = split_validation(samples, options, self.share)
        trained = run_on_one_thread(lambda: train(self.network, kept, options, aside))
        found = run_on_one_thread(lambda: embed(trained, samples.x))  # (N, E)
        self.mean_ = found.mean(axis=0)
        self.spread_ = float(np.sqrt(found.var(axis=0).mean())) or 1.0
        about = {
            "model": dict(self.network),
            "input_shape": list(samples.x.shape[1:]),
            "outputs": count_outputs(options.task, samples),
        }
        self.weights_ = np.frombuffer(card.dumps(trained, about), dtype=np.uint8)
        return self

    def transform(self, x: pd.DataFrame) -> NDArray[np.float64]:
        """Return the embeddings of rows (N, E), centred, in units of their common spread.

        A column of its own spread would blow up where a unit was all but silent in training.

        Raises
        ------
        NotFittedError
            Before ``fit``.
        """
        from radiomics.training import card
        from radiomics.training.embedding import embed
        from radiomics.training.threads import run_on_one_thread

        check_is_fitted(self)
        trained = card.loads(self.weights_.tobytes(), build_from_card)
        seen = self._images_of(self._rows(x, fitting=False))
        return np.asarray(
            (run_on_one_thread(lambda: embed(trained, seen)) - self.mean_) / self.spread_
        )

    def get_feature_names_out(self, _: Any = None) -> NDArray[Any]:
        """Return the names of the columns: deep_000, deep_001, ..."""
        check_is_fitted(self)
        return np.array([f"deep_{k:03d}" for k in range(len(self.mean_))], dtype=object)

    def _rows(self, x: pd.DataFrame, *, fitting: bool) -> NDArray[np.int64]:
        if not isinstance(x, pd.DataFrame) or ROW not in x:
            rule = f"an embedding takes a table with the column {ROW!r}, which counts its images"
            raise InputError("models", rule, type(x).__name__, "give such a table")
        validate_data(self, x, reset=fitting, skip_check_array=True)
        return x[ROW].to_numpy(dtype=np.int64)

    def _images_of(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        if self.images is None:
            raise ValueError("an embedding needs images: set them before it is used")
        return self.images.take(rows)


def build_from_card(card: Mapping[str, Any]) -> Any:
    """Return the untrained network that a card tells of."""
    return build(card["model"], tuple(card["input_shape"]), int(card["outputs"]))


def json_options(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return options as they are after JSON: lists for tuples, as archives keep them."""
    found: dict[str, Any] = json.loads(json.dumps(values))
    return found
