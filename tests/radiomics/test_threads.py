"""Mechanics: work side by side keeps its order, its errors and its limits."""

from __future__ import annotations

import threading
from typing import NoReturn

import pytest
import threadpoolctl

from radiomics.kernels.threads import one_thread_each, side_by_side


def test_results_come_in_order_also_nested() -> None:
    inner = lambda k: side_by_side([lambda j=j: 10 * k + j for j in range(3)])  # noqa: E731
    found = side_by_side([lambda k=k: inner(k) for k in range(5)])
    assert found == [[10 * k + j for j in range(3)] for k in range(5)]
    assert side_by_side([]) == []


def test_an_error_is_raised_where_its_result_is_asked_for() -> None:
    def fail() -> NoReturn:
        raise ValueError("seven")

    with pytest.raises(ValueError, match="seven"):
        side_by_side([lambda: 1, fail, lambda: 3])


def test_an_interrupt_begins_nothing_more() -> None:
    main, begun = threading.main_thread(), []
    gate = threading.Event()

    def call() -> None:
        begun.append(1)
        if threading.current_thread() is main:
            raise KeyboardInterrupt
        gate.wait(1)

    with pytest.raises(KeyboardInterrupt):
        side_by_side([call] * 200)
    gate.set()
    assert len(begun) < 200


def test_blas_has_one_thread_inside_and_all_again_outside() -> None:
    def count() -> list[int]:
        return [
            p["num_threads"] for p in threadpoolctl.threadpool_info() if p["user_api"] == "blas"
        ]

    before = count()
    with one_thread_each(), one_thread_each():
        assert set(count()) == {1}
    assert count() == before
