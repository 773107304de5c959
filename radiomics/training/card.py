"""Trained networks on disk: weights as safetensors with a JSON card in the same file [1]_.

References
----------
.. [1] Safetensors, a format of named tensors without code, https://huggingface.co/docs/safetensors.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from itertools import zip_longest
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save as store
from torch import Tensor, nn

from radiomics.training import Options, Scaling, Trained
from radiomics.training.state import digest_of
from radiomics.types import InputError

FORMAT = "radiomics network 2"


def save(trained: Trained, path: str | Path, description: dict[str, Any]) -> None:
    """Write weights and card, and the card again as JSON beside them.

    Parameters
    ----------
    path : a name that ends in ``.safetensors``
    description : what the card says besides scaling, options and history. At least ``model`` (name
        and options), ``input_shape`` and ``outputs``; classes, config, versions and metrics where
        known
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.part")
    temporary.write_bytes(dumps(trained, description))
    temporary.replace(path)
    text = json.dumps(read_card(path), indent=1, sort_keys=True) + "\n"
    path.with_suffix(".json").write_text(text, encoding="utf-8", newline="\n")


def dumps(trained: Trained, description: dict[str, Any]) -> bytes:
    """Return what :func:`save` writes, card and weights."""
    options = trained.options.model_dump(mode="json")
    state = trained.network.state_dict()
    facts = {"format": FORMAT, "scaling": asdict(trained.scaling), "training": options}
    facts |= {"layers": layers(trained.network), "sha256": digest_of(state)}
    card = {**description, **facts, "history": trained.history}
    tensors = {key: value.detach().cpu().contiguous() for key, value in state.items()}
    return store(tensors, {"card": json.dumps(card, sort_keys=True)})


def layers(network: nn.Module) -> list[str]:
    """Return the kinds of a network's layers in their order: weights alone do not show them.

    >>> layers(nn.Sequential(nn.Linear(2, 2), nn.Tanh()))
    ['Sequential', 'Linear', 'Tanh']
    """
    normed = nn.modules.batchnorm._BatchNorm  # of several kinds, by how many processes trained it
    return [
        "BatchNorm" if isinstance(layer, normed) else type(layer).__name__
        for layer in network.modules()
    ]


def loads(data: bytes, build: Callable[[dict[str, Any]], nn.Module]) -> Trained:
    """Return a trained network from bytes of :func:`dumps`; see :func:`load`."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "network.safetensors"
        path.write_bytes(data)
        return load(path, build)


def read_card(path: str | Path) -> dict[str, Any]:
    """Return the card of a file of weights.

    Raises
    ------
    InputError
        For a file that is cut short, or that another program wrote.
    """
    try:
        with safe_open(path, "pt") as stored:
            metadata = stored.metadata() or {}
    except (SafetensorError, OSError) as error:
        rule = "weights must be a whole safetensors file"
        raise InputError(Path(path), rule, str(error), "train anew, or fetch it again") from None
    try:
        card = json.loads(metadata.get("card", "{}"))
    except json.JSONDecodeError as error:
        rule, remedy = "the card is JSON", "train anew, or fetch it again"
        raise InputError(Path(path), rule, str(error), remedy) from None
    if not isinstance(card, dict) or card.get("format") != FORMAT:
        rule = f"the card says '{FORMAT}'"
        found = f"{card.get('format', 'no card')}" if isinstance(card, dict) else "another text"
        raise InputError(Path(path), rule, found, "give a network that this program trained")
    return dict(card)


def load(path: str | Path, build: Callable[[dict[str, Any]], nn.Module]) -> Trained:
    """Return a trained network.

    Parameters
    ----------
    build : makes the untrained network of a card

    Raises
    ------
    InputError
        As :func:`read_card`; for weights that changed since they were written; and for weights or
        layers that are not those of the network built, naming the first that differs.
    """
    card = read_card(path)
    with safe_open(path, "pt") as stored:
        tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
    if (found := digest_of(tensors)) != card["sha256"]:
        rule, remedy = f"the weights have the SHA-256 {card['sha256']}", "fetch the file again"
        raise InputError(Path(path), rule, found, remedy)
    network = build(card)
    _check_built(network, tensors, card, Path(path))
    network.load_state_dict(tensors)
    kept = card["scaling"]
    target = float(kept["target_mean"]), float(kept["target_spread"])
    scaling = Scaling(tuple(kept["mean"]), tuple(kept["spread"]), *target)
    options = Options.model_validate(card["training"])
    return Trained(network, scaling, card["history"], options)


def _check_built(
    network: nn.Module, tensors: dict[str, Tensor], card: dict[str, Any], path: Path
) -> None:
    remedy = "build the architecture that the card names"
    wanted = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in tensors.items()}
    if wanted != found:
        first = next(k for k in [*wanted, *found] if wanted.get(k) != found.get(k))
        rule = f"the network has {first} of shape {wanted.get(first, 'nothing')}"
        held = f"{found.get(first, 'nothing')}"
        raise InputError(path, rule, held, remedy)
    pairs = zip_longest(layers(network), card["layers"], fillvalue="nothing")
    for number, (built, recorded) in enumerate(pairs):
        if built != recorded:
            rule = f"layer {number} of the network built is the card's, {recorded}"
            raise InputError(path, rule, built, remedy)
