"""What a way to choose features must keep."""

from __future__ import annotations

from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np

from radiomics.testing.models import TASKS, outcome
from radiomics.testing.options import check_options


def check_selector(module: ModuleType, *, tasks: Sequence[str] = TASKS, **options: Any) -> None:
    """Check that a way to choose features keeps the contract of ``radiomics.selection``.

    Parameters
    ----------
    tasks : that it knows
    options : those that it cannot do without

    Raises
    ------
    AssertionError
        Saying what is wrong: two fits that choose differently, the two columns that tell the
        outcome both left out, or none kept of a column that tells nothing.
    """
    import pandas as pd

    name = module.__name__
    checked = check_options("radiomics.selection", module, **options)
    x = np.random.default_rng(0).normal(size=(120, 12))
    x[:, 4] = x[:, 0] + 1e-3 * x[:, 4]
    table = pd.DataFrame(x, columns=[f"f{i}" for i in range(12)])
    for task in tasks:
        y = outcome(task, x)
        one, two = (module.build(checked, task).fit(table, y) for _ in range(2))
        same = np.array_equal(one.get_support(), two.get_support())
        assert same, f"{name}: {task}: two fits to the same samples choose other features"
        kept = list(one.get_feature_names_out())
        text = f"{name}: {task}: both columns that tell the outcome are left out; kept: {kept}"
        assert {"f0", "f4"} & set(kept), text
        shape = one.transform(table).shape
        assert shape == (120, len(kept)), (
            f"{name}: {len(kept)} features are kept, but {shape} given"
        )
        noise = module.build(checked, task).fit(table[["f3"]], y)
        some = noise.get_support().tolist() == [True]
        assert some, f"{name}: {task}: of a table of one column that column is kept"
