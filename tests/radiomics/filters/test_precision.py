"""Bound: what filters in float32 differ from those in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.radiomics.filters.test_responses import apply


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    shape=st.tuples(*[st.integers(9, 20)] * 3),
    offset=st.sampled_from([0.0, -1000.0, 3e4]),
)
@pytest.mark.parametrize(
    ("name", "options", "gain"),
    [
        ("simoncelli", {}, 1.0),
        ("riesz", {"order": (1, 1, 0), "level": 1}, 2**0.5),
        ("riesz", {"order": (2, 0, 0), "sigma_mm": 1.0}, 1.0),
        ("riesz", {"order": (1, 0, 0), "level": 1, "tensor_sigma_mm": 1.0}, None),
        ("gabor", {"sigma_mm": 1.5, "lambda_mm": 3, "theta_step": 45, "planes": True}, 15.0),
        ("gabor", {"sigma_mm": 1.5, "lambda_mm": 3, "theta": 30}, 15.0),
    ],
)
def test_float32_deviates_by_no_more_than_is_said(
    name: str,
    options: dict[str, Any],
    gain: float | None,
    seed: int,
    shape: tuple[int, int, int],
    offset: float,
) -> None:
    """Gain is what the largest intensity grows to at most: of ``gabor`` the kernel's sum."""
    image = np.random.default_rng(seed).normal(size=shape) * 100 + offset
    exact = apply(name, image, **options)
    single = apply(name, image, **options, precision="float32")
    assert exact.dtype == single.dtype == np.float64
    away = np.abs(single - exact)
    if gain is None:  # an axis whose sign is a matter of rounding turns the response round
        assert float(np.quantile(away, 0.9)) <= 2e-6 * float(np.abs(image).max())
        return
    assert 0 < float(away.max()) <= 2e-6 * gain * float(np.abs(image).max())
