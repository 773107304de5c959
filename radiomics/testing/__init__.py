"""Checks that a plugin keeps the contract of its registry, for our own and for other packages'.

A package that adds a family, a filter, a model, a selector or a source tests it with one call, in
any test runner: each check takes the module and raises an AssertionError that says what is wrong.

.. code-block:: python

    from my_package import fractal
    from radiomics.testing import check_family

    def test_the_family_keeps_its_contract() -> None:
        check_family(fractal)

``check_options`` is part of each of them. What the values should be no check can know: give them an
oracle of your own.
"""

from __future__ import annotations

from radiomics.testing.families import check_family
from radiomics.testing.filters import check_filter
from radiomics.testing.models import check_model
from radiomics.testing.options import check_options
from radiomics.testing.selectors import check_selector
from radiomics.testing.sources import check_source

__all__ = [
    "check_family",
    "check_filter",
    "check_model",
    "check_options",
    "check_selector",
    "check_source",
]
