"""Mechanics and invariants: the slice that a notebook draws, and how it is turned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

import radiomics
from radiomics import InputError, Volume, show
from radiomics.preprocessing.axes import flip


def scene(unit: str = "HU") -> tuple[Volume, Volume]:
    rng = np.random.default_rng(0)
    inside = np.zeros((6, 20, 30), dtype=bool)
    inside[1, 5:7, 5:7] = inside[4, 4:12, 3:14] = True
    array = rng.normal(0, 100, inside.shape) + 200 * inside
    image = Volume.from_array(array, spacing=(3, 1, 1), unit=unit)
    return image, Volume(inside, image.affine)


def drawn(figure: Figure) -> np.ndarray:
    """Return the picture of a figure."""
    (axes,) = figure.axes
    return np.asarray(axes.images[0].get_array())


def letters(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_it_draws_the_largest_section_with_the_outline() -> None:
    image, mask = scene()
    figure = show(image, mask)
    assert isinstance(figure, Figure)
    assert np.array_equal(drawn(figure), image.array[4])
    assert len(figure.axes[0].collections) == 1
    assert letters(figure) == ["R", "A"]
    assert figure.axes[0].get_title().startswith("slice 4; -160 to 240 HU")
    assert figure._repr_png_().startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert radiomics.show is show


@pytest.mark.parametrize("axes", ["", "H", "W", "HW", "D"])
def test_the_patient_is_drawn_alike_however_the_file_is_ordered(axes: str) -> None:
    image, mask = scene()
    other, same = image, mask
    for axis in axes:
        other, same = flip(other, axis), flip(same, axis)
    one, two = show(image, mask), show(other, same)
    assert np.array_equal(drawn(one), drawn(two))
    assert letters(one) == letters(two)


def test_cuts_through_the_slices_have_the_head_above() -> None:
    image, mask = scene()
    figure = show(image, mask, axis=1)
    assert letters(figure) == ["R", "H"]
    counts = mask.array.sum(axis=(0, 2))
    assert np.array_equal(drawn(figure), image.array[::-1, int(counts.argmax())])
    assert letters(show(image, axis=2, index=3)) == ["A", "H"]


def test_several_masks_have_a_legend_and_other_libraries_images_are_taken() -> None:
    image, mask = scene()
    figure = show(image.to_sitk(), {"lesion": mask.to_sitk(), "again": mask})
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["lesion", "again"]
    assert len(show(image, [mask, mask]).axes[0].collections) == 2


@pytest.mark.parametrize(
    ("unit", "window", "limits"),
    [
        ("HU", None, (-160, 240)),
        ("HU", "lung", (-1350, 150)),
        ("SUVbw", None, (0, 7)),
        ("1", (3, 5), (3, 5)),
    ],
)
def test_windows_follow_the_unit(unit: str, window: Any, limits: tuple[float, float]) -> None:
    picture = show(scene(unit)[0], window=window).axes[0].images[0]
    assert picture.get_clim() == limits
    assert (picture.get_cmap().name == "gray_r") == unit.startswith("SUV")


def test_voxels_without_a_value_leave_the_window_to_the_others() -> None:
    image, _ = scene("1")
    array = image.array.copy()
    array[:, :5] = np.nan
    low, high = show(Volume(array, image.affine)).axes[0].images[0].get_clim()
    assert -400 < low < 0 < high < 800
    assert show(Volume(np.full((1, 2, 2), np.nan), np.eye(4))).axes[0].images[0].get_clim() == (
        0,
        1,
    )


def test_what_cannot_be_drawn_is_told() -> None:
    image, mask = scene()
    with pytest.raises(ValueError, match="a window is one of soft_tissue"):
        show(image, window="lungs")
    with pytest.raises(ValueError, match="there are 6 slices; asked for number 6"):
        show(image, index=6)
    with pytest.raises(InputError, match="same grid"):
        show(image, {"far": Volume(mask.array, np.eye(4) * [2, 2, 2, 1])})
    with pytest.raises(ValueError, match="an axis is 0, 1 or 2"):
        show(image, axis=3)
