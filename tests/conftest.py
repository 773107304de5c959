"""Shared fixtures. Real data lies in ../shared, or where RADIOMICS_SHARED points."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from radiomics.datasets import phantom
from radiomics.io.files.tables import Manifest

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("RADIOMICS_SHARED", ROOT.parent / "shared"))


# how fast examples come is the machine's business
settings.register_profile(
    "house",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("house")


def shared(*parts: str) -> Path:
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs {'/'.join(('../shared', *parts))}")
    return path


@pytest.fixture(scope="session")
def small_cohort(tmp_path_factory: pytest.TempPathFactory) -> Manifest:
    """Twelve synthetic patients, written once for the whole run."""
    folder = tmp_path_factory.mktemp("phantom")
    return phantom.open(phantom.Options(patients=12, seed=3, folder=folder))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of the whole house first: they are long, and nothing should wait for them."""
    items.sort(key=lambda item: item.path.parent != ROOT / "tests")
