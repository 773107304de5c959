"""Models, one module each, loaded by name.

A model has ``Options`` and ``build(options, input_shape, outputs)``, which returns a
``torch.nn.Module``, or an unfitted object with scikit-learn's ``fit`` and ``predict``. Models of
tables also have ``TASKS``, the outcomes that they take, and ``GRID``: values of options among which
a study chooses where the config gives none, the simplest model first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from radiomics.plugins import parse_plugin

if TYPE_CHECKING:
    import pandas as pd

CONTRACT = ("Options", "build")
"""What a module must define."""
NAMES = (
    "logistic",
    "elastic_net",
    "random_forest",
    "gradient_boosting",
    "svm",
    "knn",
    "cox",
    "linear",
    "mlp",
    "lenet",
    "cnn",
    "resnet",
    "torchvision_resnet",
    "monai_resnet",
    "monai_densenet",
)


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


def summary(model: Any, input_shape: tuple[int, ...]) -> pd.DataFrame:
    """Return what each layer of a network puts out, and what it holds.

    Parameters
    ----------
    model : torch.nn.Module
    input_shape : shape of one sample

    Returns
    -------
    pandas.DataFrame
        ``layer``, ``kind``, ``output`` (shape for one sample), ``parameters``, ``memory`` (bytes of
        the output and of the parameters), a row a layer in the order in which they work.
    """
    import pandas as pd
    import torch

    rows: list[dict[str, Any]] = []

    def note(name: str, layer: Any, output: Any) -> None:
        parameters = sum(p.numel() for p in layer.parameters())
        held = sum(p.numel() * p.element_size() for p in layer.parameters())
        row = {"layer": name, "kind": type(layer).__name__, "output": tuple(output.shape[1:])}
        memory = output.numel() * output.element_size() + held
        rows.append(row | {"parameters": parameters, "memory": memory})

    hooks = [
        layer.register_forward_hook(lambda m, _, out, name=name: note(name, m, out))
        for name, layer in model.named_modules()
        if not list(layer.children())
    ]
    training = model.training
    try:
        model.eval()
        with torch.no_grad():
            model(torch.zeros(1, *input_shape))
    finally:
        model.train(training)
        for hook in hooks:
            hook.remove()
    return pd.DataFrame(rows)
