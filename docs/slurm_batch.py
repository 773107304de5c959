"""A batch on a SLURM cluster: workers as SLURM jobs, the main process in a job of its own.

Needs ``pip install 'radiomics-pipelines[cluster]' dask-jobqueue``. Change what is in capitals, then
``sbatch --time=48:00:00 --mem=2G --wrap "python slurm_batch.py MANIFEST OUTPUT"``. Ended by its
time limit, the same line goes on where it stopped.
"""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import Any

OPTIONS: dict[str, Any] = {
    "queue": "PARTITION",
    "account": "ACCOUNT",
    "cores": 8,  # cases at a time in a job: each has a process below the one that Dask knows
    "processes": 1,  # with more, dask-jobqueue does not replace a job that ended
    "memory": "32GB",
    "walltime": "04:00:00",
    "job_script_prologue": ["source ENVIRONMENT/bin/activate"],
    "worker_extra_args": ["--lifetime", "225m", "--lifetime-stagger", "5m"],  # leave in time
}
JOBS = 10


def main() -> int:
    """Start the workers' jobs and run the batch on them; end both when SLURM says so."""
    from dask_jobqueue import SLURMCluster

    manifest, output = sys.argv[1:3]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with SLURMCluster(**OPTIONS) as cluster:
        cluster.adapt(minimum_jobs=JOBS, maximum_jobs=JOBS)  # scale() replaces no job that ended
        cluster.wait_for_workers(1)  # however long they wait in the queue
        command = ["radiomics", "batch", manifest, "--output", output]
        command += ["--scheduler", cluster.scheduler_address, *sys.argv[3:]]
        with subprocess.Popen(command) as batch:
            signal.signal(signal.SIGTERM, lambda *_: batch.terminate())
            return batch.wait()


if __name__ == "__main__":
    sys.exit(main())
