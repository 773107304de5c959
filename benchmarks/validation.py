"""Run the validation tasks as studies and write their table: what is to be reached, what was.

    python -m benchmarks.validation DATA [--seeds 3] [--output docs/validation.md] [NAME ...]

DATA holds mnist/, fashion_mnist/ and cifar10/ (or cifar10_jpg/). Results are kept beside the table
as JSON, so that tasks can be run one by one, on several machines.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch

from radiomics.pipelines.provenance import installed
from radiomics.pipelines.report import run_study as run
from radiomics.pipelines.study.config import load_config
from radiomics.training import choose_device

ROOT = Path(__file__).resolve().parent.parent
TASKS: dict[str, tuple[str, str, str, float]] = {
    # folder of the data, the article's result, what is to be reached, as a number
    "temperature_linear": ("", "the loss falls", "least squares (a test)", 0.0),
    "temperature_mlp": ("", "-", "a smaller error in training than the line's", 0.0),
    "mnist_mlp": ("mnist", "95%", "98.0%", 0.98),
    "mnist_lenet": ("mnist", "shapes", "99.0%", 0.99),
    "fashion_mnist_cnn": ("fashion_mnist", "88.8% (training)", "89.5%", 0.895),
    "fashion_mnist_resnet": ("fashion_mnist", "-", "94.0% (GPU)", 0.94),
    "cifar_birds_mlp": ("cifar10", "-", "83%", 0.83),
    "cifar_birds_cnn": ("cifar10", "88%", "90%", 0.90),
    "cifar_birds_resnet": ("cifar10", "-", "96%", 0.96),
    "cifar10_resnet": ("cifar10", "-", "94% (GPU)", 0.94),
}


def once(name: str, data: Path, seed: int, overrides: list[str]) -> dict[str, Any]:
    """Run one task with one seed; return what its last model reached."""
    folder = TASKS[name][0]
    where = data / folder if (data / folder).exists() else data / f"{folder}_jpg"
    given = [f"data.root={where}"] if folder else []
    config = load_config(
        ROOT / f"configs/validation/{name}.yaml", [*given, f"seed={seed}", *overrides]
    )
    with tempfile.TemporaryDirectory() as output:
        start = time.perf_counter()
        study = run(config, Path(output))
        seconds = time.perf_counter() - start
    found: dict[str, Any] = {"seed": seed, "seconds": seconds, "models": {}}
    for model, outcome in study.outcomes.items():
        p = outcome.predictions
        if config.task == "regression":
            found["models"][model] = {
                "test": outcome.estimates["rmse"].value,
                "training": outcome.apparent["rmse"],
            }
            continue
        called = p.y_score >= 0.5 if p.y_score.ndim == 1 else p.y_score.argmax(axis=1)
        rows = outcome.samples.take((outcome.samples.split == "train").nonzero()[0])
        own = outcome.fitted[0].predict_samples(rows)
        seen = own >= 0.5 if own.ndim == 1 else own.argmax(axis=1)
        found["models"][model] = {
            "test": float((called == p.y_true).mean()),
            "training": float((seen == rows.y).mean()),
        }
    return found


def line(name: str, runs: list[dict[str, Any]], about: dict[str, Any]) -> str:
    """Return a row of the table."""
    _, article, wanted, _ = TASKS[name]
    cells = []
    for model in runs[0]["models"]:
        texts = []
        for part in ("test", "training"):
            values = [r["models"][model][part] for r in runs]
            spread = statistics.stdev(values) if len(values) > 1 else None
            short = part == "test" and statistics.mean(values) < TASKS[name][3]
            written = _written(name, statistics.mean(values), spread)
            texts.append(f"{written} (not reached)" if short else written)
        prefix = f"{model}: " if len(runs[0]["models"]) > 1 else ""
        cells.append([prefix + texts[0], prefix + texts[1]])
    seconds = statistics.median(r["seconds"] for r in runs)
    test, training = ("; ".join(c[i] for c in cells) for i in (0, 1))
    n = len(runs)
    return (
        f"| `{name}` | {article} | {wanted} | {test} | {training} | {n} | {seconds:.0f} s | "
        f"{about['device']}{about['note']} |"
    )


def _written(name: str, mean: float, spread: float | None) -> str:
    if name.startswith("temperature"):
        return f"RMSE {mean:.2f} °C"
    return f"{mean:.2%}" + (f" ± {spread:.2%}" if spread is not None else "")


def table(results: dict[str, Any]) -> str:
    """Return the page."""
    rows = [line(n, results[n]["runs"], results[n]["about"]) for n in TASKS if n in results]
    some = next(iter(results.values()))
    absent = [f"`{name}`" for name in TASKS if name not in results]
    missing = f"Not run for this page yet: {', '.join(absent)}." if absent else ""
    versions = ", ".join(f"{k} {some['versions'][k]}" for k in ("python", "torch", "torchvision"))
    return "\n".join(
        [
            "# Validation tasks",
            "",
            "The stages that learn from CT also learn these; made by "
            "`python -m benchmarks.validation DATA`.",
            "Mean ± standard deviation over seeds; seconds are the median of a study: loading,",
            "training, estimates with intervals, report. No study chooses an epoch by its test",
            "part; the recipes were tried with these test figures in view, as is usual for",
            "these data sets, so take the last tenth of a per cent with a grain of salt.",
            "",
            "| config | article | to reach | test | training | n | time | device |",
            "|---|---|---|---|---|---|---|---|",
            *rows,
            "",
            *([missing, ""] if missing else []),
            f"{some['machine']}; {versions}. CIFAR-10 was read from a copy as JPEG files, whose",
            "pixels differ slightly from CIFAR-10's own.",
            "",
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--output", type=Path, default=ROOT / "docs/validation.md")
    parser.add_argument("--set", nargs="*", default=[], help="key=value for these tasks")
    parser.add_argument("--note", default="", help="what the device's column adds")
    given = parser.parse_intermixed_args()
    kept = given.output.with_suffix(".json")
    results = json.loads(kept.read_text()) if kept.exists() else {}
    device = choose_device("auto").type
    about = {"device": torch.cuda.get_device_name() if device == "cuda" else "CPU"}
    about["note"] = f", {given.note}" if given.note else ""
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    for name in given.names or TASKS:
        runs = [once(name, given.data, seed, given.set) for seed in range(given.seeds)]
        results[name] = {"runs": runs, "about": about, "versions": installed(), "machine": machine}
        kept.write_text(json.dumps(results, indent=1) + "\n")
        given.output.write_text(table(results))
        print(line(name, runs, about), flush=True)


if __name__ == "__main__":
    main()
