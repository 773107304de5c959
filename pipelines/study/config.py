"""The study config: YAML onto checked options, with overrides by dotted key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import yaml
from pydantic import BaseModel, Field, field_validator, model_validator

from radiomics.extraction.settings import ExtractionSettings, load_settings
from radiomics.plugins import ConfigurationError, parse, parse_plugin, read_yaml, shipped
from radiomics.preprocessing.harmonisation import Options as HarmonisationOptions
from radiomics.preprocessing.tabular import Options as TabularOptions

if TYPE_CHECKING:
    from radiomics.training import Options

PLACES = ("folder", "manifest", "root", "table")
"""Options of sources that say where files lie on one machine."""
APART = ("training", "tune", "embedding")
"""Keys of a model's entry that are no options of the model."""


class Evaluation(BaseModel, frozen=True, extra="forbid"):
    """How estimates are made.

    ``scheme``: ``folds`` of cross-validation, ``repeats`` times, spread over sites too ``by_site``;
    or leave_one_site_out; or external: the column ``split`` holds train and test. Inside each
    training part ``inner`` folds (fewer where a class has fewer patients) choose among candidates,
    the threshold (Youden's, or that which reaches a ``sensitivity``), and ``recalibrate``
    probabilities. Intervals resample patients ``resamples`` times; ``permutations`` of the outcome
    test the first model; ``times`` are those of survival probabilities (without: the quartiles of
    the times of events). Networks keep the share ``validation`` of the patients of each training
    part aside, to choose the epoch with the smallest loss there, and to stop early.
    """

    scheme: Literal["folds", "leave_one_site_out", "external"] = "folds"
    folds: Annotated[int, Field(ge=2)] = 5
    repeats: Annotated[int, Field(ge=1)] = 1
    inner: Annotated[int, Field(ge=2)] = 5
    by_site: bool = False
    recalibrate: bool = True
    sensitivity: Annotated[float, Field(gt=0, le=1)] | None = None
    times: tuple[Annotated[float, Field(gt=0)], ...] = ()
    resamples: Annotated[int, Field(ge=100)] = 2000
    permutations: Annotated[int, Field(ge=0)] = 0
    validation: Annotated[float, Field(ge=0, le=0.5)] = 0.0


class StudyConfig(BaseModel, frozen=True, extra="forbid"):
    """A study from images to report.

    ``data`` names a source and its options; ``task`` is what is predicted; ``positive`` is the
    target's value that counts as an event; ``covariates`` are manifest columns that join the
    features; ``volume`` is the feature that a model of size alone takes; ``extraction`` is a
    preset's name or settings; ``duplicates`` says what happens to patients that share an image or
    all values: refuse, or merge them to one; ``harmonisation`` of sites and ``selection`` of
    features (a list of ways, one after the other) are fitted inside the folds. ``tensors`` says
    how networks see a case (:class:`radiomics.preprocessing.tensors.Options`); each of ``models``
    names a model and its options, those not given are tuned over the model's own values, or those
    under ``tune``; ``embedding`` of a model is a network of images that is trained inside the
    folds, and what its last layer sees joins the columns (or so many ``components`` of it);
    ``fusion`` lists models whose probabilities are averaged; ``training`` is the recipe of networks
    (:class:`radiomics.training.Options`), and a network's own ``training`` changes it.
    """

    title: str = "Radiomics study"
    data: dict[str, Any]
    task: Literal["binary", "multiclass", "regression", "survival"] = "binary"
    positive: bool | int | float | str = 1
    covariates: tuple[str, ...] = ()
    volume: str = "original_morphology_volume"
    duplicates: Literal["refuse", "merge"] = "refuse"
    extraction: ExtractionSettings = ExtractionSettings()
    tabular: TabularOptions = TabularOptions()
    harmonisation: HarmonisationOptions = HarmonisationOptions()
    selection: tuple[dict[str, Any], ...] = ()
    tensors: dict[str, Any] = {}
    training: dict[str, Any] = {}
    models: Annotated[tuple[dict[str, Any], ...], Field(min_length=1)] = ({"name": "logistic"},)
    fusion: tuple[tuple[str, ...], ...] = ()
    evaluation: Evaluation = Evaluation()
    gallery: Annotated[int, Field(ge=0)] = 8
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    @field_validator("data")
    @classmethod
    def _check_source(cls, values: dict[str, Any]) -> dict[str, Any]:
        parse_plugin("radiomics.datasets", values, "data")
        return values

    @field_validator("models")
    @classmethod
    def _check_models(cls, specs: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for spec in specs:
            own = {key: value for key, value in spec.items() if key not in APART}
            parse_plugin("radiomics.models", own, "models")
            if "embedding" in spec:
                network = _embedding(spec["embedding"], "models")
                parse_plugin("radiomics.models", network, "models.embedding")
        return specs

    @field_validator("selection")
    @classmethod
    def _check_selectors(cls, specs: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for spec in specs:
            parse_plugin("radiomics.selection", spec, "selection")
        return specs

    @model_validator(mode="after")
    def _check_recipes(self) -> StudyConfig:
        if self.tensors:
            from radiomics.preprocessing import tensors

            parse(tensors.Options, self.tensors, "tensors")
        if self.training:
            self.recipe({})
        for spec in self.models:
            for own in (spec, spec.get("embedding", {})):
                if "training" in own:
                    self.recipe(own)
        return self

    @model_validator(mode="after")
    def _refuse_unused(self) -> StudyConfig:
        seen = [is_network(spec) for spec in self.models]
        for spec, network in zip(self.models, seen, strict=True):
            if network and spec.get("tune"):
                rule = "networks are not tuned: give its options, or several models"
                raise ConfigurationError(f"models: tune of '{spec['name']}': {rule}")
        if self.evaluation.permutations and seen[0]:
            rule = "the outcome is dealt anew to the first model, which must not be a network"
            raise ConfigurationError(f"evaluation.permutations: {rule}: put another one first")
        if self.evaluation.sensitivity is not None and all(seen):
            rule = "it chooses the threshold of other models; that of networks is one half"
            raise ConfigurationError(f"evaluation.sensitivity: {rule}: take it out")
        return self

    def recipe(self, spec: Mapping[str, Any]) -> Options:
        """Return how a network is trained: the study's recipe, changed by the model's own."""
        from radiomics.training import Options

        given = {"seed": self.seed, **self.training, **spec.get("training", {})}
        if given.setdefault("task", self.task) != self.task:
            rule = f"the task is that of the study, {self.task}"
            raise ConfigurationError(f"training.task: {rule}; given: {given['task']!r}")
        found = parse(Options, given, "training")
        told = "masks" in found.augment.model_fields_set
        if told or not self.tensors or not found.augment.changes():
            return found
        from radiomics.preprocessing import tensors

        masks = parse(tensors.Options, self.tensors, "tensors").masks()
        augment = found.augment.model_copy(update={"masks": masks})
        return found.model_copy(update={"augment": augment})

    def deep_columns(self, spec: Mapping[str, Any]) -> dict[str, Any]:
        """Return a model's entry with all that its embedding takes, where it has one."""
        if "embedding" not in spec:
            return dict(spec)
        own = spec["embedding"]
        found = {
            "network": _embedding(own, "models.embedding"),
            "training": self.recipe(own).model_dump(mode="json"),
            "share": self.evaluation.validation,
            "components": own.get("components"),
        }
        return {**spec, "embedding": found}

    def published(self) -> dict[str, Any]:
        """Return all keys and values but folders of the machine."""
        dump = self.model_dump(mode="json")
        dump["data"] = {k: v for k, v in dump["data"].items() if k not in PLACES}
        return dump

    @field_validator("extraction", mode="before")
    @classmethod
    def _preset(cls, value: Any) -> Any:
        return load_settings(value) if isinstance(value, str) else value


def is_network(spec: Mapping[str, Any]) -> bool:
    """Tell networks from models with scikit-learn's manner: by what ``build`` says it returns."""
    own = {key: value for key, value in spec.items() if key not in APART}
    module, _ = parse_plugin("radiomics.models", own, "models")
    return str(module.build.__annotations__["return"]).endswith("Module")


def load_config(path: str | Path, overrides: Sequence[str] = ()) -> StudyConfig:
    """Read a study from a YAML file, or from one that ships with the package by its name.

    Parameters
    ----------
    overrides : ``key=value`` with dotted keys, values in YAML: ``evaluation.folds=3``

    Raises
    ------
    ConfigurationError
        Naming the file, the key, the rule, the value given and the nearest known key.
    """
    file = Path(path)
    if not file.is_file():
        shipped_file = shipped(f"{path}.yaml")
        if not shipped_file.is_file():
            raise ConfigurationError(f"{path}: there is no such file, and no study of that name")
        file = shipped_file
    merged = _resolved(read_yaml(file), file.parent)
    for text in overrides:
        _override(merged, text)
    where = f"{file} with {' '.join(overrides)}" if overrides else str(file)
    _check_plugins(merged, where)
    return parse(StudyConfig, merged, where)


def _resolved(values: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Take files that the config names from beside the config, wherever the shell stands."""
    data, extraction = values.get("data"), values.get("extraction")
    if isinstance(data, Mapping):
        named = {k: str(folder / v) for k, v in data.items() if k in PLACES and isinstance(v, str)}
        values["data"] = {**data, **named}
    if isinstance(extraction, str) and (folder / extraction).is_file():
        values["extraction"] = str(folder / extraction)
    return values


def _check_plugins(values: Mapping[str, Any], where: str) -> None:
    """Check what names a plugin on its own, so that a message points at the very key."""
    specs = [("data", "radiomics.datasets", values.get("data"))]
    for key in ("models", "selection"):
        listed = values.get(key)
        if isinstance(listed, list):
            specs += [(f"{key}.{i}", f"radiomics.{key}", spec) for i, spec in enumerate(listed)]
    for key, package, spec in specs:
        if isinstance(spec, Mapping):
            own = {k: v for k, v in spec.items() if k not in APART}
            parse_plugin(package, own, f"{where}: {key}")
            if "embedding" in spec and key.startswith("models"):
                inside = f"{where}: {key}.embedding"
                parse_plugin(package, _embedding(spec["embedding"], inside), inside)
        elif spec is not None:
            raise ConfigurationError(f"{where}: {key}: write it as {{name: ...}}; given: {spec!r}.")


def _embedding(spec: Any, where: str) -> dict[str, Any]:
    """Return the network of an embedding without what is no option of it."""
    if not isinstance(spec, Mapping):
        raise ConfigurationError(f"{where}: write it as {{name: ...}}; given: {spec!r}.")
    return {k: v for k, v in spec.items() if k not in ("training", "components")}


def _override(values: dict[str, Any], text: str) -> None:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigurationError(f"override '{text}': write it as key=value")
    *path, last = key.split(".")
    place: Any = values
    for part in path:
        if isinstance(place, list):
            place = place[_index(place, part, text)]
        elif part == "models":
            place = place.setdefault(part, [{"name": "logistic"}])  # as the default is
        else:
            place = place.setdefault(part, {})
        if not isinstance(place, dict | list):
            raise ConfigurationError(f"override '{text}': '{part}' holds no further keys")
    try:
        parsed = yaml.safe_load(value)
    except yaml.YAMLError as error:
        raise ConfigurationError(f"override '{text}': not valid YAML: {error}") from None
    if isinstance(place, list):
        place[_index(place, last, text)] = parsed
    else:
        place[last] = parsed


def _index(items: list[Any], part: str, text: str) -> int:
    if not part.isdigit() or int(part) >= len(items):
        raise ConfigurationError(
            f"override '{text}': '{part}' is no number from 0 to {len(items) - 1}"
        )
    return int(part)
