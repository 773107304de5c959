"""MNIST: handwritten digits, 28 x 28, 60,000 to train and 10,000 to test [1]_.

References
----------
.. [1] LeCun, Bottou, Bengio, Haffner, Proceedings of the IEEE 86 (1998) 2278-2324,
   doi:10.1109/5.726791.
"""

from __future__ import annotations

from torchvision import datasets as hub

from radiomics.io.files.cache import cache_folder
from radiomics.io.files.fetching import fetch_files
from radiomics.io.files.idx import find_idx, read_idx_parts
from radiomics.preprocessing import pictures
from radiomics.types import Progress, Samples, silent

CLASSES = tuple("0123456789")
BELOW = "MNIST/raw"  # where torchvision keeps its files


class Options(pictures.Options, frozen=True, extra="forbid"):
    """``root`` holds the four IDX files, raw or gzipped.

    With ``download`` torchvision may fetch them; without a ``root``, to the user's cache.
    """

    download: bool = True


def open(options: Options, progress: Progress = silent) -> Samples:  # noqa: A001
    """Return the images (N, 1, 28, 28) with the parts ``train`` and ``test``.

    Raises
    ------
    InputError
        When the files are not there and cannot be fetched, or are not what they should be.
    """
    root = options.root or cache_folder()
    if options.download and find_idx(root, "train", BELOW) is None:
        fetch_files(lambda: hub.MNIST(str(root), download=True), root, "data.root")
    parts = read_idx_parts(root, BELOW)
    samples = pictures.assemble_samples(parts, CLASSES, options)
    progress("images", len(samples.ids), len(samples.ids))
    return samples
