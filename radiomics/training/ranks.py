"""Several processes that train one network: who we are among them, and sums over all of them.

``torchrun`` starts the processes and says so in the environment; without it there is one.
"""

from __future__ import annotations

import atexit
import logging
import os
from datetime import timedelta

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

PATIENCE = timedelta(seconds=10)
logger = logging.getLogger(__name__)


def world_size() -> int:
    """Return how many processes train together."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def rank() -> int:
    """Return which of them this is, from 0."""
    return int(os.environ.get("RANK", "0"))


def join_group(device: torch.device) -> torch.device:
    """Meet the other processes, if there are any; return the device that is this one's."""
    if world_size() == 1:
        return device
    if device.type == "cuda":
        device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
        torch.cuda.set_device(device)
    if not distributed.is_initialized():
        distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
        atexit.register(_leave_group)
    return device


def _leave_group() -> None:
    """Part from the others together: one that goes first can abort those still at work."""
    if distributed.get_backend() == "gloo":
        try:
            distributed.monitored_barrier(timeout=PATIENCE)
        except RuntimeError as error:  # one of them failed, and has said why
            logger.debug("left without the others: %s", error)
    distributed.destroy_process_group()


def data_parallel(network: nn.Module) -> nn.Module:
    """Return a network whose gradients are the mean over all processes."""
    if world_size() == 1:
        return network
    device = next(network.parameters()).device
    if has_batch_norm(network) and device.type == "cuda":
        network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    ids = [device.index] if device.type == "cuda" else None
    return DistributedDataParallel(network, device_ids=ids)


def has_batch_norm(network: nn.Module) -> bool:
    """Tell whether a network has batch norm."""
    return any(isinstance(m, nn.modules.batchnorm._BatchNorm) for m in network.modules())


def smallest_batch(network: nn.Module) -> int:
    """Return how many samples a batch, and each part of it, must have: batch norm needs spreads."""
    return 2 * world_size() if has_batch_norm(network) else 2


def share_of_rank(part: Tensor) -> Tensor:
    """Return this process's share of the samples of a batch."""
    return part[rank() :: world_size()]


def sum_over_ranks(values: Tensor) -> Tensor:
    """Return the sum over all processes."""
    if world_size() > 1:
        distributed.all_reduce(values)
    return values


def wait_for_all() -> None:
    """Wait until all processes have come here."""
    if world_size() > 1:
        distributed.barrier()
