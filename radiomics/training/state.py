"""The state of a training in one file: weights, optimiser, history; never a pickle."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from radiomics.training import ranks
from radiomics.training.recipe import Options
from radiomics.types import InputError, Samples

FORMAT = "radiomics training 1"


class State:
    """The state of a run in one file, replaced as a whole after each epoch."""

    def __init__(self, folder: Path, run: str) -> None:
        self.path, self.run = folder / "last.safetensors", run
        folder.mkdir(parents=True, exist_ok=True)

    def save(
        self,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        history: list[dict[str, float]],
        best: dict[str, Tensor] | None,
    ) -> None:
        """Write all that the next epoch needs; of several processes, the first one does."""
        if ranks.number() or best is None:
            return
        tensors = {f"last.{key}": value for key, value in network.state_dict().items()}
        tensors |= {f"best.{key}": value for key, value in best.items()}
        for number, kept in optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{k}": v for k, v in kept.items() if v is not None}
        about = {"format": FORMAT, "run": self.run, "history": json.dumps(history)}
        temporary = self.path.with_suffix(".part")
        save_file({k: v.contiguous().clone() for k, v in tensors.items()}, temporary, about)
        temporary.replace(self.path)

    def load(
        self, network: nn.Module, optimiser: torch.optim.Optimizer, device: torch.device
    ) -> tuple[list[dict[str, float]], dict[str, Tensor] | None]:
        """Restore network and optimiser; return the history and the best weights so far.

        Raises
        ------
        InputError
            For a file that is cut short, or the state of another run.
        """
        if not self.path.exists():
            return [], None
        try:
            with safe_open(self.path, "pt", device=str(device)) as stored:
                about = stored.metadata() or {}
                tensors = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
        except SafetensorError as error:
            rule = "a state must be whole"
            raise InputError(self.path, rule, str(error), "remove it to start anew") from None
        if about.get("run") != self.run or about.get("format") != FORMAT:
            raise InputError(
                self.path,
                "a run goes on from its own state only",
                "a state of another network, other samples or other options",
                "choose another folder, or remove the state",
            )
        parts: dict[str, dict[str, Tensor]] = {"last": {}, "best": {}, "optimiser": {}}
        for key, value in tensors.items():
            part, _, rest = key.partition(".")
            parts[part][rest] = value
        network.load_state_dict(parts["last"])
        state: dict[int, dict[str, Tensor]] = {}
        for key, value in parts["optimiser"].items():
            number, _, name = key.partition(".")
            state.setdefault(int(number), {})[name] = value
        optimiser.load_state_dict({**optimiser.state_dict(), "state": state})
        return json.loads(about["history"]), parts["best"]


def fingerprint(network: nn.Module, train: Samples, options: Options) -> str:
    """Return what tells a run from others: network, samples, and options but the device's.

    With a constant rate a run may go on for more epochs than it began with.
    """
    shape = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    longer = {"epochs"} if options.schedule == "constant" else set()
    about = [str(network), shape, train.ids, options.model_dump(exclude={"device", *longer})]
    digest = hashlib.sha256(repr(about).encode())
    for array in (train.x, train.y):
        digest.update(repr((array.shape, array.dtype)).encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()
