"""What a filter must do on a random image."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np

from radiomics.testing.options import check_options

SPACING = (1.0, 1.0, 1.0)


def check_filter(module: ModuleType, **options: Any) -> None:
    """Check that a filter keeps the contract of ``radiomics.filters``.

    Parameters
    ----------
    options : those that the filter cannot do without

    Raises
    ------
    AssertionError
        Saying what is wrong: a response of another shape or type, an input that was changed, names
        that cannot begin a column, a voxel beyond ``reach`` that changes the response.
    """
    name = module.__name__
    checked = check_options("radiomics.filters", module, **options)
    image = np.random.default_rng(0).normal(size=(14, 15, 16))
    before = image.copy()
    response = module.apply(image, SPACING, checked)
    text = f"{name}: an image of shape {image.shape} has a response of shape {response.shape}"
    assert response.shape == image.shape, text
    assert response.dtype == np.float64, f"{name}: the response is {response.dtype}, not float64"
    assert np.array_equal(image, before), f"{name} changes the image that it is given"
    variants = module.variants(checked) if hasattr(module, "variants") else (checked,)
    prefixes = [module.column_prefix(variant) for variant in variants]
    assert len(set(prefixes)) == len(prefixes), f"{name}: two images have one column_prefix"
    for prefix in prefixes:
        plain = prefix.replace(".", "_").isidentifier()
        assert plain, f"{name}: columns cannot begin with {prefix!r}"
    _check_reach(module, checked)


def _check_reach(module: ModuleType, options: Any) -> None:
    """Check that nothing beyond the reach changes the response in the middle."""
    name = module.__name__
    reach = module.reach(options, SPACING)
    assert len(reach) == 3, f"{name}.reach gives voxels along z, y and x; found {reach}"
    assert min(reach) >= 0, f"{name}.reach is below 0: {reach}"
    if not np.isfinite(reach).all():
        return
    image = np.random.default_rng(0).normal(size=(31, 31, 31))
    image[0, 0, 0] = image[-1, -1, -1] = 9.0  # what scales by the largest value scales alike
    other = image.copy()
    outside = np.ones(image.shape, dtype=bool)
    outside[tuple(slice(max(0, 15 - int(far)), 16 + int(far)) for far in reach)] = False
    outside[0, 0, 0] = outside[-1, -1, -1] = False
    other[outside] = 1.0
    one, two = (module.apply(x, SPACING, options)[15, 15, 15] for x in (image, other))
    text = f"{name} looks farther than its reach of {reach} voxels: {one:.9g} becomes {two:.9g}"
    assert abs(one - two) <= 1e-9, text
