"""Invariant: no patient on two sides in any scheme; permutations keep patients whole."""

from __future__ import annotations

import numpy as np
import pytest

from radiomics import InputError
from radiomics.evaluation import splits
from radiomics.evaluation.comparisons import difference, permutation_p, permute_outcome
from radiomics.evaluation.duplicates import join_duplicates

GROUPS = np.repeat([f"P{i:02d}" for i in range(40)], 2)
Y = np.repeat(np.arange(40) % 2, 2)
SITES = np.repeat(np.array(["n", "s", "w", "n"])[np.arange(40) % 4], 2)


def test_repeats_differ_and_each_keeps_patients_together() -> None:
    repeats = splits.repeated_folds(Y, GROUPS, 5, [1, 2, 3])
    first = {tuple(test) for test in (tuple(t) for _, t in repeats[0])}
    assert first != {tuple(t) for _, t in repeats[1]}
    for repeat in repeats:
        for train, test in repeat:
            assert not set(GROUPS[train]) & set(GROUPS[test])


def test_sites_are_spread_over_folds_on_request() -> None:
    for _, test in splits.grouped_folds(Y, GROUPS, 5, 0, SITES):
        assert {str(s) for s in SITES[test]} == {"n", "s", "w"}
    rare = SITES.copy()
    rare[:2] = "rare"
    assert len(splits.grouped_folds(Y, GROUPS, 5, 0, rare)) == 5


def test_each_site_is_left_out_once() -> None:
    found = splits.leave_one_site_out(Y, GROUPS, SITES)
    assert [set(SITES[test]) for _, test in found] == [{"n"}, {"s"}, {"w"}]
    assert all(not set(SITES[train]) & set(SITES[test]) for train, test in found)


def test_sites_that_cannot_be_left_out_are_told() -> None:
    with pytest.raises(InputError, match="two sites are needed"):
        splits.leave_one_site_out(Y, GROUPS, np.full(80, "n"))
    mixed = SITES.copy()
    mixed[0] = "w"
    with pytest.raises(InputError, match="patients of several: P00"):
        splits.leave_one_site_out(Y, GROUPS, mixed)
    with pytest.raises(InputError, match="one class is only at site"):
        splits.leave_one_site_out((SITES == "n").astype(int), GROUPS, SITES)


def test_a_fixed_split_is_taken_as_it_is_and_checked() -> None:
    split = np.where(np.arange(80) < 60, "train", "test")
    train, test = splits.fixed_split(split, GROUPS)[0]
    assert (len(train), len(test)) == (60, 20)
    split[60] = "train"
    with pytest.raises(InputError, match="1: P30"):
        splits.fixed_split(split, GROUPS)
    with pytest.raises(InputError, match="holds train and test"):
        splits.fixed_split(np.full(80, "train"), GROUPS)


def test_copies_are_refused_or_kept_together() -> None:
    ids, groups = ("a", "b", "c", "d"), np.array(["p", "q", "q", "r"])
    digests = {"a": "1", "b": "1", "c": "2", "d": "3"}
    with pytest.raises(InputError, match="b of q is identical to a of p"):
        join_duplicates(groups, digests, ids)
    assert join_duplicates(groups, digests, ids, "merge").tolist() == ["p", "p", "p", "r"]


def test_a_permutation_keeps_patients_whole_and_the_frequency() -> None:
    rng = np.random.default_rng(0)
    dealt = permute_outcome(Y, GROUPS, rng)
    assert np.array_equal(dealt[::2], dealt[1::2])
    assert dealt.sum() == Y.sum()
    assert not np.array_equal(dealt, Y)
    inside = np.tile([0, 1], 40)  # patients with both outcomes
    inside[:2] = 0
    again = permute_outcome(inside, GROUPS, rng)
    assert again.sum() == inside.sum()


def test_p_values_of_differences_and_permutations() -> None:
    assert permutation_p(0.8, np.linspace(0.4, 0.6, 99)) == pytest.approx(0.01)
    far = difference(0.2, np.random.default_rng(0).normal(0.2, 0.02, 999))
    near = difference(0.01, np.random.default_rng(0).normal(0.01, 0.1, 999))
    assert 0 < far.p < 1e-12  # ten spreads away, where no resample comes
    assert near.p > 0.5
    assert far.low == pytest.approx(0.16, abs=0.01)
    assert np.isnan(difference(0.0, np.array([np.nan])).low)


@pytest.mark.parametrize("count", [None, 8, 40])
def test_a_p_value_says_what_its_interval_says(count: int | None) -> None:
    for seed, gap in enumerate(np.linspace(0, 0.5, 26)):
        drawn = np.random.default_rng(seed).normal(gap, 0.12, 4000)
        found = difference(float(gap), drawn, count=count)
        if abs(found.p - 0.05) > 0.002:
            assert (found.p < 0.05) == (found.low > 0)


def test_strata_of_a_value_are_its_fifths() -> None:
    assert (
        np.bincount(splits.strata_of(np.random.default_rng(0).normal(size=100))).tolist()
        == [20] * 5
    )
