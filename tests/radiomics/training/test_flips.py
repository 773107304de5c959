"""Closed form: predictions over flips are means over reflected samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from radiomics import models
from radiomics.training import Options, card, fit
from tests.radiomics.training.test_training import images


@pytest.mark.parametrize("task", ["multiclass", "binary"])
def test_predictions_over_flips_are_means_of_those_of_reflections(
    task: str, tmp_path: Path
) -> None:
    data = images(70)
    torch.manual_seed(0)
    outputs = 2 if task == "multiclass" else 1
    built = models.build("cnn", input_shape=(1, 12, 12), outputs=outputs, channels=(4,), hidden=())
    recipe = {"task": task, "epochs": 1, "device": "cpu", "augment": {"flip": (1, 2)}}
    plain = fit(built, data, options=Options(**recipe))
    both = replace(plain, options=Options(**recipe, test_time_flips=True))
    x = data.x
    views = [x, x[..., ::-1], x[:, :, ::-1], x[:, :, ::-1, ::-1]]
    expected = np.mean([plain.predict(view.copy()) for view in views], axis=0)
    np.testing.assert_allclose(both.predict(x, batch_size=32), expected, rtol=1e-6)
    np.testing.assert_allclose(both.predict(x[..., ::-1].copy()), expected, rtol=1e-6)
    assert np.abs(plain.predict(x) - expected).max() > 1e-4
    card.save(both, tmp_path / "net.safetensors", {"model": {"name": "cnn"}})
    back = card.load(tmp_path / "net.safetensors", lambda _: built)
    np.testing.assert_array_equal(back.predict(x), both.predict(x))
    with pytest.raises(ValidationError, match="needs the axes of augment: flip"):
        Options(task="binary", test_time_flips=True)
