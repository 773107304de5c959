"""Which harmonisation of sites a study wants, if any."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from radiomics.preprocessing.combat import ComBat, Prior
from radiomics.preprocessing.site_scaling import SiteScaler
from radiomics.preprocessing.sites import Unseen


class Options(BaseModel, frozen=True, extra="forbid"):
    """``method``: none, combat or z_score (by site); it is fitted on training rows alone.

    ``prior``, ``preserve`` (covariates) and ``reference`` (a site) are ComBat's; ``unseen`` says
    what happens to a site that training did not have: refuse, pool or nearest.
    """

    method: Literal["none", "combat", "z_score"] = "none"
    prior: Prior = "parametric"
    preserve: tuple[str, ...] = ()
    reference: str | None = None
    unseen: Unseen = "refuse"


def build(
    features: Sequence[str], options: Options, site: str = "site"
) -> ComBat | SiteScaler | None:
    """Return an unfitted transformer of a table with these features and a site, or None.

    >>> build(["a"], Options(method="z_score"))
    SiteScaler(features=['a'])
    """
    columns = list(features)
    if options.method == "combat":
        return ComBat(
            columns,
            site,
            list(options.preserve),
            options.reference,
            options.prior,
            options.unseen,
        )
    return SiteScaler(columns, site, options.unseen) if options.method == "z_score" else None
