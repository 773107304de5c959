"""Uncompressed pixels as they lie in the file, and stored bits as the numbers that they mean.

What is done here follows DICOM PS3.5 section 8 and annex D; what these leave open is refused.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from radiomics.io.dicom.headers import Header

INTEGERS, FLOATS, DOUBLES = 0x7FE00010, 0x7FE00008, 0x7FE00009
KEYWORDS = {INTEGERS: "PixelData", FLOATS: "FloatPixelData", DOUBLES: "DoubleFloatPixelData"}
PLAIN = (ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian)
ALLOCATED = (1, 8, 16, 32, 64)
LETTERS = (b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN")
"""Value representations that pixels may have; all of them have a length of four bytes."""
ENDS = ("Value", "RangeLimit")


def check_pixel_tags(header: Header) -> None:
    """Demand that the tags that describe the pixels are whole numbers that fit each other.

    Raises
    ------
    ValueError
        Naming the tag.
    """
    limits = {"Rows": 2**16, "Columns": 2**16, "BitsAllocated": 64, "BitsStored": 64}
    limits |= {"SamplesPerPixel": 4, "PixelRepresentation": 1, "NumberOfFrames": 2**20}
    limits |= {"HighBit": 63}
    for tag in ("Rows", "Columns"):
        if header.values.get(tag) == (0.0,):
            raise ValueError(f"{tag} must not be zero")
    for tag, largest in limits.items():
        values = header.values.get(tag, ())
        if isinstance(values, str):
            raise ValueError(f"{tag} holds {values!r}, which is no number")
        whole = len(values) == 1 and values[0].is_integer() and 0 <= values[0] <= largest
        if values and not whole:
            found = ", ".join(f"{value:g}" for value in values[:4])
            raise ValueError(f"{tag} must be a whole number up to {largest}, not {found}")
    _check_bits(header)


def _check_bits(header: Header) -> None:
    allocated, stored, high = (
        header.integer(tag) if tag in header.values else None
        for tag in ("BitsAllocated", "BitsStored", "HighBit")
    )
    if allocated is None:
        raise ValueError("BitsAllocated is missing, so the size of a pixel is not known")
    if stored is not None and "PixelRepresentation" not in header.values:
        raise ValueError("PixelRepresentation is missing, so the sign of pixels is not known")
    if allocated not in ALLOCATED:
        choices = ", ".join(map(str, ALLOCATED))
        raise ValueError(f"BitsAllocated must be one of {choices}, not {allocated}")
    if stored is not None and (stored < 1 or stored > allocated):
        raise ValueError(f"BitsStored {stored} does not fit BitsAllocated {allocated}")
    if stored is not None and high is not None and high != stored - 1:
        raise ValueError(f"HighBit {high} does not fit BitsStored {stored}")


def pixel_tag(header: Header) -> int:
    """Return the tag of the element that holds the pixels; only 32 and 64 bits may be floats.

    Raises
    ------
    OSError
        When the file has vanished.
    """
    if header.integer("BitsAllocated", 16) not in (32, 64):
        return INTEGERS
    if header.syntax == DeflatedExplicitVRLittleEndian or header.pixel_offset < 0:
        # integers have to say how many bits are stored, floats never do (PS3.3 C.7.6.24)
        floats = FLOATS if header.integer("BitsAllocated") == 32 else DOUBLES
        return INTEGERS if "BitsStored" in header.values else floats
    with header.path.open("rb") as stream:
        stream.seek(header.pixel_offset)
        head = stream.read(4)
    order: Literal["little", "big"] = "little" if header.little else "big"
    found = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:], order)
    return found if found in KEYWORDS else INTEGERS


def stored_dtype(header: Header) -> np.dtype[Any]:
    """Return the type of the stored values, in this machine's byte order."""
    kind = pixel_tag(header)
    if kind != INTEGERS:
        return np.dtype(np.float32 if kind == FLOATS else np.float64)
    bits = header.integer("BitsAllocated", 16)
    return np.dtype(f"{'i' if is_signed(header) else 'u'}{max(1, bits // 8)}")


def is_signed(header: Header) -> bool:
    """Tell whether stored integers are two's complement."""
    return header.integer("PixelRepresentation") == 1


def read_native(header: Header, index: int, into: NDArray[Any]) -> bool:
    """Read a frame of uncompressed pixels; False where they do not lie as they should.

    The element's head tells itself how long it is: TransferSyntaxUID is not always true.

    Parameters
    ----------
    into : (rows, columns) of the stored dtype, native byte order and contiguous: is filled

    Raises
    ------
    ValueError
        When bytes are missing, or their order is not defined.
    """
    if header.syntax not in PLAIN or header.pixel_offset < 0:
        return False
    order: Literal["little", "big"] = "little" if header.little else "big"
    bits = header.integer("BitsAllocated", 16)
    with header.path.open("rb") as stream:
        stream.seek(header.pixel_offset)
        head = stream.read(12)
        # lengths are even and VRs begin with odd letters: these letters are a VR, or a length
        explicit = head[4:6] in LETTERS
        length = int.from_bytes(head[8:12] if explicit else head[4:8], order)
        found = int.from_bytes(head[:2], order) << 16 | int.from_bytes(head[2:4], order)
        expected = pixel_tag(header)
        if found != expected or length == 0xFFFFFFFF:
            return False
        start = header.pixel_offset + (12 if explicit else 8)
        swapped = _are_words_swapped(header, head[4:6] if explicit else b"")
        if bits < 8 or swapped:
            first, last = _span(into.size * bits, index, swapped)
            stream.seek(start + first)
            raw = stream.read(min(last, length) - first)
            _unpack(raw, into, index, bits, swapped)
            return True
        skipped = index * into.nbytes
        stream.seek(start + skipped)
        count = stream.readinto(into.data)
    if min(count, length - skipped) < into.nbytes:
        present = max(0, min(count, length - skipped))
        raise ValueError(f"{present} of {into.nbytes} bytes")
    if not header.little:
        into.byteswap(inplace=True)
    return True


def frame_of_bytes(header: Header, raw: bytes, index: int, into: NDArray[Any]) -> None:
    """Take a frame out of the bytes of a little-endian element, as a deflated file has them.

    Raises
    ------
    ValueError
        When bytes are missing.
    """
    bits = header.integer("BitsAllocated", 16)
    if bits < 8:
        first, last = _span(into.size * bits, index, False)
        _unpack(raw[first:last], into, index, bits, False)
        return
    part = raw[index * into.nbytes : (index + 1) * into.nbytes]
    if len(part) < into.nbytes:
        raise ValueError(f"{len(part)} of {into.nbytes} bytes")
    into[...] = np.frombuffer(part, into.dtype.newbyteorder("<")).reshape(into.shape)


def _are_words_swapped(header: Header, letters: bytes) -> bool:
    """Tell whether bytes change places in pairs: those of big-endian words (PS3.5 annex D).

    Raises
    ------
    ValueError
        For big-endian integers whose order of bytes nothing defines.
    """
    if header.little:
        return False
    bits = header.integer("BitsAllocated", 16)
    if pixel_tag(header) != INTEGERS:
        return False
    if bits > 16 or (bits == 16 and letters == b"OB"):
        raise ValueError(
            f"the order of bytes of {bits}-bit integers ({letters.decode()}) in a big-endian file "
            "must be defined"
        )
    return bits < 16 and letters == b"OW"


def _span(bits: int, index: int, even: bool) -> tuple[int, int]:
    """Return the first and the last byte (exclusive) of a frame of so many bits."""
    first, last = index * bits // 8, -(-(index + 1) * bits // 8)
    return (first & ~1, (last + 1) & ~1) if even else (first, last)


def _unpack(raw: bytes, into: NDArray[Any], index: int, bits: int, swapped: bool) -> None:
    """Fill a frame with pixels of 1 or 8 bits; the first pixel stands in the lowest bit."""
    first, last = _span(into.size * bits, index, swapped)
    if len(raw) < last - first - swapped:  # the last byte of a pair may be filling
        raise ValueError(f"{len(raw)} of {last - first} bytes")
    data = np.frombuffer(raw.ljust(last - first, b"\0"), np.uint8)
    if swapped:
        data = data.reshape(-1, 2)[:, ::-1].ravel()
    skipped = index * into.size * bits - 8 * first
    if bits == 1:
        values = np.unpackbits(data, bitorder="little")[skipped : skipped + into.size]
    else:
        values = data[skipped // 8 : skipped // 8 + into.size]
    into[...] = values.view(into.dtype).reshape(into.shape)


def take_stored_bits(pixels: NDArray[Any], header: Header) -> int:
    """Keep of stored integers the bits that hold the value, in place (PS3.5 8.1.1).

    Bits above BitsStored are no part of it: overlays may stand there, or their remains. A value
    equal to a PixelPaddingValue that needs these bits stays as it is.

    Parameters
    ----------
    pixels : array of integers of the stored dtype

    Returns
    -------
    How many pixels had other bits set there than a sign
    """
    allocated = 8 * pixels.dtype.itemsize
    stored = header.integer("BitsStored", allocated)
    if pixels.dtype.kind not in "iu" or stored >= allocated or not pixels.size:
        return 0
    signed = pixels.dtype.kind == "i"
    low, high = (-(2 ** (stored - 1)), 2 ** (stored - 1) - 1) if signed else (0, 2**stored - 1)
    if pixels.max() <= high and (not signed or pixels.min() >= low):
        return 0
    unused = allocated - stored
    meant = pixels << unused >> unused
    strange = (meant != pixels) & (pixels >> stored != 0)
    padding = padding_range(header, pixels.dtype)
    if padding is not None and not (low <= padding[0] and padding[1] <= high):
        padded = (pixels >= padding[0]) & (pixels <= padding[1])
        meant = np.where(padded, pixels, meant)
        strange &= ~padded
    pixels[...] = meant
    return int(strange.sum())


def padding_range(header: Header, dtype: np.dtype[Any]) -> tuple[float, float] | None:
    """Return the first and last stored value that stand for padding, None where there are none.

    PixelPaddingValue alone, or all from it to PixelPaddingRangeLimit (PS3.3 C.7.5.1.1.2). Both are
    kept without a sign in headers.
    """
    kind = ("Double" * (dtype.itemsize == 8) + "Float") if dtype.kind == "f" else ""
    names = [f"{kind}PixelPadding{end}" for end in ENDS]
    if names[0] not in header.values:
        return None
    ends = [float(value) for name in names for value in header.numbers(name)[:1]]
    if dtype.kind != "f":
        ends = [float(np.array(v % 2**16, np.uint16).view(f"{dtype.kind}2")) for v in ends]
    return min(ends), max(ends)
