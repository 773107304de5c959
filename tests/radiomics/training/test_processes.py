"""Oracle: two processes that train together against one alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[3]

SCRIPT = """
import sys
from pathlib import Path
import numpy as np, torch
from tests.radiomics.training.test_recipes import images, small
from radiomics.training import Options, fit, ranks

network = small(batch_norm=False)
trained = fit(network, images(50), images(30), folder=Path(sys.argv[1]) / "state",
    options=Options(task="multiclass", epochs=3, batch_size=16, device="cpu"))
if ranks.number() == 0:
    torch.save(network.state_dict(), Path(sys.argv[1]) / "weights.pt")
    print(trained.history[-1])
"""


def test_two_processes_train_as_one(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    found = []
    for count in (1, 2):
        folder = tmp_path / str(count)
        folder.mkdir()
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += [f"--nproc-per-node={count}", str(tmp_path / "train.py"), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        found.append((torch.load(folder / "weights.pt", weights_only=True), done.stdout))
    for one, two in zip(found[0][0].values(), found[1][0].values(), strict=True):
        assert torch.allclose(one, two, atol=1e-4)
    numbers = [json.loads(text.strip().replace("'", '"')) for _, text in found]
    assert numbers[0]["loss"] == pytest.approx(numbers[1]["loss"], rel=1e-3)
    assert numbers[0]["validation_loss"] == pytest.approx(numbers[1]["validation_loss"], rel=1e-3)
