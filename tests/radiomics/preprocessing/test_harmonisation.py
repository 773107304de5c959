"""Oracle: neuroCombat 0.2.12. Invariant: nothing of the rows to transform is learned.

golden/combat.json holds 15 rows of 5 features, age and sex, and what neuroCombat (numpy 1.26.4,
``np.int = int`` for its reference sites) returned with the convergence criterion of ``it_sol``
set from 1e-4 to 1e-13; with its own criterion the results differ by up to 3e-5.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from radiomics import InputError
from radiomics.preprocessing import harmonisation
from radiomics.preprocessing.combat import ComBat
from radiomics.preprocessing.site_scaling import SiteScaler

GOLDEN = json.loads((Path(__file__).parent / "golden" / "combat.json").read_text())
FEATURES = list("vwxyz")


def table() -> pd.DataFrame:
    found = pd.DataFrame(GOLDEN["x"], columns=FEATURES)
    sex = pd.Series(GOLDEN["sex"]).map({0: "f", 1: "m"})
    return found.assign(site=list("aaaaaabbbbbcccc"), age=GOLDEN["age"], sex=sex)


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("plain", {}),
        ("covariates", {"preserve": ["age", "sex"]}),
        ("reference", {"reference": "b"}),
        ("non_parametric", {"prior": "non_parametric", "preserve": ["age"]}),
        ("none", {"prior": "none"}),
    ],
)
def test_combat_equals_neurocombat(name: str, options: dict[str, Any]) -> None:
    found = ComBat(FEATURES, **options).fit_transform(table())
    assert np.abs(found[FEATURES].to_numpy() - np.array(GOLDEN[name])).max() < 1e-6
    assert found[["site", "age", "sex"]].equals(table()[["site", "age", "sex"]])


def simulated(seed: int = 0, rows: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    site = rng.integers(0, 3, rows)
    x = rng.normal(size=(rows, 20)) * np.array([1, 2, 0.5])[site][:, None]
    x += rng.normal(size=(3, 20))[site] * 3
    names = [f"f{i}" for i in range(20)]
    return pd.DataFrame(x, columns=names).assign(site=np.array(list("nsw"))[site])


@pytest.mark.parametrize("method", ["combat", "z_score"])
def test_sites_become_alike_and_one_row_is_as_many(method: str) -> None:
    data = simulated()
    names = [c for c in data if c != "site"]
    options = harmonisation.Options(method=method)
    fitted = harmonisation.build(names, options).fit(data)
    done = fitted.transform(data)
    means = done.groupby("site")[names].mean().to_numpy()
    spread = done.groupby("site")[names].std().to_numpy()
    assert np.abs(means - means.mean(axis=0)).max() < 0.15
    assert np.abs(spread / spread.mean(axis=0) - 1).max() < 0.15
    single = pd.concat([fitted.transform(data.iloc[[i]]) for i in range(10)])
    assert np.allclose(single[names], done.iloc[:10][names])


@pytest.mark.parametrize("method", ["combat", "z_score"])
def test_an_unseen_site_follows_the_rule(method: str) -> None:
    data = simulated()
    names = [c for c in data if c != "site"]
    known, other = data[data["site"] != "w"], data[data["site"] == "s"].assign(site="new")
    found = {}
    for rule in ("refuse", "pool", "nearest"):
        step = harmonisation.build(names, harmonisation.Options(method=method, unseen=rule))
        step.fit(known)
        if rule == "refuse":
            with pytest.raises(InputError, match="new; seen: n, s"):
                step.transform(other)
            continue
        found[rule] = step.transform(other)[names]
        as_s = step.transform(other.assign(site="s"))[names]
    assert np.allclose(found["nearest"], as_s)
    if method == "combat":
        assert np.array_equal(found["pool"], other[names])
    else:
        pooled = (other[names] - known[names].mean()) / known[names].std(ddof=0)
        assert np.allclose(found["pool"], pooled)


@pytest.mark.parametrize("kind", [ComBat, SiteScaler])
def test_gaps_constants_and_lone_rows_are_survived(kind: Any) -> None:
    data = simulated(rows=60)
    data.loc[3, "f0"] = np.nan
    data["f1"] = 7.0
    data.loc[59, "site"] = "lone"
    names = [c for c in data if c != "site"]
    done = kind(names).fit_transform(data)
    assert np.isnan(done.loc[3, "f0"])
    assert np.isfinite(done[names].drop(index=3).to_numpy()).all()
    assert np.ptp(done["f1"]) == 0
    only = data[data["site"] == "n"]
    assert np.isfinite(kind(names[2:]).fit_transform(only)[names[2:]].to_numpy()).all()


def test_one_site_alone_stays_as_it_is() -> None:
    only = simulated().query("site == 'n'")
    names = [c for c in only if c != "site"]
    assert np.allclose(ComBat(names).fit_transform(only)[names], only[names])


def test_what_cannot_be_harmonised_is_told() -> None:
    data = simulated()
    names = [c for c in data if c != "site"]
    with pytest.raises(InputError, match="names the site"):
        ComBat(names).fit(data.drop(columns="site"))
    with pytest.raises(InputError, match="1 rows without one"):
        ComBat(names).fit(data.assign(site=data["site"].where(data.index > 0)))
    with pytest.raises(InputError, match="reference site needs training rows"):
        ComBat(names, reference="x").fit(data)
    follows = data.assign(scanner=data["site"].map({"n": "old", "s": "old", "w": "new"}))
    with pytest.raises(InputError, match="follows no other"):
        ComBat(names, preserve=["scanner"]).fit(follows)
