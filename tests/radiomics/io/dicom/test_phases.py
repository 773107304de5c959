"""Oracle: every phase of a series holds the slices of one time, echo or direction, and no others.

Each stored value is the number of its phase, times 100, plus that of its place.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import uid
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from radiomics import InputError, inspect, read_image
from radiomics.io.dicom.series import find_series
from tests.series import OBLIQUE, positions, write_series

PLACES = 5


def write_phases(
    folder: Path, order: list[tuple[int, int]], jitter: float = 0.0, **tags: Any
) -> list[Path]:
    """Write an image for each pair of phase and place, in this order of InstanceNumber."""
    rng = np.random.default_rng(0)
    where = positions(PLACES, 3.0, OBLIQUE)[[place for _, place in order]]
    where += rng.uniform(-jitter, jitter, where.shape)
    stored = np.array([np.full((3, 4), 100 * phase + place) for phase, place in order], np.uint16)
    tags = {"Modality": "MR", "RescaleIntercept": 0, "AcquisitionTime": "100000"} | tags
    return write_series(folder, stored, where, OBLIQUE, **tags)


def phases_read(folder: Path) -> list[int]:
    """Return the phase of each volume, after checking that it holds that phase alone, in order."""
    found = []
    for report in find_series(folder):
        image = read_image(folder, series=report.name)
        (number,) = set((image.array // 100).ravel().tolist())
        assert image.array[:, 0, 0].tolist() == [
            100 * number + place for place in range(len(image.array))
        ]
        found.append(number)
    return found


def by_phase(count: int = 4) -> list[tuple[int, int]]:
    return [(phase, place) for phase in range(count) for place in range(PLACES)]


INTERLEAVED = [(phase, place) for phase in range(4) for place in (0, 2, 4, 1, 3)]
BY_PLACE = [(phase, place) for place in range(PLACES) for phase in range(4)]
STOPPED = by_phase()[:-1]


@pytest.mark.parametrize("jitter", [0.0, 1e-6])
@pytest.mark.parametrize("order", [by_phase(), INTERLEAVED, BY_PLACE, STOPPED])
def test_blocks_of_instance_numbers(
    tmp_path: Path, order: list[tuple[int, int]], jitter: float
) -> None:
    """No tag tells the phases: as GE and Philips write dynamic series, by time or by place."""
    write_phases(tmp_path, order, jitter)
    assert phases_read(tmp_path) == [0, 1, 2, 3]
    found = inspect(tmp_path)
    assert all("told apart by blocks of InstanceNumber" in "".join(f.defects) for f in found)
    assert len({f.phase for f in found}) == 4
    with pytest.raises(InputError, match="4 series"):
        read_image(tmp_path)


@pytest.mark.parametrize("tag", ["TriggerTime", "AcquisitionTime", "ContentTime"])
def test_blocks_of_times_that_differ_from_slice_to_slice(tmp_path: Path, tag: str) -> None:
    order = by_phase()
    times = [100000 + 2 * number for number in range(len(order))]
    values = [float(t) for t in times] if tag == "TriggerTime" else [str(t) for t in times]
    numbers = [place + 1 for _, place in order]  # begin anew in every phase
    write_phases(tmp_path, order, **{"InstanceNumber": numbers, tag: values})
    assert phases_read(tmp_path) == [0, 1, 2, 3]
    assert all(f"by blocks of {tag}" in "".join(f.defects) for f in inspect(tmp_path))


@pytest.mark.parametrize(
    "order",
    [
        [*by_phase(1), (1, 2)],  # one place twice
        [*by_phase(2)[:-3], *by_phase(2)[-2:]],  # the second block lacks a place in its midst
        [(0, 0), (0, 1), (1, 0), (0, 2), (1, 1), (0, 3), (1, 2), (0, 4), (1, 3), (1, 4)],
    ],
)
def test_what_is_no_block_splits_nothing(tmp_path: Path, order: list[tuple[int, int]]) -> None:
    if len(order) == 9:
        assert phases_read_or_duplicates(tmp_path, order) == 2
    else:
        assert phases_read_or_duplicates(tmp_path, order) == 1


def phases_read_or_duplicates(folder: Path, order: list[tuple[int, int]]) -> int:
    write_phases(folder, order)
    return len(find_series(folder))


def test_copies_of_the_same_files_are_duplicates_and_no_phases(tmp_path: Path) -> None:
    write_phases(tmp_path / "a", by_phase(1))
    (tmp_path / "b").mkdir()
    for path in (tmp_path / "a").iterdir():
        (tmp_path / "b" / path.name).write_bytes(path.read_bytes())
    (report,) = find_series(tmp_path)
    assert report.verdict == "repairable"


DIRECTIONS = [[], [1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0]]
MAKERS = {
    "SIEMENS": (0x0019, "SIEMENS MR HEADER", {0x0C: "IS", 0x0E: "FD"}),
    "GE": (0x0043, "GEMS_PARM_01", {0x39: "IS"}),
    "Philips": (0x2001, "Philips Imaging DD 001", {0x03: "FL"}),
    "UIH": (0x0065, "Image Private Header", {0x09: "FD", 0x37: "FD"}),
}


def add_diffusion(data: Dataset, maker: str, b_value: int, direction: list[float]) -> None:
    """Write b-value and direction where this manufacturer has them."""
    if maker == "standard":
        data.DiffusionBValue = float(b_value)
        if direction:
            data.DiffusionGradientOrientation = direction
        return
    group, creator, elements = MAKERS[maker]
    block = data.private_block(group, creator, create=True)
    first, *second = elements.items()
    value: Any = [1_000_000_000 + b_value if b_value else 0, 8, 0, 0] if maker == "GE" else b_value
    block.add_new(first[0], first[1], value)
    if second and direction:
        block.add_new(second[0][0], second[0][1], direction)
    if maker == "GE":
        acquired = data.private_block(0x0019, "GEMS_ACQU_01", create=True)
        for element, part in zip((0xBB, 0xBC, 0xBD), direction or [0.0, 0.0, 0.0], strict=True):
            acquired.add_new(element, "DS", part)
    if maker == "Philips":
        acquired = data.private_block(0x2005, "Philips MR Imaging DD 001", create=True)
        for element, part in zip((0xB0, 0xB1, 0xB2), direction or [0.0, 0.0, 0.0], strict=True):
            acquired.add_new(element, "FL", part)


@pytest.mark.parametrize("implicit", [False, True])
@pytest.mark.parametrize("maker", ["standard", *MAKERS])
def test_b_values_and_directions(tmp_path: Path, maker: str, implicit: bool) -> None:
    """One image without diffusion weighting, three directions of each of two b-values."""
    kinds = [(0, [])] + [(b, d) for b in (500, 1000) for d in DIRECTIONS[1:]]
    order = by_phase(len(kinds))
    rng = np.random.default_rng(1)
    rng.shuffle(order)
    for path, (phase, _) in zip(write_phases(tmp_path, order), order, strict=True):
        data = pydicom.dcmread(path)
        add_diffusion(data, maker, *kinds[phase])
        if implicit:
            data.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
        pydicom.dcmwrite(path, data, implicit_vr=implicit, little_endian=True, force_encoding=True)
    assert sorted(phases_read(tmp_path)) == list(range(len(kinds)))
    names = [report.phase for report in find_series(tmp_path)]
    assert names[0].startswith("DiffusionBValue 0")
    assert sum(name.startswith("DiffusionBValue 1000") for name in names) == 3
    assert not any("told apart by blocks" in "".join(f.defects) for f in inspect(tmp_path))


def test_directions_of_an_enhanced_object(tmp_path: Path) -> None:
    order = by_phase(4)
    (path, *others) = write_phases(tmp_path, order)
    data = pydicom.dcmread(path)
    stored = [pydicom.dcmread(other).PixelData for other in (path, *others)]
    groups = []
    for other, (phase, _) in zip((path, *others), order, strict=True):
        group, plane, diffusion, gradient = Dataset(), Dataset(), Dataset(), Dataset()
        plane.ImagePositionPatient = pydicom.dcmread(other).ImagePositionPatient
        group.PlanePositionSequence = Sequence([plane])
        diffusion.DiffusionBValue = 1000.0 if phase else 0.0
        gradient.DiffusionGradientOrientation = DIRECTIONS[phase] or [0.0, 0.0, 0.0]
        if phase:
            diffusion.DiffusionGradientDirectionSequence = Sequence([gradient])
        group.MRDiffusionSequence = Sequence([diffusion])
        groups.append(group)
    for other in others:
        other.unlink()
    data.PerFrameFunctionalGroupsSequence = Sequence(groups)
    data.NumberOfFrames, data.PixelData = len(order), b"".join(stored)
    del data.ImagePositionPatient, data.AcquisitionTime
    data.save_as(path)
    assert sorted(phases_read(tmp_path)) == [0, 1, 2, 3]


def test_two_tags_that_tell_together(tmp_path: Path) -> None:
    """Two echoes at each of two times."""
    order = by_phase(4)
    np.random.default_rng(2).shuffle(order)
    echoes = [1.0 + phase % 2 for phase, _ in order]
    times = [1 + phase // 2 for phase, _ in order]
    tags = {"EchoTime": echoes, "TemporalPositionIdentifier": times}
    write_phases(tmp_path, order, **tags)
    assert phases_read(tmp_path) == [0, 1, 2, 3]
    names = [report.phase for report in find_series(tmp_path)]
    assert names[1] == "TemporalPositionIdentifier 1, EchoTime 2"


@pytest.mark.parametrize("tag", ["TriggerTime", "FlipAngle", "InversionTime", "SeriesNumber"])
def test_one_tag_that_tells(tmp_path: Path, tag: str) -> None:
    order = by_phase(4)
    np.random.default_rng(3).shuffle(order)
    write_phases(tmp_path, order, **{tag: [phase + 1 for phase, _ in order]})
    assert phases_read(tmp_path) == [0, 1, 2, 3]
    assert find_series(tmp_path)[2].phase == f"{tag} 3"
