"""Show that studies cannot leak, find the truth, repeat themselves, and in what time.

``python -m benchmarks.studies [SHARE] [PARTS ..]`` runs the harnesses and writes docs/studies.md.
SHARE of the full number of runs, 1 by default; a part is noise, truth, bytes, speed or cancer.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from joblib import Parallel, delayed

from benchmarks.simulated import noise_study, signal, signal_study
from radiomics.evaluation.calibration import wilson_interval
from radiomics.pipelines.provenance import installed
from radiomics.pipelines.report import run_study as run
from radiomics.pipelines.store import digest_file
from radiomics.pipelines.study.config import StudyConfig, load_config
from radiomics.plugins import parse
from radiomics.types import silent

ROOT = Path(__file__).resolve().parent.parent
STORE = ROOT / ".bench" / "studies"
WORKERS = 2
NOISE, LEAKY, TRUTH, HARDEST = 200, 40, 100, 400


def noise_part(share: float) -> str:
    """Return the section on noise: honest studies, and the same with a leak."""
    lines = ["| study on noise | n | mean AUC | standard error | intervals that cover 0.5 |"]
    lines.append("|---|---|---|---|---|")
    titles = {
        "": "nothing leaks",
        "selection": "leak: selection outside the folds",
        "combat": "leak: ComBat outside the folds (9 scanners, outcome preserved)",
        "combat by site": "the same by 3 sites",
        "patients": "leak: samples of a patient on both sides",
    }
    for leak, title in titles.items():
        count = max(4, round(share * (NOISE if not leak else LEAKY)))
        found = _many(noise_study, [(seed, leak) for seed in range(count)])
        auc = np.array([f["auc"] for f in found])
        cover = _share([f["low"] <= 0.5 <= f["high"] for f in found])
        error = auc.std(ddof=1) / np.sqrt(count)
        lines.append(f"| {title} | {count} | {auc.mean():.3f} | {error:.3f} | {cover} |")
        print(lines[-1], flush=True)
    return NOISE_TEXT + "\n" + "\n".join(lines)


def truth_part(share: float) -> str:
    """Return the section on cohorts with a known AUC."""
    lines = ["| known AUC | patients | n | mean AUC | cover the known | cover the model's own |"]
    lines[0] += " calibration slope, mean (median) | flat |"
    lines.append("|---|---|---|---|---|---|---|---|")
    for auc in (0.65, 0.75, 0.85):
        for patients in (100, 300):
            count = max(4, round(share * (HARDEST if (auc, patients) == (0.65, 100) else TRUTH)))
            found = _many(signal_study, [(seed, patients, auc) for seed in range(count)])
            known = _share([f["low"] <= auc <= f["high"] for f in found])
            own = _share([f["low"] <= f["reached"] <= f["high"] for f in found])
            slope = np.array([f["slope"] for f in found])
            mean = np.mean([f["auc"] for f in found])
            flat = int(np.isnan(slope).sum())
            slope = slope[~np.isnan(slope)]
            line = f"| {auc} | {patients} | {count} | {mean:.3f} | {known} | {own} |"
            lines.append(f"{line} {slope.mean():.2f} ({np.median(slope):.2f}) | {flat} |")
            print(lines[-1], flush=True)
    return TRUTH_TEXT + "\n" + "\n".join(lines)


def _share(covered: list[bool]) -> str:
    """Return a share with Wilson's 95% interval."""
    share = float(np.mean(covered))
    low, high = wilson_interval(share, len(covered))
    return f"{share:.1%} ({low:.0%} to {high:.0%})"


def bytes_part(share: float) -> str:
    """Return the section on repetition: file by file, twice, and with other numbers of workers."""
    del share
    with tempfile.TemporaryDirectory() as folder:
        config = _table_study(Path(folder), 120, 200, ["logistic", "random_forest", "svm"])
        hashes = []
        for number, workers in enumerate((1, 2, 3, 2)):
            out = Path(folder) / str(number)
            run(config, out, silent, workers)
            kinds = (".json", ".parquet", ".html", ".zip")
            files = sorted(p for p in out.rglob("*") if p.suffix in kinds)
            hashes.append({p.relative_to(out).as_posix(): digest_file(p) for p in files})
    same = [name for name in hashes[0] if len({h[name] for h in hashes}) == 1]
    other = sorted(set(hashes[0]) - set(same))
    print("same bytes:", same, "differ:", other, flush=True)
    told = f"but {', '.join(other)} differ" if other else "none differs"
    return f"{BYTES_TEXT}\n\nOf {len(hashes[0])} files {len(same)} are the same; {told}."


def speed_part(share: float) -> str:
    """Return the section on speed."""
    del share
    models = ["logistic", "random_forest", "gradient_boosting", "svm", "knn"]
    extra: list[dict[str, Any]] = [
        {"name": "logistic", "l1_ratio": 1.0},
        {"name": "logistic", "balanced": True},
        {"name": "svm", "kernel": "linear"},
    ]
    with tempfile.TemporaryDirectory() as folder:
        config = _table_study(Path(folder), 300, 1000, models, extra, {"repeats": 2})
        start = time.perf_counter()
        run(config, Path(folder) / "out", silent, WORKERS)
        seconds = time.perf_counter() - start
    print(f"speed: {seconds:.0f} s", flush=True)
    return SPEED_TEXT + f"\n\nWall time: {seconds:.0f} s with {WORKERS} workers, n = 1."


def cancer_part(share: float) -> str:
    """Return the section on the breast cancer data."""
    del share
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        done = run(load_config("breast_cancer"), Path(folder), silent, WORKERS)
        seconds = time.perf_counter() - start
    told = [f"| {name} | {o.estimates['roc_auc']} |" for name, o in done.outcomes.items()]
    print(*told, f"{seconds:.1f} s", sep="\n", flush=True)
    table = "\n".join(["| model | ROC AUC (95% interval) |", "|---|---|", *told])
    return f"{CANCER_TEXT}\n\n{table}\n\nWall time: {seconds:.1f} s, n = 1."


def _many(function: Callable[..., Any], arguments: list[tuple[Any, ...]]) -> list[Any]:
    return list(Parallel(n_jobs=WORKERS)(delayed(function)(*a) for a in arguments))


def _table_study(
    folder: Path,
    patients: int,
    features: int,
    models: list[str],
    extra: list[dict[str, Any]] | None = None,
    evaluation: dict[str, Any] | None = None,
) -> StudyConfig:
    """Return the config of a study on a table with signal in a few of many columns."""
    base = signal(0, patients, 0.8)
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.normal(size=(patients, features)).round(6))
    table.columns = [f"f{i}" for i in range(features)]
    table[["f0", "f1"]] = base.x.round(6)
    table = table.assign(id=base.ids, target=base.y, site=[f"s{i % 3}" for i in range(patients)])
    table.to_csv(folder / "features.csv", index=False)
    values = {
        "data": {"name": "features", "table": str(folder / "features.csv")},
        "harmonisation": {"method": "combat"},
        "selection": [{"name": "variance"}, {"name": "correlation"}, {"name": "mrmr", "count": 15}],
        "models": [{"name": name} for name in models] + (extra or []),
        "evaluation": evaluation or {},
    }
    return parse(StudyConfig, values, "benchmark")


NOISE_TEXT = """## Noise stays noise

60 patients of 3 sites with 1 to 3 samples each, which share 80% of their variance; 500 features of
noise, shifted and scaled by site. ComBat, selection of 10 features, tuning and recalibration are
on; 5 outer and 3 inner folds. Without a leak the AUC is that of a coin. With a leak made on purpose
the same harness sees it.

ComBat leaks where the effect of the outcome is preserved, which takes the outcomes of the test
rows, and batches are small, so that some have more of one outcome by chance. By 3 sites of 20
patients it leaks little.
"""
TRUTH_TEXT = """## A known AUC is found

One sample a patient, two normal features, the best possible AUC is known. A model that learns from
few patients reaches less than that; what it reaches itself is measured on 20,000 other patients.
Intervals are those of the study: percentiles of 1,000 bootstrap samples of patients, expanded for
few patients (Hesterberg 2015); shares have their own 95% intervals. Flat are studies in which
recalibration found no more than the prevalence in every fold: no slope.

In the hardest cell (0.65, 100) the intervals were once too short: 87% covered (400 cohorts). Where
the inner folds saw no signal, recalibration gave the prevalence to all: ties, an AUC of 0.5 without
spread, in some fold of 24% of the cohorts; of their intervals 59% covered, of the others 96%. Now
such a recalibration keeps the order of the scores, by less than is seen in a probability. The AUC
then varies by 0.062 about what the models of the folds reach on others, and the bootstrap's own
estimate of that is 0.062 (398 cohorts).

On noise with selection no interval of one cross-validation is quite wide enough: what is chance in
one fold helps the models of the others, so that the AUCs of two folds correlate, by 0.25 (120
studies), and their mean varies more than its parts tell.
"""
BYTES_TEXT = """## The same bytes

A study of 120 patients, 200 features and 3 models, run with 1, 2, 3 and again 2 workers; all JSON,
Parquet and HTML files are compared, and the bundles of the models."""
SPEED_TEXT = """## Speed

Nested cross-validation, 5 outer and 5 inner folds, repeated twice, of 8 tuned models and the
baselines on 300 patients with 1,000 features: ComBat, variance, correlation clusters and mRMR
inside the folds, recalibration, all estimates, the report and the bundles."""
CANCER_TEXT = """## Breast cancer

`radiomics study breast_cancer`: scikit-learn's 569 patients with 30 features, 5 outer and 5 inner
folds."""
NOT_HERE = """## What is not here

Random survival forests. scikit-survival has them under the GPL, which this package cannot take in;
random-survival-forest 0.8.2 (MIT, April 2024) names Python up to 3.10 and needs lifelines. Survival
is studied by Cox's model with an elastic net and by networks with Cox's loss."""
PARTS: dict[str, Callable[[float], str]] = {
    "noise": noise_part,
    "truth": truth_part,
    "bytes": bytes_part,
    "speed": speed_part,
    "cancer": cancer_part,
}


def main() -> None:
    share = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    wanted = sys.argv[2:] or list(PARTS)
    STORE.mkdir(parents=True, exist_ok=True)
    for name in wanted:
        start, load = time.perf_counter(), getattr(os, "getloadavg", lambda: (0.0,))()[0]
        text = PARTS[name](share)
        took = time.perf_counter() - start
        shared = f", other work on the machine when it began: load {load:.1f}" if load > 1 else ""
        record = {"text": f"{text}\n\nThis part took {took:.0f} s{shared}.", "share": share}
        (STORE / f"{name}.json").write_text(json.dumps(record), encoding="utf-8")
    done = {n: STORE / f"{n}.json" for n in PARTS}
    texts = [json.loads(p.read_text(encoding="utf-8"))["text"] for p in done.values() if p.exists()]
    chosen = ("python", "numpy", "scikit-learn", "scipy")
    versions = {k: v for k, v in installed().items() if k in chosen}
    told = ", ".join(f"{k} {v}" for k, v in versions.items())
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors; {told}."
    head = "# Studies that cannot leak\n\n`make bench-studies` makes these figures.\n\n"
    text = head + "\n\n".join([*texts, NOT_HERE, machine]) + "\n"
    (ROOT / "docs" / "studies.md").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
