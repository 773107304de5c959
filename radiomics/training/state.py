"""The state of a training in one file: weights, optimiser, history; never a pickle."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from radiomics.training import ranks
from radiomics.training.data import parts_of
from radiomics.training.loop import Run
from radiomics.training.recipe import Options
from radiomics.types import InputError, Samples

FORMAT = "radiomics training 2"
History = list[dict[str, float]]


class State:
    """The state of a run in one file, replaced as a whole.

    It is held after each epoch, and written when ``every`` seconds have passed, or on request.
    """

    def __init__(self, folder: Path, run: str, every: float = 0.0) -> None:
        self.path, self.run, self.every = folder / "last.safetensors", run, every
        self._written = time.monotonic()
        self._held: tuple[dict[str, Tensor], dict[str, str]] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    def keep(self, run: Run, history: History, best: Mapping[str, Tensor]) -> None:
        """Hold all that the next epoch needs, and write it when it is time."""
        if ranks.rank():
            return  # of several processes, the first one writes
        tensors = {f"last.{key}": value for key, value in run.network.state_dict().items()}
        tensors |= {f"best.{key}": value for key, value in best.items()}
        for number, kept in run.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{k}": v for k, v in kept.items() if v is not None}
        metadata = {"format": FORMAT, "run": self.run, "history": json.dumps(history)}
        metadata["scaler"] = json.dumps(run.scaler.state_dict())
        copies = {k: v.detach().to("cpu", copy=True).contiguous() for k, v in tensors.items()}
        self._held = copies, metadata
        if time.monotonic() - self._written >= self.every:
            self.write()

    def write(self) -> None:
        """Write what is held and not yet in the file."""
        if self._held is None:
            return
        temporary = self.path.with_suffix(".part")
        save_file(self._held[0], temporary, self._held[1])
        temporary.replace(self.path)
        self._held, self._written = None, time.monotonic()

    def load(self, run: Run) -> tuple[History, dict[str, Tensor] | None]:
        """Restore network, optimiser and scaler; return the history and the best weights so far.

        Raises
        ------
        InputError
            For a file that is cut short, the state of another run, or one after more epochs.
        """
        if not self.path.exists():
            return [], None
        metadata, tensors = self._read(run.device)
        history: History = json.loads(metadata["history"])
        if len(history) > run.options.epochs:
            raise InputError(
                self.path,
                f"a run of {run.options.epochs} epochs goes on from a state of at most as many",
                f"a state after {len(history)} epochs",
                "choose another folder, remove the state, or ask for more epochs",
            )
        parts: dict[str, dict[str, Tensor]] = {"last": {}, "best": {}, "optimiser": {}}
        for key, value in tensors.items():
            part, _, rest = key.partition(".")
            parts[part][rest] = value
        run.network.load_state_dict(parts["last"])
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in parts["optimiser"].items():
            number, _, name = key.partition(".")
            state.setdefault(int(number), {})[name] = value
        run.optimiser.load_state_dict({**run.optimiser.state_dict(), "state": state})
        if run.scaler.is_enabled():
            run.scaler.load_state_dict(json.loads(metadata["scaler"]))
        return history, parts["best"]

    def _read(self, device: torch.device) -> tuple[dict[str, str], dict[str, Tensor]]:
        """Return the file's metadata and its tensors, when it is this run's."""
        try:
            with safe_open(self.path, "pt", device=str(device)) as stored:
                metadata = stored.metadata() or {}
                tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
        except SafetensorError as error:
            rule = "a state must be whole"
            raise InputError(self.path, rule, str(error), "remove it to start anew") from None
        if metadata.get("run") != self.run or metadata.get("format") != FORMAT:
            raise InputError(
                self.path,
                "a run goes on from its own state only",
                "a state of another network, of other weights at its beginning, of other samples "
                "(to train on or to validate with), of other options, or of another version",
                "choose another folder, or remove the state",
            )
        return metadata, tensors


def fingerprint(network: nn.Module, sets: Iterable[Samples | None], options: Options) -> str:
    """Return a digest of what makes a run: network, samples, and options but the device's.

    With a constant rate a run may go on for more epochs than it began with.

    Parameters
    ----------
    network : as it is before the first epoch: the weights it begins with count
    sets : the samples to train on and to validate with, where there are some
    """
    longer = {"epochs"} if options.schedule == "constant" else set()
    identity = [str(network), options.model_dump(exclude={"device", *longer})]
    digest = hashlib.sha256(repr(identity).encode())
    digest.update(digest_of(network.state_dict()).encode())
    for samples in sets:
        digest.update(repr(None if samples is None else samples.ids).encode())
        for array in () if samples is None else (samples.x, samples.y):
            digest.update(repr((array.shape, array.dtype)).encode())
            for part in parts_of(array):  # a memory map need not fit in memory
                digest.update(np.ascontiguousarray(part).data)
    return digest.hexdigest()


def digest_of(weights: Mapping[str, Any]) -> str:
    """Return the SHA-256 of named tensors: names, kinds, shapes and bytes."""
    digest = hashlib.sha256()
    for key in sorted(weights):
        value = weights[key].detach().cpu().contiguous()
        digest.update(repr((key, str(value.dtype), tuple(value.shape))).encode())
        digest.update(value.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
