"""`flops`, `params`, `bytes` and `density` of bound models: recorded, held by gates or by size."""

from typing import Any

import pytest
import torch
from torch import nn

import cspec
from cspec.dsl.messages.diagnostic import SpecError

DIGITS = "data train(x, y) = digits(split=[0.3], image=true)\nmodel f = {model}\nminimize ce\n"


def run(model: str, rest: str, **names: Any) -> cspec.Result:
    return cspec.run(DIGITS.format(model=model) + rest, **names)


def test_sizes_of_a_convolutional_network_by_hand() -> None:
    result = run(
        "cnn(channels=[4], hidden=[4])",
        "fit(epochs=1)\nmetric a = flops(f)\nmetric b = params(f)\nmetric c = bytes(f)\n",
    )
    # 8 x 8 images: 4 kernels of 3 x 3 at 64 places, then 64 -> 4 -> 10.
    assert result.metrics["a"] == 2 * (36 * 64 + 64 * 4 + 4 * 10)
    parameters = 36 + 4 + 64 * 4 + 4 + 40 + 10
    assert (result.metrics["b"], result.metrics["c"]) == (parameters, 4 * parameters)


def test_bytes_follow_the_precision_of_a_run() -> None:
    result = run("linear", "fit(epochs=1, precision=float64)\nmetric c = bytes(f)\n")
    assert result.metrics["c"] == 8 * 650


def nonzeros(net: nn.Module) -> dict[str, int]:
    return {name: int((p != 0).sum()) for name, p in net.named_parameters()}


@pytest.mark.parametrize(
    "written",
    ["0.001*bytes(f) <= 1.6", "-bytes(f) >= -1600", "2 - params(f)/1000 >= 1.6",
     "bytes(f)/1000 <= ramp(4, 1.6)", "bytes(f) + 1k <= 2600"],
)  # fmt: skip
def test_what_stands_beside_a_size_goes_to_its_bound(written: str) -> None:
    result = run("mlp(hidden=[16])", f"fit(epochs=1)\nmetric n = params(f)\ns.t. c: {written}\n")
    assert result["c"].satisfied
    assert result.metrics["n"] == 400


@pytest.mark.parametrize(("size", "bound"), [("params", 400), ("bytes", 1600)])
def test_without_gates_the_largest_weights_stay(size: str, bound: int) -> None:
    result = run("mlp(hidden=[8])", f"s.t. c: {size}(f) <= {bound}\nfit(epochs=4)\n")
    left = sum(nonzeros(result.models["f"]).values())
    assert result["c"].value == left * (4 if size == "bytes" else 1) <= bound
    assert left == 400 and result["c"].method == "projection"


@pytest.mark.parametrize(
    ("size", "bound"),
    [("flops", 700), ("params", 360), ("bytes", 1440), ("flops", "ramp(1k, 700)")],
)
def test_gates_meet_a_bound_on_a_size(size: str, bound: float | str) -> None:
    result = run(
        "mlp(hidden=[8], gates=hard_concrete)",
        f"s.t. c: {size}(f) <= {bound}\nfit(epochs=40)\nmetric acc = P[pred == y]\n",
    )
    counts = nonzeros(cspec.runtime.models.deploy_(result.models["f"]))
    weights = {name: n for name, n in counts.items() if name.endswith("weight")}
    sizes = {
        "flops": 2 * sum(weights.values()),
        "params": sum(counts.values()),
        "bytes": 4 * sum(counts.values()),
    }
    assert result["c"].value == sizes[size]
    assert result["c"].satisfied or isinstance(bound, str)
    assert result["c"].value >= 0.5 * result["c"].bound  # gates stop near the bound
    assert result.metrics["acc"] > 0.5


def test_each_weight_by_its_own_density() -> None:
    result = run(
        "mlp(hidden=[8])", "s.t. c: forall W in f.weights: density(W) <= 25%\nfit(epochs=2)\n"
    )
    left = nonzeros(result.models["f"])
    assert (left["fc1.weight"], left["fc2.weight"]) == (512 // 4, 80 // 4)
    assert [c.value for c in result.constraints] == [0.25, 0.25]


def test_the_model_is_seen_with_its_own_inputs() -> None:
    class Words(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.head = nn.Embedding(20, 6), nn.Linear(6, 2)

        def forward(self, tokens: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
            return self.head((self.table(tokens) * weights[..., None]).mean(1))

    tokens = torch.arange(60).reshape(12, 5) % 20
    data = {"t": tokens, "w": torch.rand(12, 5), "y": torch.arange(12) % 2}
    result = cspec.run(
        "data train(t, w, y)\nmodel f\nminimize ce(f(t, w), y)\nfit(epochs=1)\nmetric a = flops(f)",
        train=data,
        f=Words(),
    )
    assert result.metrics["a"] == 2 * 6 * 2


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("s.t. c: flops(f) <= 400", "CS522"),
        ("s.t. c: params(f) <= 300 by lagrangian", "CS522"),
        ("s.t. c: forall W in f.weights: density(W) <= 50% by lagrangian", "CS522"),
        ("s.t. c: params(f) <= 9", "CS522"),
    ],
)
def test_what_no_step_can_move_is_refused_by_name(text: str, code: str) -> None:
    with pytest.raises(SpecError) as caught:
        run("mlp(hidden=[8])", text)
    assert [d.code for d in caught.value.diagnostics] == [code]


def test_operations_of_sequences() -> None:
    class Recurrent(nn.Module):
        def __init__(self, ragged: bool) -> None:
            super().__init__()
            self.ragged = ragged
            self.inner, self.head = nn.GRU(8, 4, batch_first=True), nn.Linear(4, 10)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            rows = x[:, 0]
            if self.ragged:
                lengths = [8 - i % 2 for i in range(len(rows))]
                rows = nn.utils.rnn.pack_padded_sequence(rows, lengths, True, False)
            return self.head(self.inner(rows)[1][0])

    text = "data train(x, y) = digits(split=[0.1], image=true)\nmodel f\nminimize ce\n"
    text += "metric a = flops(f)\nfit(steps=1)"
    result = cspec.run(text, f=Recurrent(ragged=False))
    assert result.metrics["a"] == 2 * 8 * (12 * 8 + 12 * 4) + 2 * 4 * 10
    with pytest.raises(SpecError) as caught:
        cspec.run(text, f=Recurrent(ragged=True))
    (found,) = caught.value.diagnostics
    assert found.code == "CS331" and "`inner` takes sequences of different" in found.message
    with pytest.raises(SpecError, match="CS302"):
        run("linear", "metric a = flops(f.weights)")


def by_loops(net: nn.Module, image: torch.Tensor) -> dict[str, float]:
    """Sizes of a network by plain loops over its entries and over the places it uses them at."""
    places: dict[nn.Module, int] = {}

    def note(layer: nn.Module, _: Any, output: torch.Tensor) -> None:
        places[layer] = output[0, 0].numel() if isinstance(layer, nn.Conv2d) else 1

    layers = [m for m in net.modules() if isinstance(m, nn.Linear | nn.Conv2d)]
    hooks = [layer.register_forward_hook(note) for layer in layers]
    net.eval()(image)
    for hook in hooks:
        hook.remove()
    used = {m: sum(1 for entry in m.weight.flatten().tolist() if entry != 0) for m in layers}
    biases = sum(m.bias.numel() for m in layers if m.bias is not None)
    return {
        "density": sum(used.values()) / sum(m.weight.numel() for m in layers),
        "params": sum(used.values()) + biases,
        "bytes": 4 * (sum(used.values()) + biases),
        "flops": sum(2 * used[m] * places[m] for m in layers),
    }


@pytest.mark.parametrize("model", ["mlp(hidden=[8, 8]{})", "cnn(channels=[4, 6], hidden=[8]{})"])
@pytest.mark.parametrize("gates", ["", ", gates=hard_concrete"])
def test_sizes_after_pruning_are_those_of_the_entries_left(model: str, gates: str) -> None:
    words = ("density", "params", "bytes", "flops")
    result = run(
        model.format(gates),
        "s.t. c: density(f) <= 30%\nfit(epochs=12)\n"
        + "".join(f"metric {word}_ = {word}(f)\n" for word in words),
    )
    net = cspec.runtime.models.deploy_(result.models["f"])
    own = by_loops(net, torch.zeros(1, 1, 8, 8))
    assert {word: result.metrics[f"{word}_"] for word in words} == pytest.approx(own, rel=1e-12)
    assert result["c"].value == pytest.approx(own["density"]) and own["density"] <= 0.3
