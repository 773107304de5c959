"""Write a model into one safe archive: skops, safetensors and JSON, no pickle, no clock."""

from __future__ import annotations

import json
from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

from sklearn.pipeline import Pipeline

from radiomics.evaluation.tuning import Fitted
from radiomics.pipelines.bundle.archive import dump_chain, pack
from radiomics.pipelines.bundle.model import BUNDLE, CHAIN, NETWORK, embeddings_in
from radiomics.pipelines.study.embedding import Embedding
from radiomics.pipelines.study.networks import Network


def save(fitted: Fitted | Network, description: Mapping[str, Any], path: Path) -> None:
    """Write a bundle; the file stands there whole or not at all, and the same model is the same."""
    entries: dict[str, bytes] = {}
    if isinstance(fitted, Network):
        from radiomics.training import card

        known = fitted.card({n: e["value"] for n, e in description["estimates"].items()})
        entries[NETWORK] = card.dumps(fitted.trained, known)
        applied = fitted.applied
        if applied is not None and applied.preparation is not None:
            entries[CHAIN] = dump_chain(applied.preparation)
        record = {
            **description,
            "threshold": 0.5,
            "recalibration": None,
            "times": list(fitted.times),
        }
    else:
        entries[CHAIN] = dump_chain(_without_images(fitted.chain))
        recalibration = fitted.recalibration
        record = {
            **description,
            "threshold": fitted.threshold,
            "recalibration": vars(recalibration) if recalibration else None,
            "times": list(fitted.plan.times),
        }
    entries[BUNDLE] = json.dumps(record, indent=1, sort_keys=True).encode()
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(pack(entries))
    temporary.replace(path)


def _without_images(chain: Pipeline) -> Pipeline:
    """Return a chain that names no file of this machine."""
    if not embeddings_in(chain):
        return chain
    bare = deepcopy(chain)
    for _, step in bare.steps:
        for _, part, _ in getattr(step, "transformers", ()):
            for _, inner in part.steps if isinstance(part, Pipeline) else ():
                if isinstance(inner, Embedding):
                    inner.images = None
    for inner in embeddings_in(bare):
        inner.images = None
    return bare
