"""The settings of feature extraction: a preset, a YAML file, a dict, all checked before work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

from pydantic import (
    BaseModel,
    Field,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from radiomics import features as families
from radiomics.features import ivh as ivh_family
from radiomics.kernels.texture.aggregation import Directional
from radiomics.plugins import (
    ConfigurationError,
    did_you_mean,
    external_plugins,
    load,
    modules,
    parse,
    parse_plugin,
    read_yaml,
    shipped,
)
from radiomics.plugins import names as names_of
from radiomics.preprocessing import discretise, intensity, masks
from radiomics.preprocessing import resample as resampling

CT, PET = "HU", "SUV"
"""How the units of CT and of PET in SUV begin."""


LATER = ("unit", "lengths")
"""Keys that settings did not always have."""
PYRADIOMICS = {"setting", "featureClass", "imageType", "voxelSetting"}
"""Sections by which a parameter file of PyRadiomics is known."""


class ExtractionSettings(BaseModel, frozen=True, extra="forbid"):
    """What is computed, and from what. Lengths in mm, axes in array order z, y, x.

    With ``unit`` an image in another one is refused: bins of 0.5 SUV mean nothing in Bq/ml.

    ``lengths: px`` measures in pixels, whatever spacing an image has: then all lengths of settings
    are in pixels, too, and columns that depend on lengths say so with ``_px``. With ``mm`` an image
    without a spacing is refused where a table has several images, so that no column mixes both.

    ``pyradiomics``, the content of one of PyRadiomics' parameter files, asks for its features
    instead; empty for its defaults.
    """

    modality: Literal["CT", "MR", "PT", "other"] | None = None
    unit: Literal["SUV"] | None = None
    lengths: Literal["mm", "px"] = "mm"
    resample: resampling.Options | None = None
    normalise: intensity.Options | None = None
    resegment: masks.Options | None = None
    discretisation: discretise.Options | None = None
    ivh: ivh_family.Options | None = None
    filters: tuple[dict[str, Any], ...] = Field(({"name": "original"},), min_length=1)
    families: tuple[str, ...] = Field(families.STANDARD, min_length=1)
    aggregation: tuple[Directional, ...] = Field(("3d_averaged",), min_length=1)

    spatial_autocorrelation: bool = True
    pyradiomics: dict[str, Any] | None = None

    @model_validator(mode="after")
    def _pyradiomics_alone(self) -> ExtractionSettings:
        if self.pyradiomics is not None:
            fields = type(self).model_fields.items()
            free = ("pyradiomics", "modality", "lengths")
            others = [n for n, f in fields if n not in free and getattr(self, n) != f.default]
            if others:
                raise ValueError(f"PyRadiomics' parameters say all themselves: leave out {others}")
            from radiomics.compat import parameters

            parameters.read(self.pyradiomics)
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core: Any, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        """Return the schema for editors, with the options of every filter."""
        schema = handler(core)
        entries = [_filter_schema(*item) for item in modules("radiomics.filters").items()]
        handler.resolve_ref_schema(schema)["properties"]["filters"]["items"] = {"anyOf": entries}
        return schema

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out keys that came later and are not used: results without them keep their keys."""
        dump: dict[str, Any] = handler(self)
        unused = {n for n in LATER if getattr(self, n) == type(self).model_fields[n].default}
        return {name: value for name, value in dump.items() if name not in unused}

    @field_validator("aggregation", mode="before")
    @classmethod
    def _one_or_several(cls, names: Any) -> Any:
        return (names,) if isinstance(names, str) else names

    @field_validator("aggregation")
    @classmethod
    def _each_once(cls, names: tuple[Directional, ...]) -> tuple[Directional, ...]:
        return _once(names)

    @model_validator(mode="after")
    def _rounding_keeps_units(self) -> ExtractionSettings:
        if self.normalise and self.resample and self.resample.round_intensities:
            raise ValueError("normalised intensities lose their meaning by round_intensities")
        return self

    @field_validator("families")
    @classmethod
    def _known_families(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name in families.NAMES:
                continue
            if name not in external_plugins("radiomics.features"):
                hint = did_you_mean(name, names_of("radiomics.features"))
                raise ValueError(f"there is no '{name}'. {hint}")
            load("radiomics.features", name)
        return _once(names)

    @field_validator("filters")
    @classmethod
    def _known_filters(cls, specs: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        for spec in specs:
            parse_filter(spec)
        return specs

    @model_validator(mode="after")
    def _families_of_filters(self) -> ExtractionSettings:
        for spec in self.filters:
            for name in spec.get("families", ()):
                if name not in self.families:
                    hint = did_you_mean(name, self.families)
                    raise ValueError(
                        f"filter {spec['name']}: families are among those of the settings, and "
                        f"'{name}' is not. {hint}"
                    )
        return self


def _once(names: tuple[Any, ...]) -> tuple[Any, ...]:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} is named more than once: its columns would be, too")
    return names


def _filter_schema(name: str, module: ModuleType) -> dict[str, Any]:
    schema: dict[str, Any] = module.Options.model_json_schema()
    own = discretise.Options.model_json_schema()
    chosen = {
        "type": "array",
        "items": {"enum": list(names_of("radiomics.features"))},
        "minItems": 1,
    }
    schema["properties"] |= {"name": {"const": name}, "discretisation": own, "families": chosen}
    schema["properties"]["by_slice"] = {"type": "boolean", "default": False}
    schema["required"] = ["name", *schema.get("required", [])]
    return schema | {"title": name}


ABOUT_IMAGES = ("discretisation", "families", "by_slice")
"""Keys of an entry of ``filters`` that are not the filter's own options."""


def parse_filter(spec: Mapping[str, Any]) -> tuple[ModuleType, Any, discretise.Options | None]:
    """Return a filter's module, its options, and how its images are discretised if it says so."""
    rest = {k: value for k, value in spec.items() if k not in ABOUT_IMAGES}
    name = str(spec.get("name", "an entry"))
    if not isinstance(spec.get("by_slice", False), bool):
        raise ValueError(f"{name}.by_slice: true or false, not {spec['by_slice']!r}")
    chosen = spec.get("families", ("any",))
    if not isinstance(chosen, list | tuple) or not chosen:
        raise ValueError(f"{name}.families: a list of families, not {chosen!r}")
    module, options = parse_plugin("radiomics.filters", rest, name)
    if spec.get("by_slice") and getattr(options, "dims", None) != 2:
        raise ValueError(f"{name}.by_slice: for filters in the plane (dims: 2), which this is not")
    own = spec.get("discretisation")
    return module, options, own and parse(discretise.Options, own, f"{name}.discretisation")


def presets() -> list[str]:
    """Return the names of the presets that ship with the package."""
    return sorted(path.stem for path in shipped("extraction").glob("*.yaml"))


def load_settings(
    settings: str | Path | Mapping[str, Any] | ExtractionSettings,
) -> ExtractionSettings:
    """Return checked settings from a preset's name, a YAML file, a dict, or themselves.

    Raises
    ------
    ConfigurationError
        Naming the file, the key, the rule, the value given and the nearest known key.
    """
    if isinstance(settings, ExtractionSettings):
        return settings
    if isinstance(settings, Mapping):
        return parse(ExtractionSettings, settings, "settings")
    if str(settings) in presets():
        path = shipped("extraction", f"{settings}.yaml")
    else:
        path = Path(settings)
    if not path.is_file():
        hint = did_you_mean(str(settings), presets())
        raise ConfigurationError(f"settings: no preset and no file '{settings}'. {hint}")
    content = read_yaml(path)
    if isinstance(content, Mapping) and PYRADIOMICS & set(content):  # one of its parameter files
        from radiomics.compat import parameters

        try:
            content = {"pyradiomics": parameters.read(path)}
        except ValueError as error:
            raise ConfigurationError(str(error)) from None
    return parse(ExtractionSettings, content, str(path))


def unit_in(unit: str, settings: ExtractionSettings) -> tuple[str, list[str]]:
    """Return the unit of an image as settings understand it, and what is to be noted of that.

    A file of a format without units (NIfTI, NRRD, MetaImage) is in HU where the settings are for
    CT, in SUV where they are for SUV: the same scan has the same features, whatever file it comes
    from.
    """
    if unit:
        return unit, []
    if settings.modality == "CT":
        return CT, ["a file without a unit: taken as HU, since the settings are for CT"]
    if settings.unit is not None:
        return settings.unit, [
            f"a file without a unit: taken as {settings.unit}, which the settings are for"
        ]
    open_ = settings.discretisation is None or settings.ivh is None
    if settings.modality in ("MR", "other") or not open_ or settings.pyradiomics is not None:
        return unit, []
    bins, more = default_discretisation(unit).bins, default_ivh(unit).bins
    return unit, [
        f"a file without a unit: {bins} grey levels and {more} levels of the histogram where the "
        "settings do not say, not those of CT or PET: name the modality, or discretisation and ivh"
    ]


def default_discretisation(unit: str) -> discretise.Options:
    """Return how grey levels are made of intensities in a unit where the settings do not say.

    Calibrated units have bins of a fixed width, so that a level means the same in every patient: 25
    HU, 0.5 SUV. Others, whose numbers mean nothing by themselves, are divided into 32 bins.
    """
    if unit == CT:
        return discretise.Options(method="fixed_bin_size", bin_width=25)
    if unit.startswith(PET):
        return discretise.Options(method="fixed_bin_size", bin_width=0.5, lower=0)
    return discretise.Options(method="fixed_bin_number", bins=32)


def default_ivh(unit: str) -> ivh_family.Options:
    """Return the levels of the intensity-volume histogram where the settings do not say.

    By IBSI's advice: each HU is a level, SUV have bins of 0.1, other units 1000 bins.
    """
    if unit == CT:
        return ivh_family.Options(method="calibrated")
    if unit.startswith(PET):
        return ivh_family.Options(method="fixed_bin_size", bin_width=0.1)
    return ivh_family.Options(method="fixed_bin_number", bins=1000)
