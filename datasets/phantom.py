r"""A synthetic chest CT cohort with a known truth, written as real DICOM and NIfTI files.

Generating model
----------------
Each patient has an outcome :math:`y`, 0 or 1 with equal probability, and four latent traits

.. math:: z_k = d_k (y - 1/2) + \varepsilon_k, \quad \varepsilon_k \sim N(0, 1)

with d = 0.5 for the lesion's size, 0.9 for the irregularity of its shape, 0.8 for its attenuation
and 1.2 for its internal texture. A trait sets its property smoothly (radius
:math:`9 e^{0.15 z}` mm, relative roughness :math:`0.10 e^{0.4 z}`, mean :math:`-40 + 40 z` HU,
texture :math:`35 e^{0.35 z}` HU). All lesions of a patient share the traits and differ in position,
shape and texture at random; a quarter of the patients have two. Age, sex and site are independent
of the outcome. Sites differ in voxel size, slice distance, noise and kernel; one delivers NIfTI.

The oracle that knows all traits scores :math:`\sum_k d_k z_k` and reaches
:math:`AUC = \Phi(|d| / \sqrt 2) = 0.895`; the size alone reaches :math:`\Phi(0.5/\sqrt 2) = 0.638`.
``truth.csv`` holds the traits.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from scipy.ndimage import gaussian_filter
from scipy.special import ndtr

from radiomics.io import write_volume
from radiomics.io.dicom.series import find_series
from radiomics.io.dicom.writer import Scan, write_ct_series
from radiomics.io.files.tables import Manifest, read_manifest
from radiomics.io.masks.rtstruct import write_rtstruct
from radiomics.types import Progress, Volume, silent

VERSION = 1
TRAITS = {"size": 0.5, "irregularity": 0.9, "attenuation": 0.8, "texture": 1.2}
ORACLE_AUC = float(ndtr(np.linalg.norm(list(TRAITS.values())) / np.sqrt(2)))
VOLUME_AUC = float(ndtr(TRAITS["size"] / np.sqrt(2)))

FIELD_MM, LENGTH_MM = 112.0, 48.0
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Site:
    """A scanner: its range of pixel sizes (mm), slice distance (mm), noise (HU), blur (mm)."""

    name: str
    pixel: tuple[float, float]
    slice: float
    noise: float
    blur: float
    kernel: str
    nifti: bool = False


SITES = (
    Site("north", (0.65, 0.75), 1.5, 14.0, 0.5, "B60f"),
    Site("south", (0.90, 1.00), 3.0, 8.0, 0.9, "B30f"),
    Site("west", (0.60, 0.60), 1.0, 20.0, 0.7, "B40f", nifti=True),
)


class Options(BaseModel, frozen=True, extra="forbid"):
    """``patients`` to make from ``seed``; files are written below ``folder``."""

    patients: Annotated[int, Field(ge=2)] = 60
    seed: int = 0
    folder: Path = Path("phantom-data")


def open(options: Options, progress: Progress = silent) -> Manifest:  # noqa: A001
    """Make the cohort, or find it made already with the same options, and read its manifest.

    A patient's files depend on the seed and the patient's number alone. They are written under a
    temporary name and renamed when complete, so an interrupted run goes on where it stopped, and
    several processes may make them at the same time.
    """
    identity = json.dumps([VERSION, options.patients, options.seed])
    folder = options.folder / f"phantom-{sha256(identity.encode()).hexdigest()[:12]}"
    manifest = folder / "manifest.csv"
    if not manifest.exists():
        folder.mkdir(parents=True, exist_ok=True)
        rows: list[dict[str, Any]] = []
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            numbers = range(options.patients)
            made = pool.map(lambda number: _make_patient(folder, options.seed, number), numbers)
            for done, part in enumerate(made, start=1):
                rows += part
                progress("phantom patients", done, options.patients)
        truth = [{"id": row["id"], **row.pop("truth")} for row in rows]
        _write_csv(pd.DataFrame(truth), folder / "truth.csv")
        _write_csv(pd.DataFrame(rows), manifest)
    return read_manifest(manifest)


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    table.to_csv(temporary, index=False, lineterminator="\n")
    temporary.replace(path)


def _make_patient(folder: Path, seed: int, number: int) -> list[dict[str, Any]]:
    """Draw one patient and write its files unless they are there; return its manifest rows."""
    rng = np.random.default_rng([VERSION, seed, number])
    name = f"P{number + 1:03d}"
    outcome = int(rng.integers(2))
    traits = {k: d * (outcome - 0.5) + float(rng.standard_normal()) for k, d in TRAITS.items()}
    site = SITES[int(rng.integers(len(SITES)))]
    age, sex = int(np.clip(rng.normal(64, 9), 30, 90)), "FM"[int(rng.integers(2))]
    lesions = 2 if rng.random() < 0.25 else 1
    if not (folder / name).is_dir():
        image, masks = _draw_patient(rng, site, traits, lesions)
        scan = Scan(f"{name}-{seed}", age, sex, "Synthetic", site.name, site.kernel)
        write_folder_whole(
            folder / name, lambda place: _write_patient(place, image, masks, scan, site)
        )
    rows = []
    for lesion in range(1, lesions + 1):
        mask = f"lesion{lesion}.nii.gz" if site.nifti else "rtstruct.dcm"
        row = {
            "id": f"{name}-{lesion}",
            "image": f"{name}/{'ct.nii.gz' if site.nifti else 'ct'}",
            "mask": f"{name}/{mask}",
            "roi": "" if site.nifti else f"Lesion {lesion}",
            "group": name,
            "site": site.name,
            "target": outcome,
            "age": age,
            "sex": sex,
        }
        rows.append(row | {"truth": {"outcome": outcome, **traits}})
    return rows


def write_folder_whole(folder: Path, write: Callable[[Path], None]) -> None:
    """Write a folder elsewhere and rename it; of several processes the first one's stays."""
    with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as place:
        write(Path(place) / folder.name)
        try:
            (Path(place) / folder.name).rename(folder)
        except OSError:
            if not folder.is_dir():
                raise


def _write_patient(
    folder: Path, image: Volume, masks: list[Volume], scan: Scan, site: Site
) -> None:
    folder.mkdir(parents=True)
    if site.nifti:
        write_volume(image, folder / "ct.nii.gz")
        for lesion, mask in enumerate(masks, start=1):
            write_volume(mask, folder / f"lesion{lesion}.nii.gz")
        return
    write_ct_series(image, folder / "ct", scan)
    (series,) = find_series(folder / "ct")
    named = {f"Lesion {lesion}": mask for lesion, mask in enumerate(masks, start=1)}
    write_rtstruct(folder / "rtstruct.dcm", named, series.headers)


def _draw_patient(
    rng: np.random.Generator, site: Site, traits: dict[str, float], lesions: int
) -> tuple[Volume, list[Volume]]:
    """Draw the anatomy, the lesions, the scanner's blur and noise on the site's grid."""
    pixel = round(float(rng.uniform(*site.pixel)), 3)
    count, slices = round(FIELD_MM / pixel), round(LENGTH_MM / site.slice)
    spacing = np.array([site.slice, pixel, pixel])
    affine = np.eye(4)
    affine[:3, :3] = np.diag(spacing[::-1])[:, ::-1]
    affine[:3, 3] = -spacing[::-1] * (np.array([count, count, slices]) - 1) / 2
    z, y, x = (
        (np.arange(n) - (n - 1) / 2) * s
        for n, s in zip((slices, count, count), spacing, strict=True)
    )
    grid = z[:, None, None], y[None, :, None], x[None, None, :]
    tissue = _draw_anatomy(rng, grid)
    masks = []
    side = 1 if rng.random() < 0.5 else -1
    for lesion in range(lesions):
        at = np.array([*rng.uniform(-4, 4, 2), side * (1 - 2 * lesion) * rng.uniform(17, 20)])
        masks.append(_add_lesion(rng, tissue, grid, spacing, at, traits))
    tissue = gaussian_filter(tissue, [0.4, *(site.blur / spacing[1:])], output=np.float32)
    noise = rng.standard_normal(tissue.shape, dtype=np.float32)
    noise = gaussian_filter(noise, [0, 0.6, 0.6])
    values = tissue + noise * np.float32(site.noise / noise.std())
    image = Volume(np.clip(np.rint(values), -1024, 3071).astype(np.int16), affine, "HU")
    return image, [Volume(mask, affine) for mask in masks]


def _draw_anatomy(
    rng: np.random.Generator, grid: tuple[Floats, Floats, Floats]
) -> NDArray[np.float32]:
    """Return air, a body wall, a lung-like field with vessels, and a vertebra, in HU."""
    z, y, x = grid
    tissue = np.full(np.broadcast_shapes(z.shape, y.shape, x.shape), -1000, dtype=np.float32)
    tissue[np.broadcast_to((x / 54) ** 2 + (y / 46) ** 2 < 1, tissue.shape)] = 40
    lung = np.broadcast_to((x / 45) ** 2 + (y / 33) ** 2 < 1, tissue.shape)
    tissue[lung] = -830
    for _ in range(14):
        at, tilt = rng.uniform([-24, -34], [24, 34]), rng.uniform(-0.3, 0.3, 2)
        away = (y - at[0] - tilt[0] * z) ** 2 + (x - at[1] - tilt[1] * z) ** 2
        tissue[(away < rng.uniform(0.6, 1.6) ** 2) & lung] = 30
    tissue[np.broadcast_to(x**2 + (y - 41) ** 2 < 81, tissue.shape)] = 420
    return tissue


def _add_lesion(
    rng: np.random.Generator,
    tissue: NDArray[np.float32],
    grid: tuple[Floats, Floats, Floats],
    spacing: Floats,
    at: Floats,
    traits: dict[str, float],
) -> NDArray[np.bool_]:
    """Draw a star-shaped lesion into the tissue and return its mask."""
    z, y, x = grid
    radius = 9 * np.exp(0.15 * np.clip(traits["size"], -3, 3))
    rough = 0.10 * np.exp(0.4 * np.clip(traits["irregularity"], -3, 3))
    offset = [z - at[0], y - at[1], x - at[2]]
    distance = np.sqrt(sum(o**2 for o in offset)) + 1e-6
    waves, bumps = 16, np.zeros(tissue.shape, dtype=np.float32)
    near = distance < 2 * radius
    unit = [np.broadcast_to(o, tissue.shape)[near] / distance[near] for o in offset]
    for _ in range(waves):
        way, phase = rng.standard_normal(3) * 3, rng.uniform(0, 2 * np.pi)
        turn = sum(w * u for w, u in zip(way, unit, strict=True)) + phase
        bumps[near] += np.cos(turn) * np.sqrt(2 / waves)
    mask = near & (distance < radius * np.clip(1 + rough * bumps, 0.4, 1.9))
    texture = rng.standard_normal(tissue.shape, dtype=np.float32)
    texture = gaussian_filter(texture, 1.4 / spacing)
    strength = 35 * np.exp(0.35 * np.clip(traits["texture"], -3, 3)) / texture[mask].std()
    tissue[mask] = -40 + 40 * traits["attenuation"] + strength * texture[mask]
    return np.asarray(mask, dtype=np.bool_)
