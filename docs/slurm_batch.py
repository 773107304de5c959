"""A batch on a SLURM cluster: workers as SLURM jobs, the main process in a job of its own.

Needs ``pip install 'radiomics-pipelines[cluster]' dask-jobqueue``. Change what is in capitals, then
``sbatch --time=48:00:00 --mem=2G --wrap "python slurm_batch.py MANIFEST OUTPUT"``. Ended by its
time limit, the same line goes on where it stopped.
"""

from __future__ import annotations

import subprocess
import sys
from typing import Any

OPTIONS: dict[str, Any] = {
    "queue": "PARTITION",
    "account": "ACCOUNT",
    "cores": 8,
    "processes": 8,  # one case at a time in each
    "memory": "32GB",
    "walltime": "04:00:00",
    "job_script_prologue": ["source ENVIRONMENT/bin/activate"],
    "worker_extra_args": ["--lifetime", "225m", "--lifetime-stagger", "5m"],  # leave in time
}
JOBS = 10


def main() -> int:
    """Start the workers' jobs and run the batch on them."""
    from dask_jobqueue import SLURMCluster

    manifest, output = sys.argv[1:3]
    with SLURMCluster(**OPTIONS) as cluster:
        cluster.scale(jobs=JOBS)
        command = ["radiomics", "batch", manifest, "--output", output]
        return subprocess.call([*command, "--scheduler", cluster.scheduler_address, *sys.argv[3:]])


if __name__ == "__main__":
    sys.exit(main())
