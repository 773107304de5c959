"""Oracle: a field that is linear in the patient stays linear through every repair."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from radiomics import InputError, read_image
from tests.radiomics.io.test_ingest import expected, ramp
from tests.series import AXIAL, normal, positions, write_series


def test_missing_slices_are_interpolated_on_request(tmp_path: Path) -> None:
    where = np.delete(positions(10, 2.0), [3, 6, 7], axis=0)
    write_series(tmp_path, ramp(where, (5, 6)), where)
    with pytest.raises(InputError, match="allow a repair"):
        read_image(tmp_path)
    for repair in ("missing", "all", "tilt,missing"):
        image = read_image(tmp_path, repair=repair)
        assert image.shape == (10, 5, 6)
        assert np.abs(image.array - expected(image)).max() <= 1
        assert "3 missing slice(s)" in image.history[0]
    with pytest.raises(InputError, match="missing"):
        read_image(tmp_path, repair="tilt")
    with pytest.raises(InputError, match="refuse, all, missing"):
        read_image(tmp_path, repair="guess")


def test_equal_duplicates_are_dropped_on_request(tmp_path: Path) -> None:
    where = positions(6, 2.0)[[0, 1, 2, 2, 3, 4, 5]]
    write_series(tmp_path, ramp(where, (5, 6)), where)
    image = read_image(tmp_path, repair="duplicates")
    assert image.shape == (6, 5, 6)
    assert np.abs(image.array - expected(image)).max() <= 0.5
    assert "equal pixels" in image.history[0]


def test_uneven_steps_are_resampled_on_request(tmp_path: Path) -> None:
    along = np.array([0, 2, 4, 6, 8, 9, 11, 13.0])
    where = positions(1, 1) + np.outer(along, normal(AXIAL))
    write_series(tmp_path, ramp(where, (5, 6)), where)
    image = read_image(tmp_path, repair="spacing")
    assert image.spacing[0] == pytest.approx(2)
    assert np.abs(image.array - expected(image)).max() <= 1


@pytest.mark.parametrize("angle", [-17.0, 8.0])
def test_a_tilted_series_is_straightened_on_request(tmp_path: Path, angle: float) -> None:
    where = positions(9, 2.0)
    drift = np.tan(np.radians(angle))
    where += np.outer(np.arange(9) * 2.0, [0, drift, 0])
    write_series(tmp_path, ramp(where, (30, 20)), where)
    image = read_image(tmp_path, repair="tilt")
    assert f"{abs(angle):.2f} degrees" in image.history[0]
    assert abs(np.dot(image.direction[:, 0], image.direction[:, 1])) < 1e-12
    off = np.abs(image.array - expected(image))
    covered = np.zeros(image.shape, bool)
    for index, position in enumerate(where):
        rows = (image.affine[1, 3] + 0.8 * np.arange(image.shape[1]) - position[1]) / 0.8
        covered[index] = ((rows > -1e-3) & (rows < 29 + 1e-3))[:, None]
    assert off[covered].max() <= 1
    fill = image.array.min()
    assert f"no slice covers are {fill}" in image.history[0]
    assert np.all(image.array[~covered] == fill)  # tissue or fill, never a blend of both
    assert covered.sum() > 9 * 27 * 20
