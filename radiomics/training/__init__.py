"""The training loop: networks for regression, classes and survival, on any device.

Samples lie on the device as one tensor, or stream to it. What is random follows from the seed and
the epoch alone, so a run that was killed goes on to the same weights, bit for bit on one processor.
Under ``torchrun`` the processes share each batch, and the first one writes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from radiomics.training.checks import check_outputs, check_samples
from radiomics.training.data import (
    Resident,
    Scaling,
    Streamed,
    fit_scaling,
    inference_batch_size,
    layout_of,
    place_on_device,
    scale_samples,
    targets,
)
from radiomics.training.devices import choose_device
from radiomics.training.loop import Run
from radiomics.training.memory import batch_too_large, explain_shortage, inference_too_large
from radiomics.training.recipe import Options, optimiser_of, weights_of
from radiomics.training.state import State, fingerprint
from radiomics.training.tensorboard import EventWriter
from radiomics.types import Progress, Samples, silent

__all__ = ["Augment", "Options", "Scaling", "Trained", "choose_device", "dataset", "fit", "seeded"]


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


class _Dataset(torch.utils.data.Dataset[tuple[Tensor, Tensor]]):
    """Samples one by one, as tensors; memory maps are read where a sample is asked for."""

    def __init__(self, samples: Samples) -> None:
        self.samples = samples

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, place: int) -> tuple[Tensor, Tensor]:
        x, y = self.samples[place]
        target = np.array(y)
        kind = np.float32 if target.dtype.kind == "f" else np.int64
        return torch.from_numpy(np.array(x, dtype=np.float32)), torch.from_numpy(
            target.astype(kind)
        )


def dataset(samples: Samples) -> torch.utils.data.Dataset[tuple[Tensor, Tensor]]:
    """Return samples as a torch Dataset, for a DataLoader and a loop of your own.

    An item is ``(x, y)``: x as float32, of the shape of a sample; y as int64 for classes, as
    float32 for numbers, and of survival as float32 ``(2,)``, a time and whether there was an event.

    >>> x, y = np.zeros((4, 1, 2, 2)), np.array([0, 1, 0, 1])
    >>> samples = Samples(tuple("abcd"), np.arange(4), x, y)
    >>> [tuple(part.shape) for part in next(iter(torch.utils.data.DataLoader(dataset(samples), 2)))]
    [(2, 1, 2, 2), (2,)]
    """
    if samples.y.dtype.names is not None:  # records of event and time, as tables of survival have
        y = np.column_stack([samples.y["time"], samples.y["event"].astype(np.float64)])
        samples = replace(samples, y=y)
    return _Dataset(samples)


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
        size = batch_size or inference_batch_size(x.shape[1:], self.options)
        self.network.eval()
        with torch.no_grad():
            starts = range(0, len(x), size)
            parts = (partial(self._predict_part, x[start : start + size]) for start in starts)
            return np.concatenate(
                [explain_shortage(part, partial(inference_too_large, size)) for part in parts]
            )

    def _predict_part(self, x: NDArray[Any]) -> NDArray[np.float64]:
        part = scale_samples(x, self.scaling).to(next(self.network.parameters()).device)
        views = [self._interpret(self.network(view)) for view in self._views(part)]
        return np.asarray(np.mean(views, axis=0))

    def _views(self, x: Tensor) -> list[Tensor]:
        """Return a batch, and where asked for its reflections along all sets of axes."""
        views = [x]
        for axis in set(self.options.augment.flip) if self.options.test_time_flips else ():
            views += [view.flip(-axis) for view in views]
        return views

    def _interpret(self, output: Tensor) -> NDArray[np.float64]:
        """Return the predictions that outputs (B, K) mean for the task."""
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
    check_samples(network, train, validation, options)
    device = ranks.join_group(choose_device(options.device))
    network = network.to(device).to(memory_format=layout_of(options, train.x.ndim))
    outputs = check_outputs(network, train, validation, options)
    scaling = fit_scaling(train, options.task)
    classes = {"binary": 2, "multiclass": outputs}.get(options.task, 0)
    weights = weights_of(targets(train, scaling, options.task, device), options, classes)
    stepper = ranks.data_parallel(network)
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
        identity = fingerprint(run.network, (train, validation), options)
        state = State(folder, identity, options.save_every)
        history, best = state.load(run)
    given = [train] if validation is None else [train, validation]
    sets = [place_on_device(samples, scaling, options, run.device) for samples in given]
    events = EventWriter(folder if options.tensorboard else None)
    try:
        for epoch in range(len(history), options.epochs):
            if options.patience is not None and _epochs_without_gain(history) >= options.patience:
                break
            row = _run_epoch(run, sets, epoch)
            if best is None or _is_best(row, history):
                best = _copy_weights(run.network)
            history.append(row)
            if state is not None:
                state.keep(run, history, best)
            events.write(row)
            progress(_describe_epoch(row), epoch + 1, options.epochs)
    finally:
        if state is not None:
            state.write()  # the last whole epoch, whatever stopped the next
        events.close()
    ranks.wait_for_all()
    if best is not None:
        run.network.load_state_dict(best)
    return history


def _run_epoch(run: Run, sets: list[Resident | Streamed], epoch: int) -> dict[str, float]:
    """Return the numbers of an epoch; one that fails leaves the weights as they were."""
    data, *held_out = sets
    before = _copy_weights(run.network)
    try:
        trained = partial(run.train_epoch, data, epoch)
        row = {
            "epoch": float(epoch + 1),
            **explain_shortage(trained, partial(batch_too_large, run, data.x.shape[1:])),
        }
        for seen in held_out:
            size = min(len(seen.ids), inference_batch_size(seen.x.shape[1:], run.options))
            found = explain_shortage(partial(run.measure, seen), partial(inference_too_large, size))
            row |= {f"validation_{key}": value for key, value in found.items()}
        return row
    except BaseException:
        run.network.load_state_dict(before)
        raise


def _is_best(row: dict[str, float], history: list[dict[str, float]]) -> bool:
    """Tell whether an epoch's weights are kept: the best by validation, without it the last."""
    key = "validation_loss"
    return key not in row or row[key] <= min((old[key] for old in history), default=math.inf)


def _describe_epoch(row: dict[str, float]) -> str:
    """Return a stage's name with the numbers of its last epoch."""
    shown = [f"{k.replace('_', ' ')} {v:.4g}" for k, v in row.items() if k not in ("epoch", "rate")]
    return f"epoch ({', '.join(shown)})"


def _epochs_without_gain(history: list[dict[str, float]]) -> int:
    """Return how many epochs have passed since the smallest validation loss."""
    losses = [row["validation_loss"] for row in history]
    return len(losses) - 1 - int(np.argmin(losses)) if losses else 0


def _copy_weights(network: nn.Module) -> dict[str, Tensor]:
    return {key: value.detach().clone() for key, value in network.state_dict().items()}
