"""What a compressed frame says of its own size: to be known before a decoder believes it."""

from __future__ import annotations

START_OF_IMAGE, START_OF_CODESTREAM, SIZE = b"\xff\xd8", b"\xff\x4f", b"\xff\x51"
END_OF_IMAGE = b"\xff\xd9"
NO_FRAME = {0xC4, 0xC8, 0xCC}
"""JPEG markers between C0 and CF that start no frame."""


def stated_size(stream: bytes) -> tuple[int, int] | None:
    """Return rows and columns that a JPEG, JPEG-LS or JPEG 2000 stream states, None for others.

    Sources: ITU-T T.81 annex B.2.2, T.87 annex C.2.2, T.800 annex A.5.1.

    >>> stated_size(bytes.fromhex("ffd8 fff7 000b 10 0005 0006 01 000000"))
    (5, 6)
    """
    if stream[:2] == START_OF_CODESTREAM and stream[2:4] == SIZE and len(stream) >= 24:
        width, height, left, top = (
            int.from_bytes(stream[at : at + 4], "big") for at in (8, 12, 16, 20)
        )
        return height - top, width - left
    if stream[:2] != START_OF_IMAGE:
        return None
    at = 2
    while at + 9 <= len(stream):
        marker = stream[at + 1]
        if stream[at] != 0xFF:
            return None
        if marker == 0xFF:  # a byte of filling
            at += 1
            continue
        if (0xC0 <= marker <= 0xCF and marker not in NO_FRAME) or marker == 0xF7:
            return int.from_bytes(stream[at + 5 : at + 7], "big"), int.from_bytes(
                stream[at + 7 : at + 9], "big"
            )
        at += 2 + int.from_bytes(stream[at + 2 : at + 4], "big")
    return None


def closed(stream: bytes) -> bytes:
    r"""Return a JPEG-LS stream with the marker of its end, which a stream cut short has lost.

    Without it CharLS goes on reading zeros for minutes; with it what is cut short is refused at
    once, and what lacks the marker alone is read. A zero byte that evens the length is taken off.

    >>> closed(b"\xff\xd8 \x01\x00").hex(" ")
    'ff d8 20 01 ff d9'
    """
    if stream.rstrip(b"\0").endswith(END_OF_IMAGE):
        return stream
    return stream.removesuffix(b"\0") + END_OF_IMAGE
