"""Density, counts and operations of plain and gated networks, counted by hand."""

from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cspec.runtime.functions import (
    Uncounted,
    bytes_,
    density,
    expected_density,
    flops,
    operations,
    params,
    prunable,
)
from cspec.runtime.models import HardConcreteLinear, clamp_gates, deploy_, mlp


def _conv_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(32, 5)
    )


def test_prunable_leaves_biases_normalization_and_gates_out() -> None:
    assert [name for name, _ in prunable(_conv_net())] == ["0.weight", "4.weight"]
    gated = mlp(4, 3, hidden=[5], gates="hard_concrete")
    assert [name for name, _ in prunable(gated)] == ["fc1.weight", "fc2.weight"]
    block = nn.TransformerEncoderLayer(8, 2, 16)
    assert not any("norm" in name or "bias" in name for name, _ in prunable(block))
    assert "self_attn.in_proj_weight" in dict(prunable(block))


def test_shared_weights_count_once() -> None:
    tied = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    tied[1].weight = tied[0].weight
    assert len(prunable(tied)) == 1


def test_density_counts_exactly() -> None:
    net = nn.Linear(10, 10)
    with torch.no_grad():
        net.weight.fill_(1.0).view(-1)[:30] = 0.0
    assert density(net).item() == 0.7
    assert expected_density(net).item() == pytest.approx(0.7)
    with pytest.raises(ValueError, match="no prunable weight"):
        density(nn.ReLU())


def test_gates_that_are_off_count_as_zero() -> None:
    layer = HardConcreteLinear(10, 10)
    with torch.no_grad():
        layer.weight.fill_(1.0).view(-1)[:10] = 0.0
        layer.log_alpha.fill_(4.0).view(-1)[5:45] = -4.0
    assert density(layer).item() == 0.55
    assert density(layer).item() == density(deploy_(layer)).item()
    shares = torch.sigmoid(torch.tensor([4.0, -4.0], dtype=torch.float64) + 1.598597)
    expected = (60 * shares[0] + 40 * shares[1]) / 100
    assert expected_density(layer).item() == pytest.approx(expected.item(), abs=1e-6)


def test_expected_density_moves_the_gates() -> None:
    torch.manual_seed(0)
    net = mlp(6, 3, hidden=[8], gates="hard_concrete", drop_rate=0.5)
    gates = [p for name, p in net.named_parameters() if name.endswith("log_alpha")]
    optimizer = torch.optim.Adam(gates, lr=0.2)
    for _ in range(60):
        optimizer.zero_grad()
        expected_density(net).backward()
        optimizer.step()
        clamp_gates(net)
    assert density(net).item() == 0.0
    assert min(g.min().item() for g in gates) >= -4.6 - 1e-6


def test_parameters_bytes_and_operations_by_hand() -> None:
    net = _conv_net()
    uses, other = operations(net, [torch.zeros(3, 1, 4, 4)])
    assert (uses, other) == ({"0": 16, "4": 1}, 0)
    assert params(net).item() == 18 + 2 + 2 + 160 + 5  # a fresh normalization has biases of 0
    assert bytes_(net).item() == 4 * params(net).item()
    assert flops(net, uses).item() == 2 * (18 * 16 + 160)
    with torch.no_grad():
        net[4].weight[:, :16] = 0.0
    assert params(net).item() == 18 + 2 + 2 + 80 + 5
    assert flops(net, uses, 7).item() == 2 * (18 * 16 + 80) + 7
    assert net[1].training and net[1].num_batches_tracked.item() == 0


@pytest.mark.parametrize("still", [False, True])
def test_zeros_of_biases_and_normalization_are_not_counted(still: bool) -> None:
    net = _conv_net().double()
    with torch.no_grad():
        net[0].weight[0] = 0.0
        net[0].bias[0] = 0.0
        net[1].weight[1] = 0.0
        net[4].bias[:3] = 0.0
    net[4].bias.requires_grad_(not still)
    by_hand = sum(int((p != 0).sum()) for p in net.parameters())
    assert params(net).item() == params(net, expected=True).item() == by_hand
    assert bytes_(net).item() == 8 * by_hand


def test_expected_counts_have_a_gradient() -> None:
    net = mlp(4, 2, hidden=[3], gates="hard_concrete")
    uses = {"fc1": 1, "fc2": 1}
    for cost in (params(net, expected=True), flops(net, uses, expected=True)):
        gradients = torch.autograd.grad(cost, [p for n, p in net.named_parameters() if "log" in n])
        assert all(bool((g > 0).all()) for g in gradients)
    assert params(net).item() == 12 + 3 + 6 + 2


def test_operations_outside_of_layers_count_too() -> None:
    length, width, heads, inner = 5, 8, 2, 16
    block = nn.TransformerEncoderLayer(width, heads, inner, batch_first=True)
    uses, other = operations(block, [torch.zeros(3, length, width)])
    assert uses == {"linear1": length, "linear2": length}
    projections = 2 * length * width * 4 * width  # queries, keys, values, and what comes out
    attention = 2 * heads * 2 * length * length * (width // heads)
    assert other == projections + attention
    assert block.training


def test_an_embedding_takes_whole_numbers_and_no_operations() -> None:
    net = nn.Sequential(nn.Embedding(10, 4), nn.Flatten(), nn.Linear(20, 2))
    assert operations(net, [torch.zeros(3, 5, dtype=torch.int64)]) == ({"2": 1}, 0)


def counted(net: nn.Module, *given: torch.Tensor) -> int:
    uses, other = operations(net, list(given))
    return int(flops(net, uses, other))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("options", [{}, {"num_layers": 3}, {"bidirectional": True}])
@pytest.mark.parametrize("kind", [nn.RNN, nn.GRU, nn.LSTM])
def test_recurrent_layers_use_their_weights_at_each_step(
    kind: type[nn.RNNBase], options: dict[str, Any], bias: bool
) -> None:
    steps, takes, gives = 5, 3, 4
    by_hand = 0
    gates = {nn.RNN: 1, nn.GRU: 3, nn.LSTM: 4}[kind]
    both = options.get("bidirectional", False) + 1
    for _ in range(steps):
        for layer in range(options.get("num_layers", 1)):
            for _ in range(both):
                for _ in range(gates * gives):  # a row of the weights times what comes in
                    by_hand += 2 * (gives * both if layer else takes) + 2 * gives
    net = kind(takes, gives, batch_first=True, bias=bias, **options)
    assert counted(net, torch.randn(3, steps, takes)) == by_hand
    with torch.no_grad():
        net.weight_hh_l0[:2] = 0.0
    assert counted(net, torch.randn(3, steps, takes)) == by_hand - 2 * steps * 2 * gives


@pytest.mark.filterwarnings("ignore:LSTM with projections")
def test_sequences_in_other_layouts() -> None:
    class Last(nn.Module):
        def __init__(self, form: str) -> None:
            super().__init__()
            self.form, self.proj = form, 2 if form == "projected" else 0
            self.inner = nn.LSTM(3, 4, batch_first=form != "steps first", proj_size=self.proj)
            self.head = nn.Linear(self.proj or 4, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            match self.form:
                case "steps first":
                    return self.head(self.inner(x.transpose(0, 1))[0]).sum(0)
                case "one by one":
                    return torch.stack([self.head(self.inner(one)[0]).sum(0) for one in x])
                case "halves":
                    found = self.inner(x.reshape(2 * len(x), -1, 3))[0]
                    return self.head(found).reshape(len(x), -1, 2).sum(1)
                case "packed" | "ragged":
                    lengths = [6 - (self.form == "ragged") * i for i in range(len(x))]
                    packed = nn.utils.rnn.pack_padded_sequence(x, lengths, batch_first=True)
                    return self.head(self.inner(packed)[1][0][-1])
            return self.head(self.inner(x)[0]).sum(1)

    x = torch.randn(4, 6, 3)
    for form in ("plain", "steps first", "one by one", "halves"):
        assert counted(Last(form), x) == 6 * 2 * (16 * 3 + 16 * 4) + 6 * 2 * 4 * 2
    assert counted(Last("packed"), x) == 6 * 2 * (16 * 3 + 16 * 4) + 2 * 4 * 2
    assert counted(Last("projected"), x) == 6 * 2 * (16 * 3 + 16 * 2 + 2 * 4) + 6 * 2 * 2 * 2
    with pytest.raises(Uncounted, match="`inner` takes sequences of different lengths"):
        counted(Last("ragged"), x)


def by_places(layer: nn.modules.conv._ConvNd, size: int) -> int:
    """Multiplications of a convolution by loops over filters, and over where each stands."""
    spread = isinstance(layer, nn.modules.conv._ConvTransposeNd)
    found = 1
    for kernel, stride, pad, apart in zip(
        layer.kernel_size, layer.stride, layer.padding, layer.dilation, strict=True
    ):
        assert isinstance(pad, int)
        starts = range(-pad, size + pad - apart * (kernel - 1), stride)
        places = size if spread else len(starts)
        found *= places * kernel
    return 2 * found * layer.out_channels * layer.in_channels // layer.groups


@pytest.mark.parametrize("dimensions", [1, 2, 3])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"stride": 2},
        {"padding": 1},
        {"groups": 2},
        {"dilation": 2},
        {"stride": 2, "padding": 1},
    ],
)
def test_convolutions_count_as_torch_counts_them(dimensions: int, options: dict[str, int]) -> None:
    x = torch.randn(2, 4, *[7] * dimensions)
    more = {"output_padding": 1} if "stride" in options else {}
    for layer in (
        getattr(nn, f"Conv{dimensions}d")(4, 6, 3, **options),
        getattr(nn, f"ConvTranspose{dimensions}d")(4, 6, 3, **options, **more),
    ):
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            layer(x[:1])
        assert counted(layer, x) == counter.get_total_flops() == by_places(layer, 7)
        uses, other = operations(layer, [x])
        assert other == 0
        with torch.no_grad():
            layer.weight[:2] = 0.0
        share = (layer.weight != 0).sum() / layer.weight.numel()
        assert int(flops(layer, uses)) == pytest.approx(float(share) * by_places(layer, 7))


def test_the_density_of_a_tensor() -> None:
    values = torch.tensor([0.0, 1.0, -2.0, 0.0, 3.0])
    assert density(values).item() == pytest.approx(0.6)
