"""The numbers of each epoch as events that TensorBoard shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from radiomics.types import InputError


class EventWriter:
    """Events below a folder; without a folder nothing is written."""

    def __init__(self, folder: Path | None) -> None:
        self._writer: Any = None
        if folder is None:
            return
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError:
            rule = "training.tensorboard needs the package tensorboard"
            raise InputError(
                "training", rule, "it is not installed", "pip install tensorboard"
            ) from None
        self._writer = SummaryWriter(str(folder / "events"))

    def write(self, row: dict[str, float]) -> None:
        """Write the numbers of an epoch."""
        if self._writer is not None:
            for name, value in row.items():
                if name != "epoch":
                    self._writer.add_scalar(name, value, int(row["epoch"]))

    def close(self) -> None:
        """Write what is still held."""
        if self._writer is not None:
            self._writer.close()
