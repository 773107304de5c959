"""Which columns settings lead to, and which options each family's values depend on.

A layout is the list of a table's columns in parts, one a family. A part's key holds all that its
values depend on besides the case: where the options of one family change, the others' keys stay.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from radiomics.pipelines.store import key
from radiomics.plugins import ConfigurationError

if TYPE_CHECKING:
    from radiomics.extraction.settings import ExtractionSettings

COMMON = ("modality", "lengths", "resample", "normalise", "resegment", "filters")
"""Options that decide what every family sees."""
READ_BY_FAMILY = {
    "morphology": ("spatial_autocorrelation",),
    "morphology_2d": (),
    "local_intensity": (),
    "intensity": (),
    "ivh": ("ivh", "discretisation"),
    "histogram": ("discretisation",),
}
"""Options that a family reads besides; one that is not listed reads bins and aggregation."""
TEXTURES = ("discretisation", "aggregation")


@dataclass(frozen=True)
class Layout:
    """The columns of some settings, the parts that they consist of, and the key of it all."""

    key: str
    columns: tuple[str, ...]
    parts: dict[str, str]
    owners: tuple[str, ...]

    def columns_of(self, family: str) -> list[str]:
        """Return the columns of one family."""
        return [c for c, owner in zip(self.columns, self.owners, strict=True) if owner == family]

    def stored(self) -> list[tuple[str, list[str]]]:
        """Return of each part its key and its columns, as records keep them."""
        return [(part, self.columns_of(family)) for family, part in self.parts.items()]


@dataclass(frozen=True)
class SettingsLayout:
    """Settings: the name that outputs call them by, their text, and the layout they lead to."""

    label: str
    text: str
    layout: Layout


def layouts_of(settings: Sequence[str]) -> list[SettingsLayout]:
    """Check settings, presets or files, and return the layouts that they lead to.

    Raises
    ------
    ConfigurationError
        When one is wrong, or two have one name.
    """
    from radiomics.extraction.settings import load_settings

    found: list[SettingsLayout] = []
    for text in settings:
        label = Path(text).stem
        if any(one.label.casefold() == label.casefold() for one in found):  # one file on macOS
            raise ConfigurationError(f"settings: two are called '{label}': rename a file")
        found.append(settings_layout(label, load_settings(text)))
    return found


def settings_layout(label: str, settings: ExtractionSettings) -> SettingsLayout:
    """Return settings with their layout."""
    text = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
    return SettingsLayout(label, text, layout_of(settings))


def layout_of(settings: ExtractionSettings) -> Layout:
    """Return the layout of settings; columns are in the order in which extraction gives them."""
    from radiomics.extraction import versions

    owners = dict(columns_of(settings))
    dump = settings.model_dump(mode="json")
    code = versions(settings)
    if settings.pyradiomics is not None:  # all of it is one part
        whole = key([dump["pyradiomics"], dump["modality"], dump["lengths"], code])
        name = key([list(owners), [whole]])
        return Layout(name, tuple(owners), {"pyradiomics": whole}, tuple(owners.values()))
    parts = {}
    for family in settings.families:
        read = {name: dump[name] for name in (*COMMON, *READ_BY_FAMILY.get(family, TEXTURES))}
        used = {n: v for n, v in code.items() if n.partition(".")[0] != "families"}
        parts[family] = key([family, read, used, code[f"families.{family}"]])
    name = key([list(owners), list(parts.values())])
    return Layout(name, tuple(owners), parts, tuple(owners.values()))


def columns_of(settings: ExtractionSettings) -> list[tuple[str, str]]:
    """Return each column that settings lead to, with its family."""
    from radiomics.extraction.columns import columns_of as described

    return [(column.column, column.family) for column in described(settings)]
