"""Mechanics: work side by side keeps its order, its errors and its limits."""

from __future__ import annotations

import threading
import time
from typing import NoReturn

import pytest
import threadpoolctl

from radiomics.kernels import threads
from radiomics.kernels.threads import Budget, one_thread_each, side_by_side
from tests.waiting import LIMIT_S


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


def test_workers_are_no_more_than_may_work(monkeypatch: pytest.MonkeyPatch) -> None:
    assert threads.workers() >= 1
    monkeypatch.setattr(threads, "_bound", [3])
    assert threads.workers() == 3


def test_a_budget_lets_in_what_fits_and_what_is_too_large_alone() -> None:
    budget, inside, seen = Budget(10), [], []
    lock = threading.Lock()

    def work(amount: int) -> None:
        with budget.hold(amount):
            with lock:
                inside.append(amount)
                seen.append(list(inside))
            time.sleep(0.005)
            with lock:
                inside.remove(amount)

    amounts = [4, 25, 6, 3, 3, 3, 9, 1, 25, 5, 5] * 3
    workers = [threading.Thread(target=work, args=(amount,)) for amount in amounts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(seen) == len(amounts)
    assert all(sum(together) <= 10 or len(together) == 1 for together in seen)
    both = threading.Barrier(2)

    def meet(amount: int) -> None:
        with budget.hold(amount):
            both.wait(LIMIT_S)

    pair = [threading.Thread(target=meet, args=(amount,)) for amount in (4, 6)]
    for worker in pair:
        worker.start()
    for worker in pair:
        worker.join()
    assert not both.broken  # they were inside together
    with pytest.raises(ValueError, match="inside"), budget.hold(25):
        raise ValueError("inside")
    with budget.hold(10):  # what was held is free again
        pass


def test_an_interrupt_begins_nothing_more() -> None:
    main, begun = threading.main_thread(), []
    gate = threading.Event()

    def call() -> None:
        begun.append(1)
        if threading.current_thread() is main:
            raise KeyboardInterrupt
        gate.wait(LIMIT_S)

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
