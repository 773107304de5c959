"""What a feature family must do on small regions."""

from __future__ import annotations

import math
import warnings
from types import ModuleType

import numpy as np

from radiomics.testing.options import check_options
from radiomics.types import Region

SHARED_CODES = {"BC2M", "GBPN", ""}
"""Codes that several features have: IBSI gives one to a volume histogram's pairs of values."""
SMALL = ((1, 1, 1), (1, 4, 4), (3, 1, 1), (2, 2, 2))


def region(shape: tuple[int, int, int] = (5, 6, 7), levels: int = 6, seed: int = 0) -> Region:
    """Return a region of random intensities and grey levels in a random mask."""
    rng = np.random.default_rng(seed)
    grey = rng.integers(1, levels + 1, shape)
    image = grey + rng.uniform(-0.4, 0.4, shape)
    mask = rng.random(shape) < 0.7
    mask.flat[0] = True
    numbers = np.where(mask, grey, 0).astype(np.uint16)
    return Region(image, mask, mask, (2.0, 1.0, 1.5), numbers, levels)


def check_family(module: ModuleType, *, flat: bool = False, coded: bool = False) -> None:
    """Check that a family keeps the contract of ``radiomics.features``.

    Parameters
    ----------
    flat : the family is of masks in one plane: elsewhere it may have no values
    coded : every feature has a code of IBSI

    Raises
    ------
    AssertionError
        Saying what is wrong: names, codes and units that do not agree; values under other names,
        that are no floats, or infinite; a warning on a small region; an input that was changed;
        two runs that differ.
    """
    name = module.__name__
    options = check_options("radiomics.features", module)
    _check_names(module, coded)
    seen = region((1, 4, 4)) if flat else region()
    before = seen.image.copy()
    values, again = (module.features(seen, options) for _ in range(2))
    _check_values(module, values, "a region of many voxels")
    wrong = [key for key, value in values.items() if not math.isfinite(value)]
    assert not wrong, f"{name}: no finite value in a region of many voxels: {', '.join(wrong)}"
    assert values == again, f"{name}: two runs on one region differ"
    assert np.array_equal(seen.image, before), f"{name} changes the image that it is given"
    for shape in SMALL:
        for levels in (1, 6):
            where = f"a region of shape {shape} with {levels} grey levels"
            with warnings.catch_warnings():
                warnings.simplefilter("error")
                try:
                    values = module.features(region(shape, levels), options)
                except Exception as error:
                    text = f"{name} fails on {where}: {type(error).__name__}: {error}"
                    raise AssertionError(text) from error
            _check_values(module, values, where)


def _check_names(module: ModuleType, coded: bool) -> None:
    name, codes = module.__name__, module.IBSI
    assert codes, f"{name}.IBSI names no feature"
    apart = set(module.UNITS) ^ set(codes)
    assert not apart, f"{name}: UNITS and IBSI name other features: {', '.join(sorted(apart))}"
    for feature, code in codes.items():
        plain = feature == feature.lower() and f"x{feature}".isidentifier()
        assert plain, f"{name}: '{feature}' is no name in small letters, digits and underscores"
        known = len(code) == 4 or (code == "" and not coded)
        assert known, f"{name}: '{feature}' has the code {code!r}; IBSI's have four letters"
    own = [code for code in codes.values() if code not in SHARED_CODES]
    assert len(set(own)) == len(own), f"{name}: two features have one code"


def _check_values(module: ModuleType, values: dict[str, float], where: str) -> None:
    name = module.__name__
    apart = set(values) ^ set(module.IBSI)
    text = f"{name}: in {where} the values have other names than IBSI: {', '.join(sorted(apart))}"
    assert not apart, text
    for feature, value in values.items():
        kind = type(value).__name__
        assert type(value) is float, f"{name}: '{feature}' in {where} is of type {kind}, not float"
        text = f"{name}: '{feature}' is infinite in {where}: NaN says that there is no value"
        assert not math.isinf(value), text
