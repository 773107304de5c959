"""Whether a file holds the pixels that its header promises, told by sizes: without reading them."""

from __future__ import annotations

from pydicom.uid import DeflatedExplicitVRLittleEndian

from radiomics.io.dicom.headers import Header
from radiomics.io.dicom.native import DOUBLES, FLOATS, PLAIN

BITS = {FLOATS: 32, DOUBLES: 64}
WITHOUT_PIXELS = ("1.2.840.10008.5.1.4.1.1.4.2",)  # MR Spectroscopy, whose Rows count voxels


def is_image(header: Header) -> bool:
    """Tell whether a header describes a matrix of pixels."""
    size = "Rows" in header.values and "Columns" in header.values
    return size and header.text("SOPClassUID") not in WITHOUT_PIXELS


def promised_bytes(header: Header) -> int:
    """Return how many bytes uncompressed pixels take by the header.

    Raises
    ------
    ValueError
        When a size is no number.
    """
    bits = BITS.get(header.pixels.tag, 0) if header.pixels else 0
    count = 1
    for tag in ("Rows", "Columns", "SamplesPerPixel", "NumberOfFrames"):
        if tag in header.values:  # two of these are often absent: this runs for every file
            count *= header.integer(tag, 1)
    total = (count * (bits or header.integer("BitsAllocated", 16)) + 7) // 8
    halved = header.text("PhotometricInterpretation") == "YBR_FULL_422"  # two share their colours
    return total * 2 // 3 if halved else total


def missing_pixels(header: Header) -> str:
    """Say which of an image's pixels are missing, "" where sizes show none.

    Raises
    ------
    ValueError
        When a size is no number.
    """
    pixels = header.pixels
    if not is_image(header) or sees_no_sizes(header):
        return ""
    if pixels is None:
        return "no pixels: the file was cut short, or never had any"
    if pixels.end > pixels.file_size:
        lost = pixels.end - pixels.file_size
        return f"the pixels must be complete: the file ends {lost} bytes early, it was cut short"
    if pixels.fragments is None:
        promised, length = promised_bytes(header), pixels.end - pixels.start
        if header.syntax in PLAIN and length < promised:
            return f"the pixels must be complete: {length} of {promised} bytes"
    elif pixels.fragments < header.integer("NumberOfFrames", 1):
        frames = header.integer("NumberOfFrames", 1)
        return f"the pixels must be complete: {pixels.fragments} of {frames} compressed frames"
    return ""


def surplus_frames(header: Header) -> int:
    """Return how many frames more than the header counts lie in a file: nobody can place them."""
    pixels = header.pixels
    if pixels is None or pixels.fragments is not None or header.syntax not in PLAIN:
        return 0
    frames = header.integer("NumberOfFrames", 1)
    one = promised_bytes(header) // frames
    return (pixels.end - pixels.start) // one - frames if one else 0


def sees_no_sizes(header: Header) -> bool:
    """Tell whether the whole file is compressed, so that the header pass saw no pixel element."""
    return header.pixels is None and header.syntax == DeflatedExplicitVRLittleEndian


def is_undecided(header: Header) -> bool:
    """Tell whether only decoding shows if the pixels can be read: they are compressed."""
    compressed = header.pixels is not None and header.pixels.fragments is not None
    return compressed or header.syntax not in PLAIN
