"""Networks from a spec: shapes, names, seeds, refusals."""

from typing import Any

import pytest
import torch
from torch import nn

from cspec.runtime.models import MODELS, ModelError, build, model_settings


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("gates", [None, "none", "hard_concrete"])
@pytest.mark.parametrize("side", [8, 28])
def test_images_in_logits_out(name: str, gates: str | None, side: int) -> None:
    torch.manual_seed(0)
    net = build(name, inputs=(1, side, side), outputs=10, gates=gates)
    assert net(torch.randn(4, 1, side, side)).shape == (4, 10)
    single = build(name, inputs=(1, side, side), outputs=1, gates=gates)
    assert single(torch.randn(4, 1, side, side)).shape == (4,)


def test_names_and_sizes_of_the_layers() -> None:
    net = build("cnn", inputs=(3, 8, 8), outputs=5, channels=[4, 6], hidden=[7])
    shapes = {n: tuple(p.shape) for n, p in net.named_parameters() if n.endswith("weight")}
    assert shapes == {
        "conv1.weight": (4, 3, 3, 3),
        "conv2.weight": (6, 4, 3, 3),
        "fc1.weight": (7, 24),
        "fc2.weight": (5, 7),
    }
    assert type(build("linear", inputs=(4,), outputs=2).fc1) is nn.Linear


def test_seed_is_torchs_global_generator() -> None:
    nets = []
    for _ in range(2):
        torch.manual_seed(5)
        nets.append(build("mlp", inputs=(4,), outputs=2, gates="hard_concrete"))
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert torch.equal(a, b)


def test_small_and_gray_images() -> None:
    net = build("cnn", inputs=(3, 3), outputs=2, channels=[4, 4, 4])
    assert net(torch.randn(2, 3, 3)).shape == (2, 2)


def test_settings_take_effect() -> None:
    names = {type(m).__name__ for m in build("mlp", inputs=(2,), outputs=1, act="tanh").modules()}
    assert "Tanh" in names and "ReLU" not in names
    assert build("linear", inputs=(2,), outputs=1, bias=False).fc1.bias is None
    dropping = build("mlp", inputs=(2,), outputs=1, hidden=8, dropout=0.25)
    assert dropping.dropout1.p == 0.25
    assert set(model_settings("linear")) == {"bias", "gates", "drop_rate"}


@pytest.mark.parametrize(
    ("name", "settings", "words"),
    [
        ("mpl", {}, "unknown model `mpl`; known: linear, mlp, cnn"),
        ("mlp", {"widths": [3]}, "mlp has no setting `widths`; known: hidden, act"),
        ("mlp", {"act": "rel"}, "unknown activation `rel`"),
        ("mlp", {"hidden": [0]}, "hidden holds whole numbers of at least 1, but one is 0"),
        ("mlp", {"hidden": [2.5]}, "but one is 2.5"),
        ("linear", {"gates": "soft"}, "unknown gates `soft`; known: none, hard_concrete"),
        ("cnn", {}, r"needs images .* shape \(64,\); give the data as images"),
        ("mlp", {"gates": "hard_concrete", "drop_rate": 0}, "drop_rate must lie"),
        ("mlp", {"dropout": 1.5}, "mlp can't be built: dropout probability"),
    ],
)
def test_refusals_say_what_to_write(name: str, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelError, match=words):
        build(name, inputs=(64,), outputs=10, **settings)
