"""Where memory ends: which errors say so, and which batch would fit."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import torch

from radiomics.training import ranks
from radiomics.training.data import part_size
from radiomics.training.loop import Run
from radiomics.types import InputError

RULE = "a batch must fit on the device"
T = TypeVar("T")
WORDS = ("DefaultCPUAllocator", "MPS backend out of memory")  # raised as plain RuntimeErrors


def is_memory_error(error: BaseException) -> bool:
    """Tell whether an error says that there is not enough memory."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error) for word in WORDS)


def explain_shortage(work: Callable[[], T], explanation: Callable[[], InputError]) -> T:
    """Do work; where memory ends, raise the explanation, looked for once all that failed is freed.

    Parameters
    ----------
    work : gives the result
    explanation : gives the error to raise; called only where memory ends
    """
    try:
        return work()
    except (MemoryError, RuntimeError) as error:
        if not is_memory_error(error):
            raise
    raise explanation()


def inference_too_large(size: int) -> InputError:
    """Return the error where a batch does not fit that is predicted, not trained on."""
    rule = f"{size} samples that are only looked at must fit on the device"
    remedy = "choose a smaller network, or give predict a smaller batch_size"
    return InputError("network", rule, "they do not", remedy)


def batch_too_large(run: Run, shape: tuple[int, ...]) -> InputError:
    """Find the largest batch of samples of a shape, by halving, that a step has memory for.

    The network's running statistics and gradients are not what they were afterwards.
    """
    if ranks.world_size() > 1:  # a probe would wait for the others
        return InputError("training", RULE, "it does not", "choose a smaller batch_size")
    survival = run.options.task == "survival"  # its batch has no parts, nor one sample alone
    least = 2 if survival or ranks.has_batch_norm(run.network) else 1
    size = part_size(run.options)
    while (size := size // 2) >= least:
        if run.device.type == "cuda":
            torch.cuda.empty_cache()
        if _fits(run, size, shape):
            parts = "" if survival else ", or accumulate parts of that size"
            return InputError("training", RULE, "it does not", f"set batch_size to {size}{parts}")
    found = "not even one sample" if least == 1 else "not even two, and fewer cannot be trained on"
    return InputError("training", RULE, found, "choose a smaller network or smaller samples")


def _fits(run: Run, size: int, shape: tuple[int, ...]) -> bool:
    run.network.train()
    try:
        x = torch.zeros(size, *shape, device=run.device)
        run.stepper(x).float().sum().backward()
    except (MemoryError, RuntimeError) as error:
        if not is_memory_error(error):
            raise
        return False
    finally:
        run.optimiser.zero_grad(set_to_none=True)
    return True
