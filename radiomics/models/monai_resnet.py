"""MONAI's residual networks for slices and volumes, with MedicalNet's weights if wanted [1]_.

References
----------
.. [1] Chen, Ma, Zheng, Med3D: transfer learning for 3D medical image analysis, arXiv:1904.00625.
"""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any, Literal

import torch
from monai.networks import nets
from pydantic import BaseModel
from torch import Tensor, nn

SHORT = (18, 34)  # depths whose MedicalNet networks shorten by padding, not by a projection


class Options(BaseModel, frozen=True, extra="forbid"):
    """``depth`` is the number of layers; ``weights`` a file of MedicalNet for volumes.

    With other than one channel the first layer's weights are divided among the channels, so that
    equal channels give what one gave.
    """

    depth: Literal[10, 18, 34, 50] = 18
    weights: Path | None = None


def build(options: Options, input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return the network for samples ``(C, H, W)`` or ``(C, D, H, W)``.

    Raises
    ------
    ValueError
        For samples of another shape, or weights of another network.
    """
    if len(input_shape) not in (3, 4):
        raise ValueError(f"monai_resnet takes images or volumes, not samples {input_shape}")
    dims, channels = len(input_shape) - 1, input_shape[0]
    more: dict[str, Any] = {}
    if options.weights is not None:
        short = options.depth in SHORT
        more = {"shortcut_type": "A" if short else "B", "bias_downsample": short}
    make = getattr(nets, f"resnet{options.depth}")
    network: nn.Module = make(
        spatial_dims=dims, n_input_channels=channels, num_classes=outputs, **more
    )
    if options.weights is not None:
        if dims != 3:
            raise ValueError("MedicalNet's weights are those of volumes (C, D, H, W)")
        _load_weights(network, options.weights, channels)
    return network


def _load_weights(network: nn.Module, path: Path, channels: int) -> None:
    """Copy the weights of a file into all layers but the last."""
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{path}: MedicalNet's weights cannot be read: {reason}") from None
    stored: Any = content.get("state_dict", content) if isinstance(content, dict) else content
    if not isinstance(stored, dict) or not all(isinstance(v, Tensor) for v in stored.values()):
        raise ValueError(
            f"{path}: MedicalNet's weights are tensors by name, not a {type(stored).__name__}"
        )
    found = {key.removeprefix("module."): value for key, value in stored.items()}
    found = {key: value for key, value in found.items() if not key.startswith(("fc.", "conv_seg"))}
    initial = network.state_dict()
    first = found.get("conv1.weight")
    if first is not None and first.shape[1] == 1 != channels:
        found["conv1.weight"] = first.expand(-1, channels, -1, -1, -1) / channels
    wanted = {key: value.shape for key, value in initial.items() if not key.startswith("fc.")}
    differs = [k for k in [*wanted, *found] if k not in found or found[k].shape != wanted.get(k)]
    if differs:
        raise ValueError(
            f"{path}: weights of another network: {differs[0]} is "
            f"{tuple(found[differs[0]].shape) if differs[0] in found else 'missing'}; "
            "choose the depth that the file was trained for"
        )
    network.load_state_dict({**initial, **found})
