"""The oracles themselves: published values of IBSI 1 (digital phantom), closed forms, one voxel."""

from __future__ import annotations

import csv
import math
from functools import cache

import numpy as np
import pytest
from scipy.special import eval_legendre

from radiomics.conformance.digital_phantom import IMAGE, OUTSIDE
from tests.conftest import ROOT
from tests.oracles import cooccurrence, histograms, matrices, morphology, neighbourhoods, spatial
from tests.oracles.statistics import statistics

SPACING = (2.0, 2.0, 2.0)
DIRECTIONAL = ["2d_averaged", "2d_slice_merged", "2.5d_direction_merged", "2.5d_merged"]
DIRECTIONAL += ["3d_averaged", "3d_merged"]
UNDIRECTED = ["2d_averaged", "2.5d_merged", "3d"]

with (ROOT / "radiomics/conformance/digital_phantom.csv").open(encoding="utf-8") as stream:
    ROWS = [row for row in csv.DictReader(stream) if row["reference_value"]]


def name_of(feature: str) -> str:
    words = "".join(c if c.isalnum() else " " for c in feature.replace("'", "").lower())
    return "_".join(words.split())


def phantom() -> tuple[np.ndarray, np.ndarray]:
    image = np.array(IMAGE)
    mask = np.ones(image.shape, bool)
    mask[tuple(np.transpose(OUTSIDE))] = False
    return image, mask


def texture(family: str, levels: np.ndarray, aggregation: str) -> dict[str, float]:
    match family:
        case "glcm":
            return cooccurrence.glcm(levels, aggregation)
        case "gldzm":
            return matrices.gldzm(levels, levels > 0, aggregation)
        case "glrlm" | "glszm":
            return getattr(matrices, family)(levels, aggregation)
    return getattr(neighbourhoods, family)(levels, aggregation)


def shapes(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    area, volume = morphology.surface(mask, SPACING)
    vertices = np.array([point for loop in morphology.loops(mask, SPACING) for point in loop])
    return {
        "volume": volume,
        "surface_area": area,
        "approximate_volume": mask.sum() * math.prod(SPACING),
        "maximum_3d_diameter": morphology.maximum_diameter(mask, SPACING),
        **morphology.from_volume_and_area(volume, area),
        **morphology.axis_lengths(mask, SPACING),
        "centre_of_mass_shift": spatial.centre_of_mass_shift(image, mask, mask, SPACING),
        "integrated_intensity": spatial.integrated_intensity(image, mask, volume),
        "morans_i_index": spatial.moran(image, mask, SPACING),
        "gearys_c_measure": spatial.geary(image, mask, SPACING),
        **spatial.axis_aligned_box(vertices, volume, area),
        **spatial.enclosing_ellipsoid(mask, SPACING, volume, area),
        **spatial.convex_hull(vertices, volume, area),
    }


@cache
def computed(family: str, aggregation: str) -> dict[str, float]:
    image, mask = phantom()
    match family:
        case "morphology":
            return shapes(image, mask)
        case "local_intensity":
            return histograms.local_intensity(image, mask, SPACING)
        case "intensity_statistics":
            return statistics([float(value) for value in image[mask]])
        case "intensity_histogram":
            return histograms.histogram(image[mask], 6)
        case "intensity_volume_histogram":
            return histograms.ivh(image[mask], 6)
    return texture(family, np.where(mask, image, 0), aggregation)


def test_every_reference_value_is_checked() -> None:
    assert len(ROWS) == 482


@pytest.mark.parametrize("row", ROWS, ids=[row["tag"] for row in ROWS])
def test_digital_phantom(row: dict[str, str]) -> None:
    value = computed(row["family"], row["aggregation"])[name_of(row["feature"])]
    reference, tolerance = float(row["reference_value"]), float(row["tolerance"])
    assert abs(float(f"{value:.2e}") - reference) <= tolerance + 1e-9 * abs(reference)


def test_the_variants_of_the_volume_histogram_agree() -> None:
    image, mask = phantom()
    values = image[mask]
    expected = histograms.ivh(values, 6)
    assert expected["area_under_ivh_curve"] == pytest.approx((0.5 + 81.5 / 74) / 5)
    assert histograms.ivh_discrete(values) == expected
    assert histograms.ivh_discrete(values, (1, 6)) == expected
    assert histograms.ivh_continuous(values - 0.5, 1.0, (0.5, 6.5)) == expected
    assert histograms.ivh_continuous(values, 1.0)["intensity_at_10_volume"] == 5.5


FAMILIES = [("glcm", a) for a in DIRECTIONAL] + [("glrlm", a) for a in DIRECTIONAL]
FAMILIES += [(f, a) for f in ("glszm", "gldzm", "ngtdm", "ngldm") for a in UNDIRECTED]


@pytest.mark.parametrize(("family", "aggregation"), FAMILIES)
def test_special_cases_of_texture(family: str, aggregation: str) -> None:
    one_voxel, one_level = np.zeros((3, 3, 3), int), np.full((2, 3, 3), 2)
    one_voxel[1, 1, 1] = 4
    undefined = {name for name, v in texture(family, one_voxel, aggregation).items() if v != v}
    assert undefined == (
        set(computed(family, aggregation)) if family in ("glcm", "ngtdm") else set()
    )
    found = texture(family, one_level, aggregation)
    undefined = {name for name, value in found.items() if math.isnan(value)}
    assert undefined == (
        {"correlation", "first_measure_of_information_correlation"} if family == "glcm" else set()
    )
    if family == "ngtdm":
        assert list(found.values()) == [1e6, 0, 0, 0, 0]
    nothing = texture(family, np.zeros((2, 2, 2), int), aggregation)
    assert all(math.isnan(value) for value in nothing.values())


@pytest.mark.parametrize("family", ["glcm", "glrlm", "glszm", "gldzm", "ngtdm", "ngldm"])
def test_an_aggregation_of_another_family_is_an_error(family: str) -> None:
    other = "3d" if family in ("glcm", "glrlm") else "3d_merged"
    with pytest.raises(ValueError, match="aggregation"):
        texture(family, np.ones((2, 2, 2), int), other)


def test_the_distance_to_the_border_follows_the_morphological_mask() -> None:
    mask = np.ones((5, 5, 5), bool)
    levels = np.zeros(mask.shape, int)
    levels[2, 2, 2] = levels[2, 2, 1] = 1
    levels[2, 4, 4] = 3
    assert matrices.gldzm(levels, mask, "3d")["large_distance_emphasis"] == (2**2 + 1) / 2
    assert matrices.gldzm(levels, levels > 0, "3d")["large_distance_emphasis"] == 1
    flat = matrices.gldzm(levels[2:3], mask[2:3], "2d_averaged")
    assert flat["large_distance_emphasis"] == (2**2 + 1) / 2


def test_special_cases_of_histograms() -> None:
    one = histograms.histogram(np.array([1, 1]), 1)
    assert {name for name, v in one.items() if math.isnan(v)} == set(histograms.GRADIENTS)
    assert one["intensity_histogram_entropy"] == 0
    assert one["intensity_histogram_uniformity"] == 1
    nearer = histograms.histogram(np.array([1, 1, 1, 3, 5, 5, 5, 5, 4, 1]), 5)
    assert nearer["intensity_histogram_mode"] == 5  # 1 and 5 occur as often, the mean is 3.4
    tied = histograms.histogram(np.array([1, 3]), 3)
    assert [tied[name] for name in histograms.GRADIENTS] == [1, 3, -1, 1]
    assert tied["intensity_histogram_mode"] == 1
    level = histograms.ivh(np.array([1, 1]), 1)
    assert [value for value in level.values() if not math.isnan(value)] == [0]
    top = histograms.ivh(np.array([1, 2, 2]), 2)
    assert math.isnan(top["intensity_at_10_volume"])
    assert top["intensity_at_90_volume"] == 2


ROTATION = np.linalg.qr(np.random.default_rng(1).normal(size=(3, 3)))[0]
CUBE = np.array([[z, y, x] for z in (0, 1) for y in (0, 1) for x in (0, 1)], float)
TETRAHEDRON = CUBE[[0, 3, 5, 6]]


def test_the_smallest_box() -> None:
    """A tetrahedron fits into a cube of three times its volume, without a face on a face."""
    volume, area, sides = spatial.smallest_box(CUBE * (3, 2, 1) @ ROTATION)
    assert [volume, area, *sorted(sides)] == pytest.approx([6, 22, 1, 2, 3])
    assert spatial.smallest_box(TETRAHEDRON @ ROTATION)[:2] == pytest.approx((1, 6))


def test_no_random_box_is_smaller() -> None:
    rng = np.random.default_rng(2)
    points = rng.normal(size=(12, 3)) * (1, 2, 3)
    least = spatial.smallest_box(points)[0]
    turns = np.linalg.qr(rng.normal(size=(20000, 3, 3)))[0]
    boxes = np.ptp(points @ turns, axis=1).prod(axis=1)
    assert least <= boxes.min() <= 1.1 * least


def test_the_smallest_ellipsoid() -> None:
    """Around a box it is the ellipsoid with the box's proportions through the corners."""
    axes = spatial.smallest_ellipsoid(CUBE * (6, 4, 2) @ ROTATION)
    assert sorted(axes) == pytest.approx([3**0.5, 2 * 3**0.5, 3 * 3**0.5], rel=1e-6)
    regular = spatial.smallest_ellipsoid(TETRAHEDRON @ ROTATION)
    assert regular == pytest.approx([0.75**0.5] * 3, rel=1e-6)
    points = np.random.default_rng(3).normal(size=(40, 3)) @ np.diag([1, 2, 3]) @ ROTATION
    doubled = spatial.smallest_ellipsoid(np.concatenate([points, points / 2]) * 2 + 1)
    assert doubled == pytest.approx([2 * a for a in spatial.smallest_ellipsoid(points)], rel=1e-6)


def test_the_area_of_an_ellipsoid() -> None:
    """The series of the standard against its own sums; it is not the area of a spheroid."""
    a, b, c = 3.0, 2.5, 2.0
    alpha, beta = math.sqrt(1 - (b / a) ** 2), math.sqrt(1 - (c / a) ** 2)
    x = (alpha**2 + beta**2) / (2 * alpha * beta)
    terms = [(alpha * beta) ** v / (1 - 4 * v**2) * eval_legendre(v, x) for v in range(21)]
    volume, area = spatial.ellipsoid([c, a, b])
    assert volume == pytest.approx(4 / 3 * math.pi * a * b * c)
    assert area == pytest.approx(4 * math.pi * a * b * sum(terms))
    assert spatial.ellipsoid([2, 2, 2])[1] == pytest.approx(16 * math.pi)
    e = math.sqrt(1 - 1 / 9)
    long = 2 * math.pi * 3 * (1 + math.atanh(e) * (1 - e**2) / e)
    assert spatial.ellipsoid([1, 1, 3])[1] == pytest.approx(long, rel=4e-3)
    flat = 2 * math.pi * 9 * (1 / 3 + math.asin(e) / e)
    assert spatial.ellipsoid([1, 3, 3])[1] == pytest.approx(flat, rel=1e-3)
    assert spatial.ellipsoid([1, 3 - 1e-8, 3])[1] == pytest.approx(flat, rel=1e-3)


def test_special_cases_of_bodies() -> None:
    one, two = np.ones((1, 1, 1), bool), np.ones((2, 1, 1), bool)
    image = np.array([[[1.0]], [[3.0]]])
    assert math.isnan(spatial.moran(image[:1], one, SPACING))
    assert math.isnan(spatial.geary(0 * image, two, SPACING))
    assert spatial.moran(image, two, SPACING) == pytest.approx(-1)
    assert spatial.geary(image, two, SPACING) == pytest.approx(1)
    assert math.isnan(spatial.centre_of_mass_shift(image - 2, two, two, SPACING))
    flat = spatial.enclosing_ellipsoid(np.ones((1, 3, 4), bool), SPACING, 1.0, 1.0)
    assert [math.isnan(value) for value in flat.values()] == [True, False]
