"""Mechanics: the public names exist, are documented, and cost nothing until they are used."""

from __future__ import annotations

import subprocess
import sys

import pytest

import radiomics


@pytest.mark.parametrize("name", radiomics.__all__)
def test_a_public_name_exists_and_is_documented(name: str) -> None:
    value = getattr(radiomics, name)
    assert name == "__version__" or value.__doc__
    assert name in dir(radiomics)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'extrakt'"):
        radiomics.extrakt  # noqa: B018


def run_fresh(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_importing_the_package_imports_nothing_heavy() -> None:
    heavy = "{'numpy','torch','pandas','pydicom','SimpleITK','pydantic','sklearn','matplotlib'}"
    assert run_fresh(f"import sys, radiomics; print({heavy} & set(sys.modules))") == "set()"


def test_the_command_line_starts_without_the_stages() -> None:
    heavy = "{'numpy','torch','pandas','pydicom','SimpleITK','pydantic','sklearn','rich'}"
    code = f"import sys, radiomics.pipelines.commands.app; print({heavy} & set(sys.modules))"
    assert run_fresh(code) == "set()"


def test_extracting_needs_no_torch_and_no_matplotlib() -> None:
    code = (
        "import sys, radiomics; radiomics.extract, radiomics.read_image;"
        "print({'torch', 'matplotlib', 'pandas', 'sklearn'} & set(sys.modules))"
    )
    assert run_fresh(code) == "set()"


def test_speaking_other_libraries_languages_imports_none_of_them() -> None:
    code = (
        "import sys; from radiomics import Volume; from radiomics.types import as_volume;"
        "v = as_volume(Volume.from_array([[[1.0]]], spacing=(1, 1, 1)));"
        "import radiomics.interchange; assert radiomics.interchange.convert_image(3) is None;"
        "print({'torch', 'SimpleITK', 'nibabel', 'monai', 'matplotlib'} & set(sys.modules))"
    )
    assert run_fresh(code) == "set()"


def test_checking_plugins_needs_no_torch_and_no_pytest() -> None:
    code = "import sys, radiomics.testing; print({'torch', 'pytest'} & set(sys.modules))"
    assert run_fresh(code) == "set()"
