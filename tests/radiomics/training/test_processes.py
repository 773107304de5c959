"""Oracle: several processes that train together against one alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from radiomics.training import Options
from radiomics.training.plan import plan_steps

ROOT = Path(__file__).resolve().parents[3]

SCRIPT = """
import json, sys
from pathlib import Path
import torch
from radiomics import InputError
from tests.radiomics.training.test_recipes import images, small
from radiomics.training import Options, fit, ranks

def train(name, normed=False, **recipe):
    network = small(batch_norm=normed)
    trained = fit(network, images(50), images(30), folder=folder / name, options=Options(
        **{"task": "multiclass", "epochs": 3, "batch_size": 16, "device": "cpu"} | recipe))
    if ranks.rank() == 0:
        torch.save(network.state_dict(), folder / f"{name}.pt")
        history[name] = trained.history[-1]

folder, history = Path(sys.argv[1]), {}
train("plain")
train("weights", class_weights=(1, 5, 2))
train("parts", accumulate=4, class_weights="balanced")
train("normed", normed=True)
try:
    train("small", normed=True, batch_size=2)
except InputError as error:
    history["refused"] = str(error)
if ranks.rank() == 0:
    print(json.dumps(history))
"""


def test_processes_train_as_one(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    found = []
    for count in (1, 2, 3):  # the last batch has two samples: of three processes, one has none
        folder = tmp_path / str(count)
        folder.mkdir()
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += [f"--nproc-per-node={count}", str(tmp_path / "train.py"), str(folder)]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert done.returncode == 0, done.stderr[-2000:]
        found.append((folder, json.loads(done.stdout.splitlines()[-1])))  # Gloo may say more
    for name in ("plain", "weights", "parts"):
        alone, one = torch.load(found[0][0] / f"{name}.pt"), found[0][1][name]
        for folder, history in found[1:]:
            for a, b in zip(
                alone.values(), torch.load(folder / f"{name}.pt").values(), strict=True
            ):
                assert torch.allclose(a, b, atol=1e-4)
            for key in ("loss", "validation_loss"):
                assert history[name][key] == pytest.approx(one[key], rel=1e-3)
    assert "refused" not in found[0][1]
    assert "each of 3 processes" in found[2][1]["refused"]


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_a_batch_is_shared_whole(processes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    order = torch.randperm(50, generator=torch.Generator().manual_seed(0))
    weights = torch.from_numpy(np.random.default_rng(0).uniform(1, 5, 50))
    monkeypatch.setenv("WORLD_SIZE", str(processes))
    options = Options(task="multiclass", batch_size=16, accumulate=4)
    sums = []
    for rank in range(processes):
        monkeypatch.setenv("RANK", str(rank))
        mine, steps = plan_steps(order, weights, options, 2)
        sums.append([[part.weight for part in step.parts] for step in steps])
        for step in steps:
            ends = [part.samples.stop for part in step.parts]
            assert ends[-1] == step.share.stop - step.share.start
            assert all(part.samples.stop > part.samples.start for part in step.parts)
            assert set(mine[step.share].tolist()) <= set(order[step.batch].tolist())
        assert steps[-1].share.stop == len(mine)
    shapes = {tuple(len(parts) for parts in one) for one in sums}
    assert len(shapes) == 1  # all processes take part in every sum
    for step in zip(*sums, strict=True):
        assert np.sum(step) == pytest.approx(1)
