"""Mechanics: options that would do nothing for a network are refused, in short words."""

from __future__ import annotations

from typing import Any

import pytest

from radiomics.pipelines.study.config import StudyConfig
from radiomics.plugins import ConfigurationError, parse

CNN = {"name": "cnn", "channels": [2]}
BASE: dict[str, Any] = {"data": {"name": "cohort", "manifest": "m.csv"}, "models": [CNN]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"models": [CNN | {"tune": {"hidden": [[1], [2]]}}]}, "tune of 'cnn': networks are not"),
        ({"evaluation": {"permutations": 10}}, "evaluation.permutations: .*put another one first"),
        ({"evaluation": {"sensitivity": 0.9}}, "evaluation.sensitivity: .*one half"),
        ({"training": {"task": "regression"}}, "training.task: .*binary; given: 'regression'"),
        ({"models": [CNN | {"training": {"task": "survival"}}]}, "training.task"),
        ({"tensors": {"window": [100, 0]}}, r"window is \(lower, upper\); given: \[100.0, 0.0\]"),
        ({"training": {"epochz": 1}}, r"test: training: there is no key 'epochz'.*'epochs'\?$"),
        ({"training": {"decay": 0.1}}, "test: training: decay is decoupled .* other way.$"),
    ],
)
def test_what_would_do_nothing_is_refused_in_words(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as told:
        parse(StudyConfig, BASE | changes, "test")
    assert "m.csv" not in str(told.value)  # a message that holds the whole config buries the rule


def test_what_other_models_use_is_taken() -> None:
    both = [{"name": "logistic"}, CNN | {"tune": {}}]
    evaluation = {"permutations": 10, "sensitivity": 0.9}
    taken = parse(
        StudyConfig,
        BASE | {"models": both, "evaluation": evaluation, "training": {"task": "binary"}},
        "test",
    )
    assert (taken.evaluation.permutations, taken.evaluation.sensitivity) == (10, 0.9)
