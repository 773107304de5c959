"""Which columns settings lead to, and which options each family's values depend on.

A layout is the list of a table's columns in parts, one a family. A part's key holds all that its
values depend on besides the case: where the options of one family change, the others' keys stay.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from radiomics.pipelines.batch.modalities import UNITS, modality_code
from radiomics.pipelines.store import key
from radiomics.plugins import ConfigurationError, read_yaml

if TYPE_CHECKING:
    from radiomics.extraction.settings import ExtractionSettings

COMMON = ("modality", "resample", "normalise", "resegment", "filters")
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
YAML = (".yaml", ".yml")


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
    """Settings: the name that outputs call them by, their text, and the layout they lead to.

    ``modality`` is the one that they are for, empty where they are for all; ``rules`` how grey
    levels are made of an image by the kind of its unit, ``advice`` what is to be known of that.
    """

    label: str
    text: str
    layout: Layout
    modality: str = ""
    rules: dict[str, Any] = field(default_factory=dict)
    advice: dict[str, list[str]] = field(default_factory=dict)


def layouts_of(settings: Sequence[str]) -> list[SettingsLayout]:
    """Check settings, presets or files, and return the layouts that they lead to.

    ``CT=FILE`` are settings for one modality; a YAML file whose keys are modalities has settings
    for each of them. Settings that name their modality are for that alone.

    Raises
    ------
    ConfigurationError
        When one is wrong, or two have one name.
    """
    from radiomics.extraction.settings import load_settings

    found: list[SettingsLayout] = []
    for text in settings:
        for choice in choices_of(text):
            label = choice.label
            if any(one.label.casefold() == label.casefold() for one in found):  # a file on macOS
                raise ConfigurationError(f"settings: two are called '{label}': rename a file")
            try:
                loaded = load_settings(choice.settings)
            except ConfigurationError as error:
                raise ConfigurationError(f"{error}{_hint(text, choice)}") from None
            found.append(settings_layout(label, loaded, choice.modality))
    return found


@dataclass(frozen=True)
class SettingsChoice:
    """Settings as a user chose them: their name, what they are, and for which modality."""

    label: str
    settings: str | Mapping[str, Any]
    modality: str = ""


def choices_of(text: str) -> Iterator[SettingsChoice]:
    """Yield what one ``--settings`` stands for: settings, or several, one a modality.

    >>> [(one.label, one.modality) for one in choices_of("CT=thorax.yaml")]
    [('ct_thorax', 'CT')]

    Raises
    ------
    ConfigurationError
        When a file of several has no settings under a modality.
    """
    before, sign, rest = text.partition("=")
    modality = modality_code(before) if sign else ""
    if modality:
        yield SettingsChoice(_label(before, rest), rest, modality)
        return
    path = Path(text)
    content = read_yaml(path) if path.suffix.lower() in YAML and path.is_file() else {}
    if not content or not all(modality_code(str(key)) for key in content):
        yield SettingsChoice(path.stem, text)
        return
    for name, settings in content.items():
        if isinstance(settings, str):
            beside = path.parent / settings
            of_file = str(beside) if beside.is_file() else settings
            yield SettingsChoice(_label(name, settings), of_file, modality_code(name))
        elif isinstance(settings, Mapping):
            yield SettingsChoice(name.strip().lower(), settings, modality_code(name))
        else:
            rule = "a preset, a file, or settings"
            raise ConfigurationError(f"{text}: under {name} stands {rule}; given: {settings!r}.")


def _hint(text: str, choice: SettingsChoice) -> str:
    """Return what a message about settings needs besides."""
    if not isinstance(choice.settings, str):
        return f" (under {choice.modality} in {text})"
    if "=" in text and not choice.modality:
        return " Before = stands a modality: CT, MR, PET, ..."
    return ""


def _label(name: str, settings: str) -> str:
    """Return the name of settings for a modality: ``ct`` for ``CT=ct.yaml``, else both."""
    word, stem = name.strip().lower(), Path(settings).stem
    return stem if stem.lower() == word else f"{word}_{stem}"


def settings_layout(label: str, settings: ExtractionSettings, modality: str = "") -> SettingsLayout:
    """Return settings with their layout, for a modality or for that which they name.

    Raises
    ------
    ConfigurationError
        When they name another one.
    """
    from radiomics.extraction.rules import advice, rules_used

    own = modality_code(settings.modality or "")
    if modality and own and own != modality:
        rule = f"settings for {own} are chosen for {modality}"
        raise ConfigurationError(f"settings: {label}: {rule}; leave out one of both")
    text = json.dumps(settings.model_dump(mode="json"), sort_keys=True)
    rules = {kind: rules_used(settings, kind) for kind in UNITS}
    told = {kind: advice(settings, kind) for kind in UNITS}
    return SettingsLayout(label, text, layout_of(settings), modality or own, rules, told)


def layout_of(settings: ExtractionSettings) -> Layout:
    """Return the layout of settings; columns are in the order in which extraction gives them."""
    from radiomics.extraction import versions
    from radiomics.extraction.settings import LATER

    owners = dict(columns_of(settings))
    dump = settings.model_dump(mode="json")
    code = versions(settings)
    if settings.pyradiomics is not None:  # all of it is one part
        given = [dump[name] for name in LATER if name in dump]
        whole = key([dump["pyradiomics"], dump["modality"], *given, code])
        name = key([list(owners), [whole]])
        return Layout(name, tuple(owners), {"pyradiomics": whole}, tuple(owners.values()))
    parts = {}
    for family in settings.families:
        read = {name: dump[name] for name in (*COMMON, *READ_BY_FAMILY.get(family, TEXTURES))}
        read |= {name: dump[name] for name in LATER if name in dump}
        used = {n: v for n, v in code.items() if n.partition(".")[0] != "families"}
        parts[family] = key([family, read, used, code[f"families.{family}"]])
    name = key([list(owners), list(parts.values())])
    return Layout(name, tuple(owners), parts, tuple(owners.values()))


def columns_of(settings: ExtractionSettings) -> list[tuple[str, str]]:
    """Return each column that settings lead to, with its family."""
    from radiomics.extraction.columns import columns_of as described

    return [(column.column, column.family) for column in described(settings)]
