"""Oracle: where a header says two things, the one that the rule names is used, and it is noted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from radiomics import InputError, extract, inspect, read_image
from tests.series import positions, write_series

STORED = np.arange(4 * 5 * 6, dtype=np.uint16).reshape(4, 5, 6)


@pytest.mark.parametrize(
    ("stated", "noted"), [(2.5, False), (2.51, False), (-2.5, False), (2.0, True), (5, True)]
)
def test_positions_count_and_not_what_is_stated_between_them(
    tmp_path: Path, stated: float, noted: bool
) -> None:
    write_series(tmp_path, STORED, positions(4, 2.5), SpacingBetweenSlices=stated)
    image = read_image(tmp_path)
    assert image.spacing[0] == pytest.approx(2.5)
    text = f"SpacingBetweenSlices is {abs(stated):.4g} mm, by the positions it is 2.5 mm"
    assert image.history == ((text,) if noted else ())


def test_the_thickness_of_a_single_slice_is_noted(tmp_path: Path) -> None:
    write_series(tmp_path, STORED[:1], positions(1, 1), SpacingBetweenSlices=3)
    image = read_image(tmp_path)
    assert image.spacing[0] == pytest.approx(9.9)
    assert image.history == (
        "a single slice has no neighbour: its extent is SliceThickness (9.9 mm)",
    )


@pytest.mark.parametrize("other", [[0.8, 0.6], [0.4, 0.3]])
def test_pixel_spacing_counts_and_not_that_at_the_detector(
    tmp_path: Path, other: list[float]
) -> None:
    write_series(tmp_path, STORED, positions(4, 2.5))
    for path in tmp_path.iterdir():
        data = pydicom.dcmread(path)
        data.ImagerPixelSpacing = other
        data.save_as(path)
    image = read_image(tmp_path)
    assert image.spacing[1:] == pytest.approx((0.8, 0.6))
    noted = any("ImagerPixelSpacing (0.4 x 0.3 mm) is another" in n for n in image.history)
    assert noted == (other[0] == 0.4)


@pytest.mark.parametrize("uids", ["1.2.3.4.5", ["1.2.3.1", "1.2.3.1", "1.2.3.2", "1.2.3.3"]])
def test_files_of_one_name_are_told_apart_by_their_places(tmp_path: Path, uids: Any) -> None:
    write_series(tmp_path, STORED, positions(4, 2.5), SOPInstanceUID=uids)
    image = read_image(tmp_path)
    assert np.array_equal(image.array, STORED.astype(int) - 1024)
    (note,) = image.history
    assert note.startswith("4 files share")


@pytest.mark.parametrize("kind", ["US", "HU", "hu", None])
def test_ct_of_unspecified_unit_is_in_hu(tmp_path: Path, kind: str | None) -> None:
    tags = {} if kind is None else {"RescaleType": kind}
    tags |= {"ImageType": [["ORIGINAL", "PRIMARY", "AXIAL"]] * 4}
    write_series(tmp_path, STORED, positions(4, 2.5), **tags)
    image = read_image(tmp_path)
    assert image.unit == "HU"
    assert image.history == (
        ("RescaleType US (unspecified) of a CT: its values are taken for HU",)
        if kind == "US"
        else ()
    )
    mask = type(image)(np.ones(image.shape, bool), image.affine)
    settings = {"modality": "CT", "families": ["intensity"]}
    assert extract(image, mask, settings)["original_intensity_mean"] == pytest.approx(59.5 - 1024)


def test_slices_that_say_hu_and_such_that_do_not_are_one_volume(tmp_path: Path) -> None:
    tags = {"RescaleType": ["HU", "US", "HU", "US"]}
    write_series(tmp_path, STORED, positions(4, 2.5), **tags)
    assert read_image(tmp_path).unit == "HU"


def test_a_derived_map_of_unspecified_unit_stays_unspecified(tmp_path: Path) -> None:
    """A perfusion map of CT is no CT number."""
    kinds = [["DERIVED", "SECONDARY", "AXIAL", "CT_CBF"]] * 4
    write_series(tmp_path, STORED, positions(4, 2.5), RescaleType="US", ImageType=kinds)
    assert read_image(tmp_path).unit == "US"


@pytest.mark.parametrize("kind", ["HU", "MGML", "US"])
@pytest.mark.parametrize("shared", [False, True])
def test_the_unit_and_slope_of_functional_groups(tmp_path: Path, shared: bool, kind: str) -> None:
    """Of an enhanced CT: a multi-energy map says its unit there alone."""
    (path,) = write_series(tmp_path, STORED[:1], positions(1, 1.0))
    data = pydicom.dcmread(path)
    for keyword in ("RescaleSlope", "RescaleIntercept", "ImagePositionPatient"):
        del data[keyword]
    groups = []
    for number, place in enumerate(positions(4, 2.5)):
        group, plane, change = Dataset(), Dataset(), Dataset()
        plane.ImagePositionPatient = [f"{x:.10g}" for x in place]
        group.PlanePositionSequence = Sequence([plane])
        change.RescaleSlope = 2.0 if shared else float(number + 1)
        change.RescaleIntercept, change.RescaleType = 5.0, kind
        if not shared:
            group.PixelValueTransformationSequence = Sequence([change])
        groups.append(group)
    if shared:
        data.SharedFunctionalGroupsSequence = Sequence([Dataset()])
        data.SharedFunctionalGroupsSequence[0].PixelValueTransformationSequence = [change]
    data.PerFrameFunctionalGroupsSequence = Sequence(groups)
    data.NumberOfFrames, data.PixelData = 4, STORED.tobytes()
    data.save_as(path)
    image = read_image(path)
    factors = np.full(4, 2.0) if shared else np.arange(1.0, 5)
    np.testing.assert_allclose(image.array, STORED * factors[:, None, None] + 5)
    assert image.unit == ("MGML" if kind == "MGML" else "HU")
    change.RescaleSlope = 0.0
    data.save_as(path)
    with pytest.raises(InputError, match="unusable rescaling"):
        read_image(path)


def write_with_scout(folder: Path) -> None:
    tags = {"SeriesInstanceUID": "1.2.3.4", "FrameOfReferenceUID": "1.2.3.5"}
    write_series(folder / "ct", STORED, positions(4, 2.5), **tags)
    scout = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    orientation = (1.0, 0, 0, 0, 0, -1.0)
    zeros = np.zeros((1, 9, 6), np.uint16)
    write_series(folder / "loc", zeros, positions(1, 1), orientation, ImageType=[scout], **tags)


def test_a_series_by_its_name_is_the_volume_that_is_no_scout(tmp_path: Path) -> None:
    write_with_scout(tmp_path)
    image = read_image(tmp_path, series="1.2.3.4")
    assert np.array_equal(image.array, STORED.astype(int) - 1024)
    assert image.history == ("left out: 1 CT Image (scout)",)
    assert read_image(tmp_path, series="1.2.3.4#1").history == image.history
    with pytest.raises(InputError, match="a localizer"):
        read_image(tmp_path, series="1.2.3.4#2")
    with pytest.raises(InputError, match="a localizer"):
        read_image(tmp_path / "loc", series="1.2.3.4")


GAPS: dict[str, tuple[list[float], bool]] = {
    "one slice": ([0, 3, 6, 12, 15], True),
    "as much as was measured": ([0, 3, 6, 18, 21, 24], True),
    "more than was measured": ([0, 3, 6, 21, 24, 27], False),
    "far more": ([0, 3, 6, 300, 303, 306], False),
    "of no whole number of steps": ([0, 3, 6, 301.4, 304.4, 307.4], False),
    "many, together more than there are": ([0, 3, 15, 18, 30, 33, 45, 48], False),
}


@pytest.mark.parametrize("case", GAPS)
def test_more_is_not_invented_than_was_measured(tmp_path: Path, case: str) -> None:
    along, repairable = GAPS[case]
    where = positions(1, 1) + np.outer(along, [0, 0, 1])
    write_series(tmp_path, np.zeros((len(along), 5, 6), np.uint16), where)
    (found,) = inspect(tmp_path)
    assert found.verdict == ("repairable" if repairable else "refused")
    if repairable:
        assert read_image(tmp_path, repair="all").shape[0] == round(along[-1] / 3) + 1
    else:
        with pytest.raises(InputError, match="more than") as caught:
            read_image(tmp_path, repair="all")
        assert "repair" not in caught.value.remedy
