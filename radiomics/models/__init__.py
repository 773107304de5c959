"""Models, one module each, loaded by name.

A model has ``Options`` and ``build(options, input_shape, outputs)``, which returns a
``torch.nn.Module``, or an unfitted object with scikit-learn's ``fit`` and ``predict``.
"""

from __future__ import annotations

from typing import Any

from radiomics.plugins import parse_plugin

NAMES = ("logistic",)


def build(name: str, *, input_shape: tuple[int, ...], outputs: int = 1, **options: Any) -> Any:
    """Build an unfitted model: ``build("logistic", input_shape=(34,), C=0.1)``.

    Parameters
    ----------
    input_shape : shape of one sample: ``(F,)``, ``(C, H, W)`` or ``(C, D, H, W)``
    outputs : numbers that the model puts out for one sample; 1 for a binary outcome
    options : those of the model's module

    Raises
    ------
    ConfigurationError
        For an unknown model or option.
    """
    module, checked = parse_plugin(__name__, {"name": name, **options}, f"model '{name}'")
    return module.build(checked, input_shape, outputs)
