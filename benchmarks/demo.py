"""Time the demo from nothing to the report: wall seconds and peak memory of the whole process.

``python -m benchmarks.demo [RUNS]`` prints the median and the range, and what it ran on.
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from radiomics.pipelines.provenance import installed


def run_once() -> tuple[float, float]:
    """Return wall seconds and peak MiB of one demo in a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            "-c",
            "from radiomics.pipelines.commands.app import main; main()",
            "demo",
            "--quiet",
        ]
        start = time.perf_counter()
        child = subprocess.Popen([*command, "--output", folder], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
        if status or not (Path(folder) / "report.html").exists():
            raise SystemExit("the demo failed")
        return seconds, peak_mib(usage)


def peak_mib(usage: resource.struct_rusage) -> float:
    """Return the peak resident memory in MiB: kernels count it in KiB, macOS in bytes."""
    return usage.ru_maxrss / (2**20 if platform.system() == "Darwin" else 2**10)


def main() -> None:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    measured = [run_once() for _ in range(runs)]
    for name, unit, values in zip(
        ("wall", "peak"), ("s", "MiB"), zip(*measured, strict=True), strict=True
    ):
        low, middle, high = min(values), statistics.median(values), max(values)
        print(f"{name:5} median {middle:8.1f} {unit:3}  range {low:.1f} to {high:.1f}  n {runs}")
    versions = {k: v for k, v in installed().items() if k in ("python", "numpy", "scikit-learn")}
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, {versions}")


if __name__ == "__main__":
    main()
