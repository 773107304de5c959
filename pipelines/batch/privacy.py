"""Nothing that names a person leaves a batch: columns, messages and ids.

Outputs hold the manifest's ids. What else may identify a patient, names, birth dates, paths, UIDs,
is taken out of messages and tables, unless asked for.
"""

from __future__ import annotations

import hmac
import logging
import os
import re
import secrets
import unicodedata
import warnings
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from radiomics.types import InputError

UID = re.compile(r"\b[0-2](?:\.\d+){4,}(?:#\d+)?\b")
PLACE = re.compile(
    r"(?:[A-Za-z][A-Za-z0-9+.-]*://|(?<![\w.<])(?:~|\.{1,2})?/|\b[A-Za-z]:\\)[^\s'\",;]+"
)
IDENTIFYING = re.compile(
    r"name|birth|dob|mrn|accession|uid|path|file|folder|address|phone|email|ssn|insurance|"
    r"patient_?id|pat_?id|physician|doctor|comment|note",
    re.IGNORECASE,
)
"""Names of columns that are left out."""
IDENTIFYING_CELL = (
    r"^[0-2](\.\d+){4,}$|\^|[/\\].*[/\\.]|"
    r"^\d{4}-\d{2}-\d{2}|^(19|20)\d{6}$|^\d{1,2}[./]\d{1,2}[./](19|20)\d\d$"
)
"""Cells for which a column is left out: UIDs, DICOM names, paths, full dates."""
KEPT = ("id", "group", "roi", "label", "segment", "site", "target")
PLAIN = (
    "image",
    "images",
    "mask",
    "masks",
    "series",
    "dicom",
    "nifti",
    "data",
    "scan",
    "scans",
    "cases",
)
"""Names of folders that are words of messages."""
TECHNICAL = re.compile(
    r"(?:ct|mr|mri|pt|pet|fdg|suv|us|mg|t1|t2|t1w|t2w|t1c|t1ce|pd|flair|stir|dwi|adc|dce|swi|tof|"
    r"gd|fs|ax|axial|coronal|sag|sagittal|image|mask|rtstruct|seg|gtv|ctv|ptv)"
)
"""What parts of a folder's name are, in all of them, where it names a kind of image, no person."""
INSIDE_WORDS = 6
"""Letters from which an identifying text is also looked for inside words."""
SHORT_WORD = 2
"""Letters up to which a name is looked for only as it is written, in capitals or as a title."""
TWO_LETTERS = {"ae": "ä", "oe": "öø", "ue": "ü", "ss": "ß", "aa": "å"}
DOUBLED = {"ä": "ae", "æ": "ae", "ö": "oe", "ø": "oe", "ü": "ue", "ß": "ss", "å": "aa"}
"""How letters of German and Scandinavian names are written where there are only 26."""
STROKES = str.maketrans("øØłŁđĐæÆßı", "oOlLdDaAsi")
KEY_BYTES, NAME_DIGITS = 32, 20


ACCENTED: dict[str, list[str]] = {}
"""Of each plain letter those that have an accent or a stroke."""


def scrub(text: str, identifying: Iterable[str] = ()) -> str:
    """Take paths, UIDs and texts that identify somebody out of a message.

    A name is found however it is written: in capitals, with or without accents, umlauts as one
    letter or two.

    >>> scrub("/data/DOE^JOHN/ct: 2 series: 1.2.840.113619.2.1, 1.2.840.113619.2.2")
    '<path>: 2 series: <uid>, <uid>'
    >>> scrub("GTV_Mueller, GTV Garcia, GTVLee", {"Müller", "García", "LEE"})
    'GTV_<removed>, GTV <removed>, GTV<removed>'
    """
    for secret in sorted({word for word in identifying if word}, key=len, reverse=True):
        text = _spellings(secret).sub("<removed>", text)
    text = UID.sub("<uid>", text)
    return PLACE.sub(lambda found: "<path>" + (":" if found[0].endswith(":") else ""), text)


@lru_cache(maxsize=4096)
def _spellings(secret: str) -> re.Pattern[str]:
    """Return what finds a text in its spellings: inside words, or where it is short as a word."""
    if len(secret) >= INSIDE_WORDS:
        return re.compile(_any_accents(secret), re.IGNORECASE)
    alone = r"(?<![^\W\d_]){}(?![^\W\d_])"
    forms = sorted({secret, secret.upper(), secret.title()})
    if len(secret) <= SHORT_WORD:  # "in" is a word of messages, "In" or "IN" may be a name
        return re.compile("|".join(alone.format(_any_accents(form)) for form in forms))
    joined = rf"(?<=[^\W\d_]){_any_accents(secret.title())}(?![^\W\d_])"
    return re.compile(f"(?i:{alone.format(_any_accents(secret))})|{joined}")


def _any_accents(text: str) -> str:
    """Return an expression that finds a text with other accents, too, or with none."""
    found, at = [], 0
    while at < len(text):
        pair = text[at : at + 2]
        if _without_accents(pair.lower()) in TWO_LETTERS:
            found.append(rf"(?:{_accented(pair[0])}{_accented(pair[1])}|[{_two(pair)}])")
            at += 2
            continue
        letter = text[at]
        double = DOUBLED.get(letter.lower())
        found.append(rf"(?:{_accented(letter)}|{double})" if double else _accented(letter))
        at += 1
    return "".join(found)


def _accented(letter: str) -> str:
    """Return an expression for a letter with any accent, written as one sign or as two."""
    plain = _without_accents(letter)
    others = "".join(ACCENTED.get(plain, ()))
    return rf"[{re.escape(plain)}{others}][\u0300-\u036f]*" if others else re.escape(letter)


def _two(pair: str) -> str:
    sign = TWO_LETTERS[_without_accents(pair.lower())]
    return sign + sign.upper()


def _without_accents(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text).translate(STROKES)
    return "".join(sign for sign in plain if not unicodedata.combining(sign))


for _code in (*range(0xC0, 0x180), *range(0x1E00, 0x1F00)):
    _plain = _without_accents(chr(_code))
    if len(_plain) == 1 and _plain.isalpha() and _plain != chr(_code):
        ACCENTED.setdefault(_plain, []).append(chr(_code))


def names_below(path: str) -> set[str]:
    """Return the parts of a path, and the names of files in it: any may hold a patient's name."""
    found = {path, str(Path(path).absolute()), *(p for p in Path(path).parts if len(p) > 3)}
    if os.path.isdir(path):  # noqa: PTH112
        found |= {name for _, folders, files in os.walk(path) for name in (*folders, *files)}
    return {name for name in found if len(name) > 3 and not _is_plain(name)}


def _is_plain(name: str) -> bool:
    """Tell whether a folder's name names a kind of image only.

    >>> _is_plain("MR_T1"), _is_plain("MR_Miller")
    (True, False)
    """
    words = re.split(r"[_\-. ]", name.lower())
    return name.lower() in PLAIN or all(TECHNICAL.fullmatch(word) for word in words)


def dropped_columns(table: pa.Table, read: Iterable[str]) -> list[str]:
    """Return the columns of a manifest that may identify a patient, and stay out of tables.

    ``read`` are the columns that a batch reads and no output holds.
    """
    ids = pc.unique(pa.chunked_array([*table["id"].chunks, *table["group"].chunks]))
    found = []
    for name in table.column_names:
        if name in KEPT or name in read:
            continue
        cells = table.column(name)
        identifying = IDENTIFYING.search(name) is not None or pa.types.is_temporal(cells.type)
        if not identifying:
            text = pc.fill_null(pc.cast(cells, pa.string()), "")
            marked = pc.match_substring_regex(text, IDENTIFYING_CELL)
            identifying = bool(
                pc.any(marked).as_py() or pc.any(pc.is_in(text, value_set=ids)).as_py()
            )
        if identifying:
            found.append(name)
    return found


def quiet_libraries() -> None:
    """Let no library print what it warns of: a value of a header may stand in it."""
    warnings.simplefilter("ignore")
    logging.getLogger().addHandler(logging.NullHandler())  # or the last resort would print
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)


def read_key(path: Path, output: Path) -> bytes:
    """Return the key for pseudonyms; a new one is written where there is none.

    Raises
    ------
    InputError
        When the file lies in the output, or is no key.
    """
    place = path.absolute().resolve()
    if place.is_relative_to(output.absolute().resolve()):
        rule = "the key lies outside the output, which may be handed on"
        raise InputError("--pseudonymise", rule, "a file inside it", "name another place")
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
        with os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8", newline="\n") as stream:
            stream.write(secrets.token_hex(KEY_BYTES) + "\n")
    text = path.read_text(encoding="utf-8").strip()
    if not re.fullmatch(r"[0-9a-f]{32,}", text):
        rule = "a key is a line of 32 or more hexadecimal digits"
        raise InputError("--pseudonymise", rule, "another content", "let a new file be made")
    return bytes.fromhex(text)


def pseudonym(name: str, key: bytes) -> str:
    """Return the name that stands for an id: HMAC-SHA-256 with the key, 80 bits of it.

    >>> pseudonym("P1", b"k" * 32) == pseudonym("P1", b"k" * 32) != pseudonym("P1", b"x" * 32)
    True
    """
    return hmac.new(key, name.encode(), sha256).hexdigest()[:NAME_DIGITS]


def pseudonymised(table: pa.Table, key: bytes) -> pa.Table:
    """Return a manifest whose ids and groups are pseudonyms."""
    for name in ("id", "group"):
        encoded = table.column(name).combine_chunks().dictionary_encode()
        names: list[Any] = [pseudonym(n, key) if n else n for n in encoded.dictionary.to_pylist()]
        new = pa.DictionaryArray.from_arrays(encoded.indices, pa.array(names)).cast(pa.string())
        table = table.set_column(table.column_names.index(name), name, pa.chunked_array([new]))
    return table
