"""PyRadiomics' command line: one image and mask, or a CSV of them, to one row a case."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
import yaml

from radiomics.pipelines.store import write_whole

NEEDED = ("Image", "Mask")
FORMATS = ("csv", "json", "txt")
LEVELS = {1: "CRITICAL", 2: "ERROR", 3: "WARNING", 4: "INFO", 5: "DEBUG"}

Cases = list[dict[str, str]]


def read_cases(table: Path) -> Cases:
    """Read a batch: the columns Image and Mask, Label where wanted, and others that are kept.

    Raises
    ------
    ValueError
        For a file without these columns or without rows.
    """
    try:
        with table.open(newline="", encoding="utf-8-sig") as stream:
            rows = list(csv.DictReader(stream))
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{table}: not readable: {error}") from None
    if not rows or not set(NEEDED) <= set(rows[0]):
        found = ", ".join(rows[0]) if rows else "no rows"
        raise ValueError(f"{table}: the columns Image and Mask are needed; found: {found}")
    return rows


def extract_case(case: dict[str, str], params: str | None, settings: dict[str, Any]) -> Any:
    """Return the row of one case, and why it failed if it did."""
    from radiomics.compat.featureextractor import RadiomicsFeatureExtractor

    label = case.get("Label") or settings.get("label")
    channel = case.get("Label_channel") or settings.get("label_channel")
    try:
        extractor = RadiomicsFeatureExtractor(params, **settings)
        found = extractor.execute(
            case["Image"],
            case["Mask"],
            int(label) if label is not None else None,
            int(channel) if channel is not None else None,
        )
    except (ValueError, RuntimeError) as error:
        return dict(case), str(error)
    return {**case, **{key: _plain(value) for key, value in found.items()}}, ""


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") and getattr(value, "ndim", 1) == 0 else value


def parse_settings(texts: list[str]) -> dict[str, Any]:
    """Return settings written as NAME:VALUE, values in YAML.

    >>> parse_settings(["binWidth:10", "resampledPixelSpacing:[1, 1, 1]"])
    {'binWidth': 10, 'resampledPixelSpacing': [1, 1, 1]}
    """
    found = {}
    for text in texts:
        name, colon, value = text.partition(":")
        if not colon:
            raise ValueError(f"--setting {text}: write it as NAME:VALUE")
        parsed = yaml.safe_load(value)
        several = isinstance(parsed, str) and "," in parsed
        found[name.strip()] = yaml.safe_load(f"[{value}]") if several else parsed
    return found


def written(rows: list[dict[str, Any]], kind: str, skip_nans: bool) -> str:
    """Return rows as CSV, JSON, or text with one value a line."""
    if skip_nans:
        rows = [{k: v for k, v in row.items() if not _is_nan(v)} for row in rows]
    if kind == "json":
        return json.dumps(rows, indent=1, default=str) + "\n"
    if kind == "txt":
        lines = [
            f"Case-{number}_{key}: {value}"
            for number, row in enumerate(rows, start=1)
            for key, value in row.items()
        ]
        return "\n".join(lines) + "\n"
    columns = dict.fromkeys(key for row in sorted(rows, key=len, reverse=True) for key in row)
    stream = io.StringIO()
    table = csv.DictWriter(stream, list(columns), lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return stream.getvalue()


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and value != value


def _computed(
    cases: Cases, params: str | None, settings: dict[str, Any], jobs: int
) -> Iterator[Any]:
    if jobs == 1 or len(cases) == 1:
        yield from (extract_case(case, params, settings) for case in cases)
        return
    from joblib import delayed

    from radiomics.evaluation.processes import run_jobs

    calls = (delayed(extract_case)(case, params, settings) for case in cases)
    yield from run_jobs(calls, min(jobs, len(cases)))


def run(
    image: Annotated[Path, typer.Argument(metavar="IMAGE|CSV", help="Image, or a CSV of cases.")],
    mask: Annotated[Path | None, typer.Argument(help="Mask of one image.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="File to write.")] = None,
    param: Annotated[Path | None, typer.Option("--param", "-p", help="Parameter file.")] = None,
    setting: Annotated[list[str] | None, typer.Option("--setting", "-s", help="NAME:VALUE")] = None,
    label: Annotated[int | None, typer.Option("--label", "-l", help="Value in the mask.")] = None,
    label_channel: Annotated[int | None, typer.Option(help="Channel of the mask.")] = None,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, help="Cases side by side.")] = 1,
    kind: Annotated[str, typer.Option("--format", "-f", help="csv, json or txt")] = "",
    skip_nans: Annotated[bool, typer.Option("--skip-nans", help="Leave out NaN.")] = False,
    verbosity: Annotated[int, typer.Option("--verbosity", "-v", min=1, max=5)] = 3,
) -> None:
    """Extract PyRadiomics' features: one row a case, a failed one with its reason on stderr."""
    logging.basicConfig(level=LEVELS[verbosity], format="%(levelname)s: %(name)s: %(message)s")
    batch = mask is None
    kind = kind or ("csv" if batch or (out and out.suffix == ".csv") else "txt")
    if kind not in FORMATS:
        raise ValueError(f"--format {kind}: one of {', '.join(FORMATS)}")
    settings = parse_settings(setting or [])
    given = {"label": label, "label_channel": label_channel}
    settings |= {key: value for key, value in given.items() if value is not None}
    cases = read_cases(image) if batch else [{"Image": str(image), "Mask": str(mask)}]
    _check(param, settings)
    rows, failed = [], 0
    for number, (row, reason) in enumerate(
        _computed(cases, str(param) if param else None, settings, jobs), start=1
    ):
        rows.append(row)
        failed += bool(reason)
        if reason:
            typer.echo(f"failed: case {number} ({row['Image']}): {reason}", err=True)
    text = written(rows, kind, skip_nans)
    if out is None:
        typer.echo(text, nl=False)
    else:
        write_whole(out, text)
    if failed:
        raise typer.Exit(1)


def _check(param: Path | None, settings: dict[str, Any]) -> None:
    """Refuse wrong parameters before the first case."""
    from radiomics.compat.featureextractor import RadiomicsFeatureExtractor

    RadiomicsFeatureExtractor(param, **settings)


def main() -> None:
    """Run the command line; a wrong request is told in words, with exit code 2."""
    import sys

    app = typer.Typer(add_completion=False)
    app.command()(run)
    try:
        app()
    except (ValueError, OSError) as error:
        typer.echo(f"error: {error}", err=True)
        sys.exit(2)
