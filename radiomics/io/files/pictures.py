"""Pictures (PNG, JPEG, TIFF, BMP) as images and masks of one slice, through Pillow.

A picture says nothing of where it lies or how far its pixels lie apart: resolutions in its header
are for printing, and not believed. Numbers are those of the file, never scaled.
"""

from __future__ import annotations

import struct
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from radiomics.io.planes import (
    NO_SPACING,
    GivenSpacing,
    check_channel,
    one_channel,
    parse_spacing,
    several_channels,
    spacing_note,
)
from radiomics.types import OWN_PLANE, InputError, Volume

LARGEST = 2**28
"""Pixels of one picture from which its header is not believed."""
TURNED = 0x0112
"""The tag of EXIF that says how a camera was held."""
GREY = ("1", "L", "I", "F", "I;16", "I;16B", "I;16L", "I;16N")
LOSSY = "JPEG"
COLOUR_PNG = (2, 6)
"""Colour types of PNG with three numbers a pixel."""


def read_picture(
    path: Path, spacing: GivenSpacing | None = None, channel: str | None = None
) -> Volume:
    """Read a picture as one slice ``(1, H, W)`` in its own plane.

    Parameters
    ----------
    spacing : how far its pixels lie apart in mm; without, lengths are in pixels
    channel : of colours: ``"red"``, ``"green"``, ``"blue"`` or ``"luminance"``

    Raises
    ------
    InputError
        When it cannot be read, holds several pictures, or colours and no channel was chosen.
    """
    check_channel(channel)
    steps = parse_spacing(spacing)
    picture, notes = _open(path)
    pixels, more = _grey_or_colour(path, picture)
    if pixels.ndim == 3 and channel is not None:
        pixels = one_channel(pixels, channel)
        more.append(f"colours: {channel}")
    elif pixels.ndim == 3:
        if not (pixels[..., :1] == pixels).all():
            raise several_channels(path, f"{pixels.shape[2]} (colours: a channel is to be chosen)")
        pixels = np.ascontiguousarray(pixels[..., 0])
        more.append("colours whose red, green and blue are equal: read as grey")
    elif channel is not None:
        rule, found = "a channel is chosen of colours", "one number a pixel"
        raise InputError(path, rule, found, "leave --channel out")
    length_unit, own = ("px", NO_SPACING) if steps is None else ("mm", spacing_note(steps))
    scale = np.ones(2) if steps is None else steps
    affine = np.diag([*scale[::-1], 1.0, 1.0])[:, [2, 1, 0, 3]]
    history = (OWN_PLANE, own, *notes, *more)
    return Volume(pixels[None], affine, "1", "", history, "", length_unit)


def read_label_picture(path: Path) -> NDArray[Any]:
    """Read a picture as labels (H, W): the numbers of its pixels; of a palette, its indices.

    Raises
    ------
    InputError
        As :func:`read_picture`; for JPEG, which changes numbers, and for several colours.
    """
    picture, _ = _open(path)
    if picture.format == LOSSY:
        rule = "the pixels of a mask are exact"
        found = "a JPEG, which is compressed with loss: values near edges are others than drawn"
        raise InputError(path, rule, found, "save the mask as PNG or TIFF")
    if picture.mode == "P":
        return np.asarray(picture)
    pixels, _ = _grey_or_colour(path, picture)
    if pixels.ndim == 3:
        if not (pixels[..., :1] == pixels).all():
            found = f"{pixels.shape[2]} channels that differ"
            remedy = "save it as a grey image of the size of the slice"
            raise InputError(path, "a mask has one number a pixel", found, remedy)
        pixels = pixels[..., 0]
    return pixels


def picture_shape(path: Path) -> tuple[int, int, int]:
    """Return the shape (1, H, W) of a picture from its header; zeros where it has none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                return 1, picture.height, picture.width
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return 0, 0, 0


def _open(path: Path) -> tuple[Any, list[str]]:
    """Return a decoded picture as it is meant to be seen, and what is to be noted of it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # sizes are looked at here, and tags of no interest
            # Pillow maps a file that it opens itself, and turns some plain TIFF files wrongly then
            with path.open("rb") as stream, Image.open(stream) as picture:
                _check_kind(path, picture)
                turn = picture.getexif().get(TURNED, 1)
                picture.load()
                turned = ImageOps.exif_transpose(picture)
    except InputError:
        raise
    except (OSError, ValueError, SyntaxError, EOFError, struct.error, TypeError, KeyError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        early = "the file ends early: " if "truncated" in reason.lower() else ""
        found = f"{early}{reason}"
        raise InputError(path, "a picture must be readable", found, "check the file") from None
    except (Image.DecompressionBombError, MemoryError) as error:
        found, remedy = str(error).splitlines()[0] if str(error) else "too large", "make it smaller"
        raise InputError(path, "a picture must fit in memory", found, remedy) from None
    seen = f"turned by its EXIF orientation ({turn}), as viewers do"
    notes = [seen] if turn in range(2, 9) else []
    if picture.format == LOSSY:
        notes.append("JPEG: compressed with loss")
    turned.format = picture.format
    return turned, notes


def _check_kind(path: Path, picture: Any) -> None:
    """Refuse, before pixels are read, what would be read as something else."""
    if picture.width * picture.height > LARGEST:
        found = f"{picture.width} x {picture.height} pixels"
        rule = f"a picture has at most {LARGEST} pixels"
        raise InputError(path, rule, found, "cut or shrink it")
    pages = getattr(picture, "n_frames", 1)
    if pages > 1:
        remedy = "split the file, or convert a stack of slices to NIfTI or DICOM"
        raise InputError(path, "one picture is needed", f"{pages} pages", remedy)
    if picture.format == "PNG":
        with path.open("rb") as stream:
            start = stream.read(26)
        if len(start) == 26 and start[24] == 16 and start[25] in COLOUR_PNG:
            found = "a PNG of colours with 16 bits each, of which Pillow keeps 8"
            remedy = "save the channel that is meant as a grey image of 16 bits"
            raise InputError(path, "all bits of a picture must be readable", found, remedy)


def _grey_or_colour(path: Path, picture: Any) -> tuple[NDArray[Any], list[str]]:
    """Return pixels (H, W) of grey or (H, W, 3) of colours as stored, and notes."""
    notes = []
    mode = picture.mode
    if mode == "1":
        return np.asarray(picture).astype(np.uint8), []
    if mode in GREY:
        return np.asarray(picture), []
    if mode in ("LA", "RGBA", "PA") or (mode == "P" and "transparency" in picture.info):
        clear = np.asarray(picture.convert("RGBA"))[..., 3] < 255
        if clear.any():
            notes.append(f"transparency left out: {int(clear.sum())} pixels are not opaque")
    if mode == "LA":
        return np.asarray(picture.getchannel(0)), notes
    if mode in ("P", "PA"):
        return np.asarray(picture.convert("RGB")), [*notes, "colours of a palette"]
    if mode in ("RGB", "RGBA", "RGBX"):
        return np.asarray(picture)[..., :3], notes
    if mode == "YCbCr":
        return np.asarray(picture.convert("RGB")), notes
    remedy = "convert it to grey or RGB"
    raise InputError(path, "a picture is grey or of red, green and blue", mode, remedy)
