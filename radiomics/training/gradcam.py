"""Where a convolutional network looked: class activation weighted by gradients (Grad-CAM) [1]_.

References
----------
.. [1] Selvaraju, Cogswell, Das, Vedantam, Parikh, Batra, Grad-CAM, arXiv:1610.02391.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from radiomics.training import Trained
from radiomics.training.data import scale_samples

CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)


def last_convolution(network: nn.Module) -> nn.Module | None:
    """Return the convolution that works last of those with a kernel, or None without any."""
    found = [m for m in network.modules() if isinstance(m, CONVOLUTIONS) and max(m.kernel_size) > 1]
    return found[-1] if found else None


def gradcam(trained: Trained, x: NDArray[Any], target: NDArray[Any]) -> NDArray[np.float64]:
    r"""Return how much each place spoke for a class.

    .. math:: \mathrm{ReLU}\Big(\sum_k A_k \cdot \mathrm{mean}(\partial s / \partial A_k)\Big)

    Parameters
    ----------
    x : (N, C, H, W) or (N, C, D, H, W), in the units that the network was trained on
    target : (N,) class whose score :math:`s` is looked at; of a network with one output, 1 looks
        at it and 0 at its negative

    Returns
    -------
    (N, H, W) or (N, D, H, W) from 0 to 1, at the last convolution and interpolated linearly

    Raises
    ------
    ValueError
        For a network without convolutions.
    """
    network = trained.network
    layer = last_convolution(network)
    if layer is None:
        raise ValueError("Grad-CAM needs a network with convolutions")
    kept: list[Tensor] = []
    hook = layer.register_forward_hook(lambda _m, _i, output: kept.append(output))
    network.eval()
    try:
        device = next(network.parameters()).device
        output = network(scale_samples(np.asarray(x), trained.scaling).to(device))
    finally:
        hook.remove()
    chosen = torch.as_tensor(np.asarray(target), dtype=torch.int64, device=output.device)
    if output.shape[1] == 1:
        score = torch.where(chosen > 0, output[:, 0], -output[:, 0])
    else:
        score = output.gather(1, chosen[:, None])[:, 0]
    (slope,) = torch.autograd.grad(score.sum(), kept[0])
    axes = tuple(range(2, slope.ndim))
    heat = (kept[0] * slope.mean(axes, keepdim=True)).sum(1, keepdim=True).relu()
    mode = "bilinear" if x.ndim == 4 else "trilinear"
    heat = functional.interpolate(heat.detach().float(), x.shape[2:], mode=mode)
    most = heat.amax(tuple(range(1, heat.ndim)), keepdim=True)
    result = torch.where(most > 0, heat / most.clamp(min=1e-12), 0.0)[:, 0]
    return np.asarray(result.cpu().numpy(), dtype=np.float64)
