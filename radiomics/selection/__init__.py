"""Ways to choose features, one module each, loaded by name.

A way has ``Options`` and ``build(options, task)``, which returns an unfitted scikit-learn
transformer. It is fitted inside each training part, sees the features alone, imputed and scaled
(where ``BEFORE_SCALING`` is true: imputed only), and keeps at least one.
"""

from __future__ import annotations

from typing import Any

from radiomics.plugins import parse_plugin

CONTRACT = ("Options", "build")
"""What a module must define."""
NAMES = ("variance", "correlation", "univariate", "mrmr", "elastic_net", "stability")


def build(name: str, *, task: str = "binary", **options: Any) -> Any:
    """Build an unfitted selector: ``build("mrmr", count=10)``.

    Parameters
    ----------
    task : ``binary``, ``multiclass``, ``regression`` or ``survival``
    options : those of the module

    Raises
    ------
    ConfigurationError
        For an unknown name or option.
    """
    module, checked = parse_plugin(__name__, {"name": name, **options}, f"selection '{name}'")
    return module.build(checked, task)
