"""Invariant: who chooses the epoch of a network is seen by nothing that learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from radiomics.evaluation import nested
from radiomics.pipelines.study import chains, embedding
from radiomics.pipelines.study.config import StudyConfig
from radiomics.pipelines.study.networks import Network
from radiomics.plugins import parse
from radiomics.types import Samples


def test_those_who_choose_the_epoch_are_not_seen_by_the_preparation(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    ids, y = tuple(f"P{i}" for i in range(40)), np.arange(40) % 2
    values = {
        "data": {"name": "features", "table": "t.csv"},
        "models": [{"name": "mlp", "widths": [4]}],
        "selection": [{"name": "univariate", "count": 2}],
        "training": {"epochs": 1, "device": "cpu"},
        "evaluation": {"validation": 0.3},
    }
    given = parse(StudyConfig, values, "test")
    x = rng.normal(size=(40, 6))
    columns = tuple("abcdef")
    samples = Samples(ids, np.array(ids), x, y, columns, classes=("0", "1"))
    aside = embedding.split_validation(samples, given.recipe(given.models[0]), 0.3)[1]
    assert aside is not None
    assert len(aside.ids) == 12
    changed = x.copy()
    rows = [ids.index(i) for i in aside.ids]
    changed[rows, 5] = 9 * y[rows]  # a column that tells the outcome of these alone
    learnt = []
    for number, values_seen in enumerate((x, changed)):
        seen = Samples(ids, np.array(ids), values_seen, y, columns, classes=("0", "1"))
        design = chains.Design(nested.grouped_frame(seen), columns, selection=given.selection)
        network = Network(given, given.models[0], tmp_path / str(number), design=design)
        applied = network.fit_samples(seen).applied
        assert applied is not None
        assert applied.preparation is not None
        weights = [p.tolist() for p in applied.trained.network.parameters()]
        learnt.append((applied.preparation.get_feature_names_out().tolist(), weights))
    assert learnt[0] == learnt[1]
