"""Notice another distribution that owns our import name: PyRadiomics.

Nothing but the standard library is imported here: where PyRadiomics has overwritten files of ours,
the rest may not be importable any more.
"""

from __future__ import annotations

import json
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from urllib.parse import unquote, urlsplit

OURS, RIVAL, PACKAGE = "radiomics-pipelines", "pyradiomics", "radiomics"
HOME = Path(__file__).resolve().parent.parent.parent
"""The folder ``radiomics`` of an installed wheel, or a checkout with its links resolved."""


def find_shadows() -> list[str]:
    """Return one sentence for each reason for which ``import radiomics`` may not be ours."""
    try:
        rival = distribution(RIVAL)
    except PackageNotFoundError:
        return []
    theirs = Path(str(rival.locate_file(PACKAGE))).resolve()
    if theirs not in (HOME, (HOME / PACKAGE).resolve()):
        return []
    return [
        f"{RIVAL} {rival.version} also installs the import name '{PACKAGE}', and has overwritten "
        f"files of this package, or was overwritten: both cannot live in one environment.\n"
        f"  To keep this package, which runs PyRadiomics' scripts as they are:\n"
        f"    python -m pip uninstall --yes {RIVAL} {OURS}\n"
        f"    python -m pip install {_source_of_ours()}\n"
        f"  To keep both, install one of them in an environment of its own:\n"
        f"    python -m venv other"
    ]


def _source_of_ours() -> str:
    """Return what pip installed this package from: a name, or the folder or wheel it was given."""
    try:
        text = distribution(OURS).read_text("direct_url.json")
    except PackageNotFoundError:
        return OURS
    if text is None:
        return OURS
    record = json.loads(text)
    address = urlsplit(str(record["url"]))
    if address.scheme != "file":
        return str(record["url"])
    editable = record.get("dir_info", {}).get("editable", False)
    return ("--editable " if editable else "") + f'"{unquote(address.path)}"'
