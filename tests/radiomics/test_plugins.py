"""Mechanics: another package adds to every registry, and one that is broken disturbs nothing.

The package is made here as pip would install it: modules, and a dist-info with entry points.
"""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from radiomics import (
    Volume,
    extract,
    feature_catalogue,
    filters,
    models,
    plugins,
    selection,
    testing,
)
from radiomics.extraction import versions
from radiomics.extraction.settings import ExtractionSettings, load_settings
from radiomics.pipelines.batch.layouts import layout_of
from radiomics.plugins import ConfigurationError, PluginWarning

FAMILY = '''
"""How much of its box a mask fills."""

from pydantic import BaseModel

VERSION = 2
IBSI = {"filling": "", "mean_level": ""}
UNITS = {"filling": "1", "mean_level": "bin"}


class Options(BaseModel, frozen=True, extra="forbid"):
    """Nothing to choose."""


def features(region, options):
    inside = region.intensity_mask
    return {
        "filling": float(inside.mean()),
        "mean_level": float(region.levels[inside].mean()),
    }
'''
FILTER = '''
"""A share of each intensity."""

from pydantic import BaseModel

VERSION = 1


class Options(BaseModel, frozen=True, extra="forbid"):
    """``share`` of the intensity."""

    share: float = 0.5


def column_prefix(options):
    return f"share_{options.share:g}"


def reach(options, spacing):
    return (0.0, 0.0, 0.0)


def apply(array, spacing, options):
    return array.astype("float64") * options.share
'''
MODEL = '''
"""Logistic regression as another package would subclass it."""

from pydantic import BaseModel
from sklearn.linear_model import LogisticRegression

TASKS = ("binary", "multiclass")
GRID = {"C": (0.1, 1.0)}


class Options(BaseModel, frozen=True, extra="forbid"):
    """``C``: inverse strength of the penalty."""

    C: float = 1.0


class Mine(LogisticRegression):
    """A class that a stored model must be allowed to hold."""


def build(options, input_shape, outputs):
    return Mine(C=options.C)
'''
SELECTOR = '''
"""The features most correlated with the outcome."""

import numpy as np
from pydantic import BaseModel
from sklearn.base import BaseEstimator
from sklearn.feature_selection import SelectorMixin


class Options(BaseModel, frozen=True, extra="forbid"):
    """``count`` features are kept."""

    count: int = 4


class Top(SelectorMixin, BaseEstimator):
    def __init__(self, count=4):
        self.count = count

    def fit(self, x, y):
        values = np.asarray(x, dtype=float)
        self.n_features_in_ = values.shape[1]
        if hasattr(x, "columns"):
            self.feature_names_in_ = np.asarray(x.columns, dtype=object)
        y = np.asarray(y["time"] if getattr(y, "dtype", None) and y.dtype.names else y, dtype=float)
        a = values - values.mean(axis=0)
        size = np.abs(a.T @ (y - y.mean())) / np.maximum(np.linalg.norm(a, axis=0), 1e-12)
        self.support_ = np.zeros(values.shape[1], dtype=bool)
        self.support_[np.argsort(-size, kind="stable")[: self.count]] = True
        return self

    def _get_support_mask(self):
        return self.support_


def build(options, task):
    return Top(options.count)
'''
SOURCE = '''
"""Forty rows of numbers whose first column tells the outcome."""

import numpy as np
import pandas as pd
from pydantic import BaseModel

from radiomics.io.files.tables import feature_table


class Options(BaseModel, frozen=True, extra="forbid"):
    """``rows`` of the table."""

    rows: int = 40


def open(options, progress):
    x = np.random.default_rng(0).normal(size=(options.rows, 3))
    table = pd.DataFrame(x, columns=["a", "b", "c"])
    table["id"] = [f"P{i}" for i in range(options.rows)]
    table["target"] = (x[:, 0] + 0.3 * x[:, 1] > 0).astype(int)
    return feature_table(table, "the stranger's table")
'''
POINTS = """\
[radiomics.features]
filling = stranger.filling
[radiomics.filters]
share = stranger.share
[radiomics.models]
mine = stranger.mine
[radiomics.selection]
top = stranger.top
[radiomics.datasets]
forty = stranger.forty
"""
PARTS = {"filling": FAMILY, "share": FILTER, "mine": MODEL, "top": SELECTOR, "forty": SOURCE}
Install = Callable[..., Path]


def write_package(
    folder: Path,
    name: str = "stranger",
    version: str = "0.3",
    points: str = POINTS,
    parts: dict[str, str] = PARTS,
) -> Path:
    """Lay a package and its dist-info into a folder, as pip install --target does."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text("")
    for part, text in parts.items():
        (folder / name / f"{part}.py").write_text(text)
    info = folder / f"{name}_radiomics-{version}.dist-info"
    info.mkdir()
    described = f"Metadata-Version: 2.1\nName: {name}-radiomics\nVersion: {version}\n"
    (info / "METADATA").write_text(described)
    (info / "entry_points.txt").write_text(points)
    return folder


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with the package, which this process finds."""
    folder = write_package(tmp_path / "site")
    monkeypatch.syspath_prepend(folder)
    for name in [name for name in sys.modules if name.split(".")[0] == "stranger"]:
        monkeypatch.delitem(sys.modules, name)
    return folder


@pytest.fixture
def volumes() -> tuple[Volume, Volume]:
    rng = np.random.default_rng(0)
    inside = np.zeros((8, 9, 10), dtype=bool)
    inside[2:6, 2:7, 3:8] = True
    return Volume(rng.normal(size=inside.shape), np.eye(4)), Volume(inside, np.eye(4))


def run(site: Path | None, folder: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would who has the package installed."""
    root = str(Path(plugins.__file__).parent.parent)
    places = [str(site)] * (site is not None) + [root, os.environ.get("PYTHONPATH", "")]
    code = "import sys; from radiomics.pipelines.commands.start import main; main()"
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, words)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, places))},
        capture_output=True,
        text=True,
        check=False,
    )


def test_names_are_ours_and_theirs(site: Path) -> None:
    assert plugins.names("radiomics.features")[-1] == "filling"
    assert (
        plugins.external_plugins("radiomics.filters")["share"].distribution == "stranger-radiomics"
    )
    assert plugins.load("radiomics.models", "mine").TASKS == ("binary", "multiclass")
    assert "filling" in plugins.modules("radiomics.features")
    with pytest.raises(ConfigurationError, match="Did you mean 'filling'"):
        plugins.load("radiomics.features", "filing")


def test_the_stranger_keeps_its_contracts(site: Path) -> None:
    def module(registry: str, name: str) -> ModuleType:
        return plugins.load(f"radiomics.{registry}", name)

    testing.check_family(module("features", "filling"))
    testing.check_filter(module("filters", "share"))
    testing.check_model(module("models", "mine"))
    testing.check_selector(module("selection", "top"))
    testing.check_source(module("datasets", "forty"), opened_with={"rows": 20})


def test_a_family_is_computed_where_it_is_named_alone(
    site: Path, volumes: tuple[Volume, Volume]
) -> None:
    settings = {"families": ["intensity", "filling"], "filters": [{"name": "share"}]}
    values = extract(*volumes, settings)
    assert values["share_0_5_filling_filling"] == 1.0 * 100 / np.prod((8, 9, 10))
    assert values["share_0_5_intensity_maximum"] == volumes[0].array[volumes[1].array].max() / 2
    assert not any("filling" in column for column in extract(*volumes))
    assert list(extract(*volumes, features=["filling"])) == [
        "original_filling_filling",
        "original_filling_mean_level",
    ]
    assert "filling" not in set(feature_catalogue().family)
    rows = feature_catalogue(on_request=True)
    assert rows[rows.family == "filling"].ibsi_code.tolist() == ["", ""]


def test_the_other_registries_find_it(site: Path, volumes: tuple[Volume, Volume]) -> None:
    image = volumes[0]
    assert np.array_equal(filters.apply("share", image, share=2).array, 2 * image.array)
    assert models.build("mine", input_shape=(3,), C=2).C == 2
    assert selection.build("top", count=2).count == 2
    schema = json.dumps(ExtractionSettings.model_json_schema())
    assert '"share"' in schema
    assert '"filling"' in schema


def test_what_is_stored_knows_both_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = []
    for version in ("0.3", "0.4"):
        folder = write_package(tmp_path / version, version=version)
        monkeypatch.syspath_prepend(folder)
        settings = load_settings({"families": ["filling", "glcm"], "filters": [{"name": "share"}]})
        used = versions(settings)
        assert used["families.filling"] == f"2 of stranger-radiomics {version}"
        assert used["filters.share"] == f"1 of stranger-radiomics {version}"
        assert used["families.glcm"] == plugins.load("radiomics.features", "glcm").VERSION
        alone = load_settings({"families": ["filling", "glcm"]})
        keys.append((layout_of(settings).key, layout_of(alone).parts))
    assert keys[0][0] != keys[1][0]
    assert keys[0][1]["filling"] != keys[1][1]["filling"]
    assert keys[0][1]["glcm"] == keys[1][1]["glcm"]  # which the stranger has no part in


COLUMN = "share_0_5_filling_mean_level"
BROKEN = """\
[radiomics.features]
glcm = stranger.glcm
gone = stranger.gone
fails = stranger.fails
half = stranger.half
loose = stranger.loose
Bad-Name = stranger.filling
filling = stranger.filling
"""


def test_a_broken_plugin_is_told_and_disturbs_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, volumes: tuple[Volume, Volume]
) -> None:
    parts = {
        "filling": FAMILY,
        "glcm": FAMILY,
        "fails": "import no_such_library",
        "half": FAMILY.replace("UNITS =", "OTHER ="),
        "loose": FAMILY.replace("VERSION = 2", "VERSION = 'two'"),
    }
    monkeypatch.syspath_prepend(
        write_package(
            tmp_path, name="broken", points=BROKEN.replace("stranger", "broken"), parts=parts
        )
    )
    package = "radiomics.features"
    with pytest.warns(PluginWarning) as found:
        assert set(plugins.external_plugins(package)) == {
            "gone",
            "fails",
            "half",
            "loose",
            "filling",
        }
    told = sorted(str(one.message) for one in found)
    assert told == [
        "radiomics.features: 'Bad-Name' of broken-radiomics is left out: a name has small letters, "
        "digits and underscores: it becomes part of columns",
        "radiomics.features: 'glcm' of broken-radiomics is left out: we have one of that name, "
        "which is used",
    ]
    assert plugins.load(package, "glcm").IBSI["joint_entropy"] == "TU9B"
    reasons = {
        "gone": "broken.gone cannot be imported .ModuleNotFoundError",
        "fails": "broken.fails cannot be imported .*no_such_library",
        "half": "broken.half lacks UNITS: correct or uninstall broken-radiomics",
        "loose": "lacks VERSION as a whole number",
    }
    for name, reason in reasons.items():
        with pytest.raises(ConfigurationError, match=reason):
            load_settings({"families": [name]})
    with pytest.warns(PluginWarning) as found:
        usable = plugins.modules(package)
    assert len(found) == len(reasons)
    assert "filling" in usable
    assert not set(usable) & set(reasons)
    assert len(extract(*volumes, {"families": ["filling"]})) == 2


def test_two_packages_of_one_name_are_both_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        points = POINTS.replace("stranger", name)
        monkeypatch.syspath_prepend(write_package(tmp_path / name, name=name, points=points))
    with pytest.warns(
        PluginWarning, match="one-radiomics and two-radiomics is left out: two of one"
    ):
        assert plugins.external_plugins("radiomics.features") == {}
    with pytest.raises(ConfigurationError, match="there is no 'filling'"):
        plugins.load("radiomics.features", "filling")


def test_the_commands_take_them(tmp_path: Path) -> None:
    from radiomics.io import write_volume

    site = write_package(tmp_path / "site")
    rng = np.random.default_rng(0)
    inside = np.zeros((6, 8, 8), dtype=bool)
    inside[1:5, 2:6, 2:6] = True
    write_volume(Volume(rng.normal(size=inside.shape), np.eye(4)), tmp_path / "image.nii.gz")
    write_volume(Volume(inside, np.eye(4)), tmp_path / "mask.nii.gz")
    (site / "stranger" / "top.py").write_text("import no_such_library")
    listed = run(site, tmp_path, "doctor")
    assert "problem: radiomics.selection: 'top' of stranger-radiomics 0.3" in listed.stdout
    assert "plugin mine            stranger.mine of stranger-radiomics 0.3, for" in listed.stdout
    (tmp_path / "mine.yaml").write_text("families: [filling]\nfilters: [{name: share}]\n")
    (tmp_path / "manifest.csv").write_text("id,image,mask\nA,image.nii.gz,mask.nii.gz\n")
    listed = run(site, tmp_path, "features", "--on-request", "--output", "features.csv")
    assert listed.returncode == 0, listed.stderr
    assert "filling" in (tmp_path / "features.csv").read_text()
    done = run(site, tmp_path, "extract", "image.nii.gz", "mask.nii.gz", "--settings", "mine.yaml")
    (row,) = csv.DictReader(io.StringIO(done.stdout))
    assert float(row[COLUMN]) > 1
    batch = ("batch", "manifest.csv", "--settings", "mine.yaml", "--output", "out")
    done = run(site, tmp_path, *batch)
    assert done.returncode == 0, done.stderr
    table = pd.read_parquet(tmp_path / "out" / "features.parquet")
    assert table[COLUMN].tolist() == [pytest.approx(float(row[COLUMN]))]
    without = run(
        None, tmp_path, "extract", "image.nii.gz", "mask.nii.gz", "--settings", "mine.yaml"
    )
    assert without.returncode == 2
    assert "there is no 'filling'" in without.stderr


STUDY = """\
data: {name: phantom, patients: 16}
extraction:
  families: [intensity, filling]
  filters: [{name: original}, {name: share, share: 0.25}]
selection: [{name: top, count: 3}]
models: [{name: mine}]
evaluation: {folds: 2, inner: 2, resamples: 100}
gallery: 0
"""


def test_a_study_and_its_bundle_take_them(tmp_path: Path) -> None:
    site = write_package(tmp_path / "site")
    (tmp_path / "study.yaml").write_text(STUDY)
    done = run(site, tmp_path, "study", "study.yaml", "--output", "out")
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "out" / "provenance.json").read_text())
    assert record["code"]["families.filling"] == "2 of stranger-radiomics 0.3"
    assert record["code"]["models.mine"] == "stranger-radiomics 0.3"
    manifest = next((tmp_path / "out" / "data").rglob("manifest.csv"))
    words = ("predict", "out/model.zip", manifest, "--output", "new.csv")
    predicted = run(site, tmp_path, *words)
    assert predicted.returncode == 0, predicted.stderr
    assert "probability_1" in (tmp_path / "new.csv").read_text()
    refused = run(None, tmp_path, *words)
    assert refused.returncode == 2
    assert "stranger.mine.Mine" in refused.stderr


def test_a_study_of_its_source(tmp_path: Path) -> None:
    site = write_package(tmp_path / "site")
    (tmp_path / "study.yaml").write_text(
        "data: {name: forty}\nmodels: [{name: mine, C: 1.0}]\n"
        "evaluation: {folds: 2, inner: 2, resamples: 100}\n"
    )
    done = run(site, tmp_path, "study", "study.yaml", "--output", "out")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "report.html").is_file()
