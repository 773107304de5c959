"""Time the loading of a 512 x 512 x 400 CT series against SimpleITK, MONAI and imageio.

``python -m benchmarks.loading [RUNS] [FOLDER]`` writes the series (plain, JPEG-LS, JPEG 2000) into
a temporary folder, reads each in turn with every reader RUNS times (7), and prints medians, ranges
and the ratio of medians to ours, then the peak memory of a process that reads it, time and peak
memory of all 104 masks of a label image and of a SEG of 512 x 512 x 300, and the speed of the
header pass over FOLDER. ``python -m benchmarks.loading masks`` does the masks alone.
"""

from __future__ import annotations

import contextlib
import io
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    ExplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    SegmentationStorage,
    generate_uid,
)
from scipy.ndimage import gaussian_filter

from radiomics.io import read_image, read_masks, write_volume
from radiomics.io.dicom.scanning import find_files, scan_files
from radiomics.io.dicom.writer import Scan, write_ct_series
from radiomics.pipelines.provenance import installed
from radiomics.types import Volume

SHAPE = (400, 512, 512)
ORGANS, ORGANS_SHAPE = 104, (300, 512, 512)
ORGANS_SPACING = (1.5, 0.8, 0.8)
SYNTAXES = {"JPEG-LS": JPEGLSLossless, "JPEG 2000": JPEG2000Lossless}


def ct_like() -> NDArray[np.int16]:
    """Return a body in air: smooth tissue, noise as correlated as a reconstruction's."""
    rng = np.random.default_rng(0)
    part = gaussian_filter(rng.normal(size=(40, 512, 512)), (2, 6, 6))
    noise = gaussian_filter(rng.normal(size=part.shape), (0, 1.5, 1.5))
    tissue = 40 + 60 * part / part.std() + 12 * noise / noise.std()
    rows, columns = np.indices((512, 512)) - 255.5
    body = (rows / 150) ** 2 + (columns / 210) ** 2 < 1
    values = np.where(body, tissue, -1000 + 4 * noise / noise.std())
    return np.concatenate([np.roll(values, 9 * k, axis=2) for k in range(10)]).astype(np.int16)


def write(root: Path) -> dict[str, Path]:
    """Write the series plain and compressed; return the folders."""
    scan = Scan("benchmark", 60, "F", "maker", "model", "soft")
    write_ct_series(Volume(ct_like(), np.eye(4)[[2, 1, 0, 3]], "HU"), root / "plain", scan)
    folders = {"plain": root / "plain"}
    for name, syntax in SYNTAXES.items():
        folders[name] = root / name
        folders[name].mkdir()
        for path in sorted((root / "plain").iterdir()):
            data = pydicom.dcmread(path)
            data.compress(syntax, generate_instance_uid=False)
            data.save_as(root / name / path.name)
    return folders


def ours(folder: Path) -> NDArray[np.generic]:
    return read_image(folder).array


def simpleitk(folder: Path) -> NDArray[np.generic]:
    import SimpleITK as sitk

    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder)))
    return sitk.GetArrayFromImage(reader.Execute())


def monai(folder: Path) -> NDArray[np.generic]:
    from monai.transforms import LoadImage

    loaded = LoadImage(reader="PydicomReader", image_only=True)(str(folder))
    return np.asarray(loaded).transpose(2, 1, 0)


def imageio(folder: Path) -> NDArray[np.generic]:
    import imageio.v2

    with contextlib.redirect_stdout(io.StringIO()):  # it prints its progress
        return imageio.v2.volread(folder, format="DICOM")


READERS: dict[str, Callable[[Path], NDArray[np.generic]]] = {
    "ours": ours,
    "SimpleITK": simpleitk,
    "MONAI": monai,
    "imageio": imageio,
}


def compare(name: str, folder: Path, runs: int) -> None:
    """Read a folder with all readers in turn; one unmeasured round first."""
    readers = {k: r for k, r in READERS.items() if name == "plain" or k != "imageio"}
    wanted = np.sort(ours(folder).ravel()[::1009])
    for key, read in readers.items():  # the same voxels, in whatever order
        if not np.array_equal(np.sort(read(folder).ravel()[::1009]), wanted):
            print(f"note: {key} read other values, or in another order")
    times: dict[str, list[float]] = {key: [] for key in readers}
    for _ in range(runs):
        for key, read in readers.items():
            start = time.perf_counter()
            read(folder)
            times[key].append(time.perf_counter() - start)
    for key, values in times.items():
        middle = statistics.median(values)
        ratio = statistics.median(times["ours"]) / middle
        spread = f"{min(values):.2f} to {max(values):.2f}"
        print(
            f"{name:10} {key:10} {middle:6.2f} s ({spread}, n {runs})  ours/this {ratio:.2f}",
            flush=True,
        )


def peak(folder: Path) -> None:
    """Print the peak memory of this process, and of the processes it started, after one reading."""
    size = ours(folder).nbytes / 2**20
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    mine, others = high_water("self"), [high_water(child) for child in children]
    shown = ", ".join(f"{other:.0f}" for other in others) or "none"
    print(f"{folder.name:10} peak {mine:.0f} MiB (limit {1.3 * size + 100:.0f}); others: {shown}")


def high_water(process: str) -> float:
    """Return the peak resident memory of a Linux process since it began, in MiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) / 2**10


def headers(folder: Path) -> None:
    """Print the speed of the header pass, files listed and read."""
    rates = []
    for _ in range(8):
        start = time.perf_counter()
        files = list(find_files(folder))
        scan_files(files)
        rates.append(len(files) / (time.perf_counter() - start))
    rates = rates[1:]
    middle, low, high = statistics.median(rates), min(rates), max(rates)
    print(f"headers    {middle:.0f} files/s ({low:.0f} to {high:.0f}, n 7), {len(files)} files")


def organs() -> NDArray[np.uint8]:
    """Return a label image as of TotalSegmentator: 104 ellipsoids in a body."""
    rng = np.random.default_rng(0)
    labels = np.zeros(ORGANS_SHAPE, np.uint8)
    for label in range(1, ORGANS + 1):
        centre, radius = rng.uniform((30, 100, 100), (270, 412, 412)), rng.uniform(10, 60, 3)
        low = np.maximum(np.floor(centre - radius), 0).astype(int)
        high = np.minimum(np.ceil(centre + radius) + 1, ORGANS_SHAPE).astype(int)
        box = tuple(map(slice, low, high))
        places = [g - c for g, c in zip(np.ogrid[box], centre, strict=True)]
        inside = sum((p / r) ** 2 for p, r in zip(places, radius, strict=True)) < 1
        labels[box][inside] = label
    return labels


def write_seg(labels: NDArray[np.uint8], affine: NDArray[np.float64], path: Path) -> None:
    """Write labels as a BINARY SEG, one frame a segment and slice that it crosses."""
    data = Dataset()
    data.file_meta = FileMetaDataset()
    data.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = SegmentationStorage
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    data.Modality, data.SegmentationType = "SEG", "BINARY"
    data.Rows, data.Columns = labels.shape[1:]
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated = data.BitsStored = 1
    data.HighBit = data.PixelRepresentation = 0
    data.SegmentSequence, groups, pixels = Sequence(), [], []
    for number in range(1, ORGANS + 1):
        segment = Dataset()
        segment.SegmentNumber, segment.SegmentLabel = number, f"organ {number}"
        data.SegmentSequence.append(segment)
        for index, section in enumerate(labels):
            if (section == number).any():
                group, identity, place = Dataset(), Dataset(), Dataset()
                identity.ReferencedSegmentNumber = number
                place.ImagePositionPatient = (affine @ [index, 0, 0, 1])[:3].tolist()
                group.SegmentIdentificationSequence = Sequence([identity])
                group.PlanePositionSequence = Sequence([place])
                groups.append(group)
                pixels.append(np.packbits(section == number, bitorder="little"))
    shared, measures, plane = Dataset(), Dataset(), Dataset()
    measures.SpacingBetweenSlices = ORGANS_SPACING[0]
    measures.PixelSpacing = list(ORGANS_SPACING[1:])
    plane.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence = Sequence([measures])
    shared.PlaneOrientationSequence = Sequence([plane])
    data.SharedFunctionalGroupsSequence = Sequence([shared])
    data.PerFrameFunctionalGroupsSequence = Sequence(groups)
    data.NumberOfFrames, data.PixelData = len(groups), np.concatenate(pixels).tobytes()
    data.save_as(path, enforce_file_format=True)


def masks() -> None:
    """Write 104 organs as NIfTI and as SEG; print what a process takes that reads them all."""
    labels = organs()
    image = Volume.from_array(labels, spacing=ORGANS_SPACING)
    with tempfile.TemporaryDirectory() as root:
        paths = [Path(root, "labels.nii.gz"), Path(root, "seg.dcm")]
        write_volume(image, paths[0])
        write_seg(labels, image.affine, paths[1])
        for path in paths:
            subprocess.run([sys.executable, "-m", "benchmarks.loading", "masks", path], check=True)


def read_all_masks(path: Path) -> None:
    """Print the time and the peak memory of reading all masks of a file, and using each once."""
    like = Volume.from_array(np.zeros(ORGANS_SHAPE, np.int16), spacing=ORGANS_SPACING)
    start = time.perf_counter()
    found = read_masks(path, like=like)
    read = time.perf_counter() - start
    voxels = sum(int(np.count_nonzero(mask.array)) for mask in found.values())
    used = time.perf_counter() - start - read
    print(
        f"masks      {path.name:14} {len(found)} masks, {voxels} voxels: read in {read:.2f} s "
        f"(limit 20), used in {used:.2f} s, peak {high_water('self'):.0f} MiB (limit 1024)"
    )


def main() -> None:
    if sys.argv[1:2] == ["peak"]:
        peak(Path(sys.argv[2]))
        return
    if sys.argv[1:2] == ["masks"]:
        if len(sys.argv) > 2:
            read_all_masks(Path(sys.argv[2]))
        else:
            masks()
        return
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    warnings.simplefilter("ignore")  # of the rivals
    with tempfile.TemporaryDirectory() as root:
        folders = write(Path(root))
        for name, folder in folders.items():
            if platform.system() == "Linux":
                subprocess.run(
                    [sys.executable, "-m", "benchmarks.loading", "peak", folder], check=True
                )
            compare(name, folder, runs)
    if platform.system() == "Linux":
        masks()
    if len(sys.argv) > 2:
        headers(Path(sys.argv[2]))
    wanted = ("python", "numpy", "pydicom", "SimpleITK", "monai", "imageio")
    versions = {k: v for k, v in installed().items() if k in wanted}
    print(f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, {versions}")


if __name__ == "__main__":
    main()
