"""Where cases and samples come from, one module a source.

A source has ``Options`` and ``open(options, progress) -> source``: a
:class:`~radiomics.io.files.tables.Manifest`, which has a length, yields cases, and knows the files
behind each; a :class:`~radiomics.io.files.tables.FeatureTable` where the features are there
already; or :class:`~radiomics.types.Samples` where a source holds pictures or rows of numbers.
"""

from __future__ import annotations

CONTRACT = ("Options", "open")
"""What a module must define."""
NAMES = (
    "phantom",
    "cohort",
    "mnist",
    "fashion_mnist",
    "cifar10",
    "class_folders",
    "temperature",
    "features",
    "breast_cancer",
)
