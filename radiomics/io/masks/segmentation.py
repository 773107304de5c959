"""DICOM SEG: segments into masks on an image's grid, frame by frame, and masks into segments.

Each frame is placed by its own position and belongs to the segment that it names itself; what a
file says of its dimensions' order is not needed. Sources: DICOM PS3.3 A.51, C.8.20 and C.7.6.16.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import generate_frames
from pydicom.uid import UID, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radiomics.io.dicom.decoding import LARGEST_FRAME, Job, decode_jobs
from radiomics.io.dicom.headers import Header
from radiomics.io.dicom.opening import read_dataset
from radiomics.io.dicom.streams import BoundedReader
from radiomics.io.dicom.writer import deterministic_uid
from radiomics.io.masks.boxes import BoxedMask
from radiomics.io.masks.choice import Entry, with_names
from radiomics.io.masks.grids import StoredMask, empty_grid, mask_on_grid
from radiomics.io.masks.labels import Labels, find_labels
from radiomics.io.masks.objects import parsing
from radiomics.io.masks.slices import Slices, arrange_slices
from radiomics.types import InputError, Volume

WHAT = "a SEG gives each frame a segment and a place in the patient"
AGAIN = "export the segmentation again, or convert it to NIfTI with the software that made it"
SURFACE = "1.2.840.10008.5.1.4.1.1.66.5"
DEFLATED_FRAMES = "1.2.840.10008.1.2.8.1"
"""Transfer syntax Deflated Image Frame Compression, made for segmentations."""
PIXEL_DATA = b"\xe0\x7f\x10\x00"
DENSEST = 2000
"""Bytes that one byte of a compressed file stands for at most."""
MOST_SLICES = 2**14
"""Slices that a segment may span; more is a position that is wrong."""
FARTHEST = 1e6
"""Distance from the origin in mm from which a position is wrong."""
TILED = ("TILED_FULL", "TILED_SPARSE")
ALIKE = 1e-4
"""How far two statements of one orientation or pixel spacing may differ."""
AT_A_TIME = 2**26
"""Pixels of compressed frames that are decoded at a time."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Frames:
    """What a SEG says of its frames, one row a frame; NaN where it says nothing.

    ``segment`` (N,) is 0 where a frame names none; ``position`` (N, 3), ``orientation`` (N, 6) and
    ``pixel_spacing`` (N, 2) are in DICOM's order, ``between`` (N,) is SpacingBetweenSlices and
    ``thickness`` (N,) SliceThickness.
    """

    segment: NDArray[np.int64]
    position: Floats
    orientation: Floats
    pixel_spacing: Floats
    between: Floats
    thickness: Floats


@dataclass(frozen=True, eq=False)
class FramePixels:
    """The pixels of a SEG's frames, read where they lie, or decoded."""

    header: Header
    count: int
    shape: tuple[int, int]
    bits: int

    @property
    def lie_plain(self) -> bool:
        """Tell whether frames can be read from their places in the file."""
        return self.header.syntax in (ImplicitVRLittleEndian, ExplicitVRLittleEndian)

    def read(self, indices: Iterable[int]) -> Iterator[NDArray[Any]]:
        """Yield frames (rows, columns) of unsigned integers.

        Raises
        ------
        InputError
            When the file ends early, or a frame cannot be decoded.
        """
        wanted = list(indices)
        if self.lie_plain:
            yield from self._read_plain(wanted)
            return
        self.check_size()
        if self.header.syntax == DEFLATED_FRAMES:
            yield from self._inflate(wanted)
            return
        size = self.shape[0] * self.shape[1]
        several = max(1, AT_A_TIME // size)
        parts = [wanted[first : first + several] for first in range(0, len(wanted), several)]
        for part in parts:
            for decoded in decode_jobs([Job(self.header, part)], size):
                for frame in decoded:
                    if frame.shape != self.shape:
                        raise _unusable(self.header.path, f"a decoded frame of {frame.shape}")
                    yield frame

    def check_size(self) -> int:
        """Return where the pixels begin, unless the file cannot hold what its header promises.

        Raises
        ------
        InputError
            When it is too short; a compressed byte stands for some thousand at most.
        """
        path, size = self.header.path, self.shape[0] * self.shape[1]
        with path.open("rb") as stream:
            stream.seek(self.header.pixel_offset)
            head = stream.read(12)
        explicit = head[4:6] in (b"OW", b"OB")
        first = self.header.pixel_offset + (12 if explicit else 8)
        stated = int.from_bytes(head[8:12] if explicit else head[4:8], "little")
        needed = -(-self.count * size * self.bits // 8)
        held = path.stat().st_size - first
        held = min(held, stated) if self.lie_plain else held * DENSEST
        if held < needed or (self.lie_plain and head[:4] != PIXEL_DATA):
            found = f"{max(0, held)} of {needed} bytes of pixels"
            raise InputError(path, "the pixels must be complete", found, AGAIN)
        return first

    def _read_plain(self, indices: list[int]) -> Iterator[NDArray[Any]]:
        path, size = self.header.path, self.shape[0] * self.shape[1]
        first = self.check_size()
        with path.open("rb") as stream:
            for index in indices:
                begin = index * size * self.bits
                stream.seek(first + begin // 8)
                raw = np.frombuffer(stream.read(-(-(begin % 8 + size * self.bits) // 8)), np.uint8)
                yield self._unpack(raw, begin % 8)

    def _inflate(self, indices: list[int]) -> Iterator[NDArray[Any]]:
        """Yield frames that are each deflated by itself; pydicom does not decode them yet."""
        needed = -(-self.shape[0] * self.shape[1] * self.bits // 8)
        with BoundedReader(self.header.path) as stream:
            stream.seek(self.header.pixel_offset + 12)
            for index, frame in enumerate(generate_frames(stream, number_of_frames=self.count)):
                if index in indices:
                    raw = zlib.decompressobj(-zlib.MAX_WBITS).decompress(frame, needed)
                    if len(raw) < needed:
                        found = f"a deflated frame of {len(raw)} of {needed} bytes"
                        raise _unusable(self.header.path, found)
                    yield self._unpack(np.frombuffer(raw, np.uint8), 0)

    def _unpack(self, raw: NDArray[np.uint8], first: int) -> NDArray[Any]:
        """Return a frame from its bytes; one of bits begins at the ``first`` of them."""
        if self.bits > 1:
            return raw.view(f"<u{self.bits // 8}").reshape(self.shape)
        size = self.shape[0] * self.shape[1]
        bits = np.unpackbits(raw, bitorder="little", count=first + size)
        return bits[first:].reshape(self.shape)


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A SEG that was opened: its segments are its masks.

    ``type`` is BINARY, FRACTIONAL or LABELMAP; ``full`` is the value of a FRACTIONAL pixel that
    lies wholly inside, ``meaning`` what its values are (PROBABILITY, OCCUPANCY).
    """

    path: Path
    entries: tuple[Entry, ...]
    frames: Frames
    pixels: FramePixels
    type: str
    frame_of_reference: str
    full: int = 1
    meaning: str = ""
    kind: str = "a SEG"
    option: str = "segment"
    _decoded: dict[int, tuple[NDArray[np.uint8], int]] = field(default_factory=dict, repr=False)

    def read(self, entry: Entry, like: Volume) -> BoxedMask:
        """Read one segment onto the grid of an image.

        Frames that were left out are empty. A FRACTIONAL segment begins at one half.

        Raises
        ------
        InputError
            Another frame of reference, frames without places or on no regular grid, an empty
            segment, or one that lies outside the image.
        """
        what = f"segment {entry.name!r}"
        notes: tuple[str, ...] = ()
        if entry.empty:
            raise _empty(self.path, f"{what} has {entry.empty}")
        stated = self.frame_of_reference
        if like.frame and stated and like.frame != stated:
            raise InputError(
                self.path,
                "SEG and image must share one frame of reference",
                f"FrameOfReferenceUID {stated} in the SEG, {like.frame} in the image",
                "use the SEG that was made from this image, or register the two first",
            )
        if like.frame and not stated:
            notes += (f"{what} names no frame of reference: taken to be that of the image",)
        with parsing(self.path, WHAT):
            if self.type == "LABELMAP":
                return self._read_label(entry, like, what, notes)
            return self._read_frames(entry, like, what, notes)

    def _read_frames(
        self, entry: Entry, like: Volume, what: str, notes: tuple[str, ...]
    ) -> BoxedMask:
        """Read a segment that has frames of its own."""
        if not self.frames.segment.all():
            several = len(self.entries) > 1
            found = "several segments" if several else "values that may be codes of several"
            raise _unusable(self.path, f"frames without ReferencedSegmentNumber, and {found}")
        mine = np.flatnonzero(self.frames.segment == entry.number)
        slices = self._arrange(mine, like, what)
        first = slices.index.min()
        self._check_span(slices, what)
        array = np.zeros((int(np.ptp(slices.index)) + 1, *self.pixels.shape), np.bool_)
        filled: set[int] = set()
        soft = 0
        for place, (inside, between) in zip(
            slices.index - first, self._sections(mine), strict=True
        ):
            if place in filled and not np.array_equal(inside, array[place]):
                raise _unusable(self.path, f"{what} has frames in one place that differ")
            filled.add(int(place))
            array[place] = inside
            soft += between
        notes += slices.notes
        if soft:
            notes += (
                f"{what} is FRACTIONAL ({self.meaning or 'of no stated kind'}): inside is one half "
                f"and more; {soft} voxels lie between none and all",
            )
        stored = StoredMask(array, (int(first), 0, 0), self._grid(slices))
        return mask_on_grid(self.path, stored, like, what, notes)

    def _sections(self, indices: NDArray[np.int64]) -> Iterator[tuple[NDArray[np.bool_], int]]:
        """Yield of each frame the voxels inside, and how many are neither full nor empty.

        Compressed frames are decoded once for all segments, and kept packed.
        """
        if self.pixels.lie_plain:
            yield from map(self._inside, self.pixels.read(indices.tolist()))
            return
        if not self._decoded:
            for index, frame in enumerate(self.pixels.read(range(self.pixels.count))):
                inside, soft = self._inside(frame)
                self._decoded[index] = np.packbits(inside), soft
        height, width = self.pixels.shape
        for index in indices.tolist():
            bits, soft = self._decoded[index]
            inside = np.unpackbits(bits, count=height * width).view(np.bool_)
            yield inside.reshape(height, width), soft

    def _inside(self, frame: NDArray[Any]) -> tuple[NDArray[np.bool_], int]:
        if self.type == "FRACTIONAL":
            inside = frame.astype(np.int64) * 2 >= self.full
            return inside, int(np.count_nonzero((frame > 0) & (frame < self.full)))
        values = set(np.unique(frame).tolist()) if self.pixels.bits > 1 else set()
        if not (values <= {0, 1} or values <= {0, 255}):
            raise _unusable(self.path, f"a BINARY frame with values up to {max(values)}")
        return frame != 0, 0

    @cached_property
    def _labels(self) -> Labels:
        """The labels of a LABELMAP, its frames in the order of the file."""
        self.pixels.check_size()
        array = np.empty((self.pixels.count, *self.pixels.shape), f"u{self.pixels.bits // 8}")
        for into, frame in zip(array, self.pixels.read(range(len(array))), strict=True):
            into[...] = frame
        return find_labels(self.path, array)

    def _read_label(
        self, entry: Entry, like: Volume, what: str, notes: tuple[str, ...]
    ) -> BoxedMask:
        """Read a segment that shares the frames of a LABELMAP with all others."""
        slices = self._arrange(np.arange(self.pixels.count), like, what)
        if len(set(slices.index.tolist())) < self.pixels.count:
            raise _unusable(self.path, "several frames of a LABELMAP in one place")
        if entry.number not in self._labels.values:
            raise _empty(self.path, f"{what} has no voxel")
        part, (first, row, column) = self._labels.voxels_of(entry.number)
        places = slices.index[first : first + len(part)]
        lowest = int(places.min())
        self._check_span(slices, what)
        array = np.zeros((int(np.ptp(places)) + 1, *part.shape[1:]), np.bool_)
        array[places - lowest] = part
        stored = StoredMask(array, (lowest, row, column), self._grid(slices))
        return mask_on_grid(self.path, stored, like, what, (*notes, *slices.notes))

    def _check_span(self, slices: Slices, what: str) -> None:
        if np.ptp(slices.index) >= MOST_SLICES:
            raise _unusable(self.path, f"{what} spans {np.ptp(slices.index) + 1} slices")

    def _grid(self, slices: Slices) -> Volume:
        return empty_grid((int(slices.index.max()) + 1, *self.pixels.shape), slices.affine)

    def _arrange(self, mine: NDArray[np.int64], like: Volume, what: str) -> Slices:
        """Place the frames of a segment on the grid of all frames that lie like them."""
        f = self.frames
        for name in ("position", "orientation", "pixel_spacing"):
            if not np.isfinite(getattr(f, name)[mine]).all():
                raise _unusable(self.path, f"{what} has frames without {KEYWORDS[name]}")
        if np.abs(f.position[mine]).max() > FARTHEST:
            raise _unusable(self.path, f"{what} has frames farther than {FARTHEST:g} mm away")
        orientation, spacing = f.orientation[mine[0]], f.pixel_spacing[mine[0]]
        axes = np.array([orientation[:3], orientation[3:]])
        sound = np.abs(axes).max() < 2 and np.all((spacing > 0) & (spacing < FARTHEST))
        if not sound or np.abs(axes @ axes.T - np.eye(2)).max() > ORTHOGONAL:
            axes_and_spacing = f"axes {orientation.tolist()}, PixelSpacing {spacing.tolist()}"
            raise _unusable(self.path, f"{what} has {axes_and_spacing}")
        alike = np.abs(np.c_[f.orientation - orientation, f.pixel_spacing - spacing]) <= ALIKE
        alike = np.asarray(alike.all(axis=1) & (np.abs(f.position) <= FARTHEST).all(axis=1))
        if not alike[mine].all():
            raise _unusable(self.path, f"{what} has frames of several orientations or spacings")
        every = np.flatnonzero(alike)
        between, thickness = (_one_of(values[every]) for values in (f.between, f.thickness))
        try:
            found = arrange_slices(
                f.position[every], orientation, spacing, between, thickness, like, what
            )
        except ValueError as error:
            raise _unusable(self.path, f"{what}: {error}") from None
        return Slices(found.index[np.searchsorted(every, mine)], found.affine, found.notes)


def _one_of(values: Floats) -> float:
    """Return the value that all frames state, NaN where they state none, or several."""
    stated = np.abs(values[np.isfinite(values)])
    if not len(stated) or np.ptp(stated) > ALIKE:
        return float("nan")
    return float(stated[0])


def _unusable(path: Path, found: str) -> InputError:
    return InputError(path, WHAT, found, AGAIN)


def _empty(path: Path, found: str) -> InputError:
    rule = "a mask needs at least one voxel inside"
    return InputError(path, rule, found, "choose another one, or export it again")


def open_segmentation(path: Path, data: Dataset, pixel_offset: int) -> Segmentation:
    """Open a SEG that was read up to its pixels.

    Raises
    ------
    InputError
        For one that cannot be placed in an image: tiles of a slide, surfaces, frames without
        functional groups; and for pixels of an unknown kind.
    """
    with parsing(path, WHAT):
        _check_kind(path, data)
        pixels = _pixels_of(path, data, pixel_offset)
        kind = _type_of(path, data, pixels.bits)
        frames = _frames_of(path, data, pixels.count)
        labels = _labels_of(data)
        if kind == "LABELMAP":
            labels.pop(0, None)  # the background
        elif kind == "BINARY" and not frames.segment.any() and len(labels) == 1:
            frames.segment[:] = next(iter(labels))  # no frame says which: there is one
        for number in np.unique(frames.segment[frames.segment > 0]).tolist():
            labels.setdefault(number, f"segment {number}")
        present = set(frames.segment.tolist()) if kind != "LABELMAP" else set(labels)
        entries = [
            Entry(number, label, "" if number in present or 0 in present else "no frames")
            for number, label in labels.items()
        ]
        full = 1
        if kind == "FRACTIONAL":
            full = int(data.get("MaximumFractionalValue") or 0)
            if not full:
                raise _unusable(path, "a FRACTIONAL SEG without MaximumFractionalValue")
        return Segmentation(
            path,
            with_names(entries),
            frames,
            pixels,
            kind,
            str(data.get("FrameOfReferenceUID") or ""),
            full,
            str(data.get("SegmentationFractionalType") or ""),
        )


def _check_kind(path: Path, data: Dataset) -> None:
    """Refuse SEGs that have no place in an image of slices, by the name of what they are."""
    found = ""
    if data.get("SOPClassUID") == SURFACE:
        found = "a Surface Segmentation, which has no voxels"
    elif data.get("DimensionOrganizationType") in TILED or "TotalPixelMatrixColumns" in data:
        found = "a tiled SEG, of a slide under the microscope"
    elif "NumberOfFrames" not in data and "SharedFunctionalGroupsSequence" not in data:
        found = f"no frames ({UID(str(data.get('SOPClassUID') or '')).name})"
    if found:
        raise _unusable(path, found)


def _labels_of(data: Dataset) -> dict[int, str]:
    labels: dict[int, str] = {}
    for place, item in enumerate(data.get("SegmentSequence") or [], start=1):
        number = item.get("SegmentNumber")
        number = place if number is None else int(number)
        labels.setdefault(number, str(item.get("SegmentLabel") or f"segment {number}"))
    return labels


def _pixels_of(path: Path, data: Dataset, pixel_offset: int) -> FramePixels:
    defaults = {"Rows": 0, "Columns": 0, "NumberOfFrames": 1, "BitsAllocated": 0}
    defaults |= {"SamplesPerPixel": 1}
    numbers = {keyword: float(data.get(keyword) or value) for keyword, value in defaults.items()}
    rows, columns, count, bits, samples = (int(number) for number in numbers.values())
    if bits not in (1, 8, 16) or samples != 1:
        raise _unusable(path, f"pixels of {bits} bits in {samples} sample(s)")
    if not (0 < rows * columns <= LARGEST_FRAME and 0 < count < 2**20):
        raise _unusable(path, f"{count} frame(s) of {rows} x {columns} pixels")
    values: dict[str, Any] = {keyword: (number,) for keyword, number in numbers.items()}
    values["TransferSyntaxUID"] = str(data.file_meta.TransferSyntaxUID)
    implicit, little = data.original_encoding
    header = Header(path, values, pixel_offset, bool(implicit), bool(little))
    return FramePixels(header, count, (rows, columns), bits)


def _type_of(path: Path, data: Dataset, bits: int) -> str:
    kind = str(data.get("SegmentationType") or ("BINARY" if bits == 1 else ""))
    if kind not in ("BINARY", "FRACTIONAL", "LABELMAP") or (kind != "BINARY" and bits == 1):
        raise _unusable(path, f"SegmentationType {kind!r} with pixels of {bits} bits")
    return kind


def _frames_of(path: Path, data: Dataset, count: int) -> Frames:
    """Read what is said of each frame: of itself, else of all, else at the top of the file."""
    shared = list(data.get("SharedFunctionalGroupsSequence") or [])[:1]
    groups = list(data.get("PerFrameFunctionalGroupsSequence") or [])
    if not groups and count == 1:
        groups = [Dataset()]
    if len(groups) != count:
        raise _unusable(path, f"{count} frame(s), and functional groups for {len(groups)}")
    if any("PlanePositionSlideSequence" in group for group in groups[:1]):
        raise _unusable(path, "a tiled SEG, of a slide under the microscope")
    stated = {
        name: _for_each_frame(data, shared, groups, sequence, keyword, size)
        for name, (sequence, keyword, size) in STATED.items()
    }
    segment = np.nan_to_num(stated.pop("segment")[:, 0]).astype(np.int64)
    between, thickness = stated.pop("between")[:, 0], stated.pop("thickness")[:, 0]
    if not np.isfinite(stated["position"]).any():
        raise _unusable(path, "a 2D SEG: no frame has an ImagePositionPatient")
    return Frames(segment, between=between, thickness=thickness, **stated)


STATED = {
    "segment": ("SegmentIdentificationSequence", "ReferencedSegmentNumber", 1),
    "position": ("PlanePositionSequence", "ImagePositionPatient", 3),
    "orientation": ("PlaneOrientationSequence", "ImageOrientationPatient", 6),
    "pixel_spacing": ("PixelMeasuresSequence", "PixelSpacing", 2),
    "between": ("PixelMeasuresSequence", "SpacingBetweenSlices", 1),
    "thickness": ("PixelMeasuresSequence", "SliceThickness", 1),
}
"""Where a frame's facts stand: the sequence, the keyword, and how many numbers it has."""
KEYWORDS = {name: keyword for name, (_, keyword, _) in STATED.items()}
ORTHOGONAL = 1e-3


def _for_each_frame(
    data: Dataset,
    shared: list[Dataset],
    groups: list[Dataset],
    sequence: str,
    keyword: str,
    size: int,
) -> Floats:
    """Return one fact of all frames (N, size), NaN where it is not stated."""
    common = _numbers([*(_first_item(group, sequence) for group in shared), data], keyword, size)
    found = np.tile(common, (len(groups), 1))
    for into, group in zip(found, groups, strict=True):
        item = _first_item(group, sequence)
        if item is not None and keyword in item:
            into[...] = _numbers([item], keyword, size)
    return found


def _first_item(group: Dataset, sequence: str) -> Dataset | None:
    items = group.get(sequence)
    return items[0] if items else None


def _numbers(places: list[Dataset | None], keyword: str, size: int) -> Floats:
    """Return the first statement of a fact as numbers (size,), NaN where there is none."""
    for place in places:
        value = None if place is None else place.get(keyword)
        if value is None or value == "":
            continue
        numbers = np.array(value, dtype=np.float64).ravel()
        if numbers.size == size:
            return numbers
    return np.full(size, np.nan)


def write_segmentation(
    path: Path, masks: Mapping[str, Volume], headers: tuple[Header, ...]
) -> None:
    """Write masks as a BINARY SEG that reads back to the same voxels.

    Parameters
    ----------
    masks : segment label to bool Volume on the grid of the series
    headers : the sorted headers of that series, as
        :func:`radiomics.io.dicom.series.find_series` gives
    """
    import highdicom as hd
    from pydicom.sr.codedict import codes

    sources = [read_dataset(header.path, pixels=True) for header in headers]
    seed = headers[0].text("SeriesInstanceUID")
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=label,
            segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
            segmented_property_type=codes.SCT.Lesion,
            algorithm_type=hd.seg.SegmentAlgorithmTypeValues.MANUAL,
        )
        for number, label in enumerate(masks, start=1)
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # names of one part, copied as they are
        seg = hd.seg.Segmentation(
            source_images=sources,
            pixel_array=np.stack([mask.array for mask in masks.values()], axis=-1).astype(np.uint8),
            segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
            segment_descriptions=descriptions,
            series_instance_uid=deterministic_uid(seed, "SEG series"),
            series_number=3,
            sop_instance_uid=deterministic_uid(seed, "SEG"),
            instance_number=1,
            manufacturer="radiomics-pipelines",
            manufacturer_model_name="radiomics-pipelines",
            software_versions="1",
            device_serial_number="0",
        )
    temporary = path.with_name(f".{path.name}.part")
    try:
        seg.save_as(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
