"""Oracle: networks against the shapes of published ones, and against closed forms."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from monai.networks import nets
from torch import nn

from radiomics import models
from radiomics.models import resnet
from radiomics.plugins import ConfigurationError


def shapes(network: nn.Module) -> list[tuple[int, ...]]:
    return [tuple(p.shape) for p in network.parameters()]


def test_lenet_has_its_ten_parameters() -> None:
    network = models.build("lenet", input_shape=(1, 32, 32), outputs=10)
    assert shapes(network) == [
        (6, 1, 3, 3), (6,), (16, 6, 3, 3), (16,),
        (120, 576), (120,), (84, 120), (84,), (10, 84), (10,),
    ]  # fmt: skip


def test_the_network_of_fashion_mnist() -> None:
    options = {"channels": (6, 12), "kernel": 5, "padding": "none", "batch_norm": False}
    network = models.build("cnn", input_shape=(1, 28, 28), outputs=10, hidden=(120, 60), **options)
    assert [s for s in shapes(network) if len(s) > 1] == [
        (6, 1, 5, 5), (12, 6, 5, 5), (120, 192), (60, 120), (10, 60),
    ]  # fmt: skip


def test_the_network_of_birds_and_airplanes() -> None:
    network = models.build("cnn", input_shape=(3, 32, 32), outputs=2, channels=(16, 8))
    assert [s for s in shapes(network) if len(s) > 1] == [
        (16, 3, 3, 3), (8, 16, 3, 3), (32, 512), (2, 32),
    ]  # fmt: skip


def test_the_mlps_of_mnist_and_temperature() -> None:
    mnist = models.build("mlp", input_shape=(1, 28, 28), outputs=10, widths=(128, 400))
    assert shapes(mnist)[::2] == [(128, 784), (400, 128), (10, 400)]
    warm = models.build("mlp", input_shape=(1,), widths=(13,), activation="tanh")
    assert shapes(warm) == [(13, 1), (13,), (1, 13), (1,)]


@pytest.mark.parametrize("dims", [2, 3])
@pytest.mark.parametrize("stem", ["small", "large"])
def test_sizes_follow_the_formula(dims: int, stem: str) -> None:
    shape = (2, *(40, 44, 48)[:dims])
    network = models.build("resnet", input_shape=shape, outputs=3, width=4, stem=stem)
    table = models.summary(network, shape).set_index("layer")
    size = list(shape[1:])
    for name, layer in network.named_modules():
        if isinstance(layer, nn.Conv2d | nn.Conv3d) and "shortcut" not in name:
            (f,), (p,), (s,) = (
                {int(v) for v in value}
                for value in (layer.kernel_size, layer.padding, layer.stride)
            )
            size = [(n - f + 2 * p) // s + 1 for n in size]
        elif isinstance(layer, nn.MaxPool2d | nn.MaxPool3d):
            size = [(n - 3 + 2) // 2 + 1 for n in size]
        else:
            continue
        assert table.output[name][1:] == tuple(size)


def test_a_summary_counts_parameters_and_memory() -> None:
    network = models.build("mlp", input_shape=(5,), outputs=2, widths=(7,))
    table = models.summary(network, (5,))
    assert table.kind.tolist() == ["Flatten", "Linear", "ReLU", "Linear"]
    assert table.output.tolist() == [(5,), (7,), (7,), (2,)]
    assert table.parameters.tolist() == [0, 42, 0, 16]
    assert table.memory.tolist() == [4 * (5 + 0), 4 * (7 + 42), 4 * 7, 4 * (2 + 16)]
    assert network.training  # as it was


@pytest.mark.parametrize("dims", [2, 3])
def test_a_block_without_weights_passes_its_input(dims: int) -> None:
    block = resnet.Block(dims, 4, 4, 1)
    for parameter in block.body.parameters():
        nn.init.zeros_(parameter)
    x = torch.randn(2, 4, *(6,) * dims)
    torch.testing.assert_close(block(x), x.relu())


def test_shortcuts_are_projections_only_where_something_changes() -> None:
    network = models.build("resnet", input_shape=(1, 8, 8), blocks=(2, 1), width=4)
    blocks = [m for m in network.modules() if isinstance(m, resnet.Block)]
    assert [isinstance(b.shortcut, nn.Identity) for b in blocks] == [True, True, False]


def test_resnet_18_has_as_many_parameters_as_torchvisions() -> None:
    ours = models.build("resnet", input_shape=(3, 64, 64), outputs=1000, stem="large")
    theirs = torchvision.models.resnet18()
    assert sum(map(math.prod, shapes(ours))) == sum(map(math.prod, shapes(theirs)))


@pytest.mark.parametrize("channels", [1, 2])
def test_pretrained_colours_become_grey(monkeypatch: pytest.MonkeyPatch, channels: int) -> None:
    trained = torchvision.models.resnet18()
    before = trained.conv1
    monkeypatch.setattr(torchvision.models, "get_model", lambda *_, **__: trained)
    shape = (channels, 64, 64)
    network = models.build("torchvision_resnet", input_shape=shape, pretrained=True)
    grey = torch.randn(1, 1, 64, 64)
    torch.testing.assert_close(
        network.conv1(grey.expand(1, *shape)),
        before(grey.expand(1, 3, 64, 64)),
        rtol=1e-4,
        atol=1e-4,
    )


@pytest.mark.parametrize(
    ("name", "shape", "options", "message"),
    [
        ("cnn", (5,), {}, "takes samples images"),
        ("cnn", (1, 8, 8), {"dims": 3}, r"\(C, D, H, W\)"),
        ("cnn", (1, 8, 8), {"channels": (4,) * 4}, "leave nothing of samples"),
        ("resnet", (1, 8, 8, 8), {"dims": 2}, r"\(C, H, W\)"),
        ("lenet", (1, 9, 9), {}, "from 10 x 10 on"),
        ("monai_resnet", (5,), {}, "images or volumes"),
        ("torchvision_resnet", (1, 8, 8, 8), {}, r"images \(C, H, W\)"),
    ],
)
def test_samples_of_another_shape_are_refused(
    name: str, shape: tuple[int, ...], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        models.build(name, input_shape=shape, **options)


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="odd number of voxels"):
        models.build("cnn", input_shape=(1, 8, 8), kernel=4)


@pytest.mark.parametrize("depth", [10, 18])
def test_weights_of_medicalnet_are_taken(tmp_path: Path, depth: int) -> None:
    short = depth == 18
    source = getattr(nets, f"resnet{depth}")(
        spatial_dims=3,
        n_input_channels=1,
        num_classes=2,
        shortcut_type="A" if short else "B",
        bias_downsample=short,
    )
    stored = {f"module.{k}": v for k, v in source.state_dict().items() if not k.startswith("fc.")}
    path = tmp_path / "resnet.pth"
    torch.save({"state_dict": stored}, path)
    shape = (2, 24, 24, 24)
    network = models.build("monai_resnet", input_shape=shape, depth=depth, weights=path).eval()
    source.fc, network.fc = torch.nn.Identity(), torch.nn.Identity()
    x = torch.randn(2, 1, 24, 24, 24)
    with torch.no_grad():
        assert torch.allclose(network(x.expand(2, *shape)), source.eval()(x), atol=1e-4)
    other = 10 if short else 18
    with pytest.raises(ValueError, match="weights of another network"):
        models.build("monai_resnet", input_shape=shape, depth=other, weights=path)
    with pytest.raises(ValueError, match="volumes"):
        models.build("monai_resnet", input_shape=(1, 32, 32), depth=depth, weights=path)
    path.write_bytes(b"no weights")
    with pytest.raises(ValueError, match="cannot be read"):
        models.build("monai_resnet", input_shape=shape, depth=depth, weights=path)
    for content in ([1, 2], {"epoch": 3}):
        torch.save(content, path)
        with pytest.raises(ValueError, match="tensors by name"):
            models.build("monai_resnet", input_shape=shape, depth=depth, weights=path)
