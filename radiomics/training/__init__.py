"""The training loop: networks for regression, classes and survival, on any device.

Samples lie on the device as one tensor, or stream to it. What is random follows from the seed and
the epoch alone, so a run that was killed goes on to the same weights, bit for bit on one processor.
Under ``torchrun`` the processes share each batch, and the first one writes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from radiomics.plugins import missing_extra

try:
    import torch
    from torch import Tensor, nn
except ModuleNotFoundError as error:
    raise missing_extra(error, "radiomics.training") from None

from radiomics.training import ranks
from radiomics.training.augment import Augment
from radiomics.training.checks import check, check_outputs
from radiomics.training.data import (
    Resident,
    Scaling,
    Streamed,
    fit_scaling,
    layout_of,
    look_size,
    on_device,
    scaled,
    targets,
)
from radiomics.training.events import Events
from radiomics.training.loop import Run
from radiomics.training.memory import not_seen, told, too_large
from radiomics.training.recipe import Options, choose_device, optimiser_of, weights_of
from radiomics.training.state import State, fingerprint
from radiomics.types import Progress, Samples, silent

__all__ = ["Augment", "Options", "Scaling", "Trained", "choose_device", "fit", "seeded"]
Placed = tuple[Resident | Streamed, tuple[str, ...]]
"""Samples on a device, and their ids."""


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw torch's random numbers from a seed inside the block: the weights a network begins with.

    >>> with seeded(0):
    ...     one = nn.Linear(2, 1)
    >>> with seeded(0):
    ...     two = nn.Linear(2, 1)
    >>> torch.equal(one.weight, two.weight)
    True
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained network, its scaling, and one row of numbers for each epoch."""

    network: nn.Module
    scaling: Scaling
    history: list[dict[str, float]]
    options: Options

    def predict(self, x: NDArray[Any], batch_size: int | None = None) -> NDArray[np.float64]:
        """Return predictions for samples.

        Parameters
        ----------
        batch_size : how many at a time; absent, 1024 small ones, or as many as in training

        Returns
        -------
        values or log hazards ``(N,)``, probabilities ``(N,)``, or those of each class ``(N, K)``
        """
        size = batch_size or look_size(x.shape[1:], self.options)
        self.network.eval()
        with torch.no_grad():
            starts = range(0, len(x), size)
            parts = (partial(self._predicted, x[start : start + size]) for start in starts)
            return np.concatenate([told(part, partial(not_seen, size)) for part in parts])

    def _predicted(self, x: NDArray[Any]) -> NDArray[np.float64]:
        part = scaled(x, self.scaling).to(next(self.network.parameters()).device)
        views = [self._said(self.network(view)) for view in self._views(part)]
        return np.asarray(np.mean(views, axis=0))

    def _views(self, x: Tensor) -> list[Tensor]:
        """Return a batch, and where asked for its reflections along all sets of axes."""
        views = [x]
        for axis in set(self.options.augment.flip) if self.options.test_time_flips else ():
            views += [view.flip(-axis) for view in views]
        return views

    def _said(self, output: Tensor) -> NDArray[np.float64]:
        """Return what outputs (B, K) mean for the task."""
        result = output.float().cpu()
        if self.options.task == "multiclass":
            return np.asarray(result.softmax(dim=1).numpy(), dtype=np.float64)
        values = np.asarray(result[:, 0].numpy(), dtype=np.float64)
        if self.options.task == "binary":
            return 1 / (1 + np.exp(-values))
        if self.options.task == "survival":
            return values
        return values * self.scaling.target_spread + self.scaling.target_mean


def fit(
    network: nn.Module,
    train: Samples,
    validation: Samples | None = None,
    *,
    options: Options,
    folder: Path | None = None,
    progress: Progress = silent,
) -> Trained:
    """Train a network; with validation samples its best weights are kept, else its last.

    Parameters
    ----------
    folder : where the state is written after each epoch; a run that finds its own goes on from it
    progress : called with "epoch", its loss and rate, the number done and the number of all

    Raises
    ------
    InputError
        For samples that do not fit the task or the network, a state of another run, a device
        without the memory for a batch, or a loss that is not finite (with the epoch, step and
        samples; the weights of the epoch before stay in the network).
    """
    check(network, train, validation, options)
    device = ranks.join(choose_device(options.device))
    network = network.to(device).to(memory_format=layout_of(options, train.x.ndim))
    outputs = check_outputs(network, train, validation, options)
    scaling = fit_scaling(train, options.task)
    classes = {"binary": 2, "multiclass": outputs}.get(options.task, 0)
    weights = weights_of(targets(train, scaling, options.task, device), options, classes)
    stepper = ranks.shared(network)
    optimiser = optimiser_of(network, options, device)
    compiled: Any = torch.compile(stepper) if options.compile else stepper
    run = Run(network, compiled, options, optimiser, device, weights)
    history = _train(run, train, validation, scaling, folder, progress)
    return Trained(network, scaling, history, options)


def _train(
    run: Run,
    train: Samples,
    validation: Samples | None,
    scaling: Scaling,
    folder: Path | None,
    progress: Progress,
) -> list[dict[str, float]]:
    options, state = run.options, None
    history: list[dict[str, float]] = []
    best: dict[str, Tensor] | None = None
    if folder is not None:
        known = fingerprint(run.network, (train, validation), options)
        state = State(folder, known, options.save_every)
        history, best = state.load(run)
    given = [train] if validation is None else [train, validation]
    sets = [(on_device(s, scaling, options, run.device), s.ids) for s in given]
    events = Events(folder if options.tensorboard else None)
    try:
        for epoch in range(len(history), options.epochs):
            if options.patience is not None and _stale(history) >= options.patience:
                break
            row = _epoch(run, sets, epoch)
            if best is None or _best(row, history):
                best = _copy(run.network)
            history.append(row)
            if state is not None:
                state.keep(run, history, best)
            events.write(row)
            progress(_said(row), epoch + 1, options.epochs)
    finally:
        if state is not None:
            state.write()  # the last whole epoch, whatever stopped the next
        events.close()
    ranks.wait()
    if best is not None:
        run.network.load_state_dict(best)
    return history


def _epoch(run: Run, sets: list[Placed], epoch: int) -> dict[str, float]:
    """Return the numbers of an epoch; one that fails leaves the weights as they were."""
    (data, ids), *held = sets
    before = _copy(run.network)
    try:
        trained = partial(run.epoch, data, epoch, ids)
        row = {
            "epoch": float(epoch + 1),
            **told(trained, partial(too_large, run, data.x.shape[1:])),
        }
        for seen, names in held:
            size = min(len(names), look_size(seen.x.shape[1:], run.options))
            found = told(partial(run.measure, seen, names), partial(not_seen, size))
            row |= {f"validation_{key}": value for key, value in found.items()}
        return row
    except BaseException:
        run.network.load_state_dict(before)
        raise


def _best(row: dict[str, float], history: list[dict[str, float]]) -> bool:
    """Tell whether an epoch's weights are kept: the best by validation, without it the last."""
    key = "validation_loss"
    return key not in row or row[key] <= min((old[key] for old in history), default=math.inf)


def _said(row: dict[str, float]) -> str:
    """Return a stage's name with the numbers of its last epoch."""
    shown = [f"{k.replace('_', ' ')} {v:.4g}" for k, v in row.items() if k not in ("epoch", "rate")]
    return f"epoch ({', '.join(shown)})"


def _stale(history: list[dict[str, float]]) -> int:
    """Return how many epochs have passed since the smallest validation loss."""
    losses = [row["validation_loss"] for row in history]
    return len(losses) - 1 - int(np.argmin(losses)) if losses else 0


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in network.state_dict().items()}
