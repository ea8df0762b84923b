"""Names meet data and models."""

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import cspec
from cspec.compiler.records.program import DataSetup, ModelSetup, SourceCall, VariableSetup
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.text.source import Source, Span
from cspec.runtime.bind.bind import Inputs, bind, facts
from cspec.runtime.bind.text import read_call

XY = (("x", "x"), ("y", "y"))
QUICK = "minimize ce s.t. density(model) <= 0.5"
IMPLIED = Inputs(
    data=(DataSetup(targets=(("data", XY),)),),
    models=(ModelSetup(name="model"),),
    needs={"data": Span(9, 11), "model": Span(25, 30)},
    source=Source(text=QUICK),
)


def classes(data: Any) -> dict[str, int]:
    return {"model": len(data["data"].columns["y"].classes)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linear", SourceCall(name="linear")),
        (
            "mlp(hidden=[64, 32], gates=hard_concrete, dropout=10%)",
            SourceCall(
                name="mlp", settings={"hidden": [64, 32], "gates": "hard_concrete", "dropout": 0.1}
            ),
        ),
        ("digits(split=[0.7, 0.3], image=true)",
         SourceCall(name="digits", settings={"split": [0.7, 0.3], "image": True})),
        ('csv("a b.csv")', SourceCall(name="csv", settings={"path": "a b.csv"})),
        ("net.py:Net", SourceCall(name="Net", module="net.py")),
        ("a.b:Net(n=-3)", SourceCall(name="Net", module="a.b", settings={"n": -3})),
        ("net.py:Net(1, true, n=2)",
         SourceCall(name="Net", module="net.py", arguments=(1, True), settings={"n": 2})),
    ],
)  # fmt: skip
def test_texts_are_read_without_evaluation(text: str, expected: SourceCall) -> None:
    assert read_call(text) == expected


def test_imported_factories_take_positional_arguments(tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text(
        "import torch\n"
        "def net(inputs, outputs=9, *, bias=True):\n"
        "    return torch.nn.Linear(inputs, outputs, bias=bias)\n"
        "def pairs(count, width=3):\n"
        "    x = torch.arange(float(count * width)).reshape(count, width)\n"
        "    return {'x': x, 'y': torch.arange(count) % 2}\n"
    )
    (tmp_path / "a.cspec").write_text(
        'param wide = 4\nfrom "made.py" import net, pairs\ndata train(x, y) = pairs(20, wide)\n'
        "model f = net(wide, 2, bias=false)\nminimize ce(f(x), y)\nfit(epochs=1)\n"
    )
    result = cspec.run(tmp_path / "a.cspec", out=tmp_path / "run")
    assert result.model.weight.shape == (2, 4) and result.model.bias is None
    assert "f = net(wide, 2, bias=false)" in (tmp_path / "run/spec.cspec").read_text()
    with pytest.raises(SpecError, match="missing 1 required positional argument"):
        bind(replace(IMPLIED, base=tmp_path), {"data": "digits", "model": "made.py:net()"})


@pytest.mark.parametrize(
    "text",
    ["", "mlp(", "mlp(hidden=1+1)", "a.b", "mlp(x=f())", "mlp\nfit(seed=1)", "1"],
)
def test_other_texts_are_refused(text: str) -> None:
    with pytest.raises(SpecError):
        read_call(text)


@pytest.mark.parametrize(
    ("text", "message", "help_"),
    [
        ("train.csv", "this is a file", 'write csv("train.csv", target="y")'),
        ("../a.PARQUET", "this is a file", 'write parquet("../a.PARQUET", target="y")'),
        ("csv('a.csv', target='y')", "strings stand between plain", 'write `"a.csv"`'),
        ("mlp(hidden=[64)", "`[` is never closed", "add `]` before `)`: `[64]`"),
        ("resnet-18", "this is no name with settings", "write it like mlp(hidden=[64]), "),
        ("net.py:Net(", "this is no name with settings", "write it like mlp(hidden=[64]), "),
    ],
    ids=range(6),
)
def test_refused_texts_are_told_what_to_write(text: str, message: str, help_: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_call(text)
    (found,) = caught.value.diagnostics
    assert found.message.startswith(f"can't bind to `{text}`: {message}")
    assert found.helps[0].startswith(help_)


def test_everything_that_misses_is_said_at_once_where_it_is_needed() -> None:
    with pytest.raises(SpecError) as caught:
        bind(IMPLIED, {"modle": 3})
    found = caught.value.diagnostics
    assert [d.message for d in found] == [
        "data `data` is not bound",
        "nothing is called `modle`, so it can't be bound",
    ]
    assert [QUICK[slice(*d.span)] for d in found[:1]] == ["ce"]


def test_implied_data_bring_their_splits_and_models_fit_them() -> None:
    text = {"data": "digits", "model": "mlp(hidden=[16])"}
    bound = bind(IMPLIED, text, outputs=classes)
    assert list(bound.data) == ["data", "val", "test"]
    assert bound.models["model"](bound.data["data"]["x"][:3]).shape == (3, 10)
    assert bound.model_setups[0].source.outputs == 10
    found = facts(bound)
    assert found.data["data"].columns["y"].classes == tuple(range(10))
    assert sum(found.data["data"].columns["y"].counts) == found.data["data"].rows
    assert [p.name for p in found.models["model"].parameters if p.prunable] == [
        "fc1.weight",
        "fc2.weight",
    ]


def test_the_seed_alone_decides_the_weights() -> None:
    text = {"data": "digits", "model": "mlp(hidden=[16])"}
    first, again, other = (bind(IMPLIED, text, seed=s, outputs=classes) for s in (4, 4, 5))
    weight, same, different = (b.models["model"].fc1.weight for b in (first, again, other))
    assert torch.equal(weight, same) and not torch.equal(weight, different)


def test_facts_leave_generators_and_modes_alone() -> None:
    net = nn.Sequential(nn.Linear(64, 8), nn.BatchNorm1d(8), nn.Dropout())
    bound = bind(IMPLIED, {"data": "digits", "model": net})
    assert bound.models["model"] is net
    state, mean = torch.get_rng_state(), net[1].running_mean.clone()
    facts(bound)
    assert torch.equal(state, torch.get_rng_state()) and net[2].training
    assert torch.equal(mean, net[1].running_mean)


FOLLOWED = """data train(x, y)
model f
minimize mse(f(x), y)
s.t. flat: E[abs(grad(f(x), x)[0])] <= 0.2
fit(epochs=2)"""


def made() -> tuple[torch.Tensor, torch.Tensor, nn.Module]:
    draw = torch.Generator().manual_seed(0)
    x, y = torch.randn(20, 4, generator=draw), torch.randn(20, generator=draw)
    torch.manual_seed(1)
    return x, y, nn.Linear(4, 1)


@pytest.mark.parametrize(
    "form",
    [
        lambda x, y: (x, y),
        lambda x, y: {"x": x, "y": y},
        lambda x, y: torch.utils.data.TensorDataset(x, y),
        lambda x, y: [(x[:10], y[:10]), (x[10:], y[10:])],
    ],
)
def test_data_made_in_inference_mode_are_as_any(form: Any) -> None:
    values = []
    for mode in (False, True):
        with torch.inference_mode(mode):
            x, y, _ = made()
        data = form(x, y)
        values.append(cspec.run(FOLLOWED, f=made()[2], train=data).objective)
        assert x.is_inference() is mode
    assert values[0] == values[1]


def test_inference_mode_around_a_run_changes_nothing() -> None:
    found = []
    for mode in (False, True):
        x, y, net = made()
        with torch.inference_mode(mode):
            built = FOLLOWED.replace("model f", "model f = mlp(hidden=[3])")
            found.append(cspec.run(built, train=(x, y)).objective)
            found.append(cspec.run(FOLLOWED, f=net, train=(x, y)).objective)
            found.append(cspec.run("var v = 1\nminimize (v - 3)^2\ns.t. v <= 2").vars["v"])
    assert found[:3] == found[3:]


def test_models_made_in_inference_mode_are_refused_by_name(tmp_path: Path) -> None:
    with torch.inference_mode():
        x, y, net = made()
    refused = pytest.raises(SpecError, match="`f` was made in inference mode")
    with refused:
        cspec.run(FOLLOWED, f=net, train=(x, y))
    with refused:
        cspec.bind(FOLLOWED, f=net, optimizer=torch.optim.SGD(net.parameters()))
    mine = copy.deepcopy(net)
    cspec.run(FOLLOWED, f=mine, train=(x, y), out=tmp_path / "run")
    with refused:
        cspec.load_weights(tmp_path / "run", f=net)


class OfNoLength(nn.Linear):
    def __len__(self) -> int:
        return 0


def test_a_model_is_one_whatever_its_length() -> None:
    draw = torch.Generator().manual_seed(0)
    data = torch.randn(20, 4, generator=draw), torch.randint(0, 3, (20,), generator=draw)
    result = cspec.run("minimize ce\nfit(epochs=1)", model=OfNoLength(4, 3), data=data)
    assert result.metrics == {} and result.objective > 0


def test_python_objects_of_several_kinds_are_data() -> None:
    x, y = np.random.default_rng(0).normal(size=(20, 4)), np.arange(20) % 3
    model = nn.Linear(4, 3)
    for data in ((x, y), {"x": x, "y": y}, {"train": (x, y), "test": (x[:5], y[:5])}):
        bound = bind(IMPLIED, {"data": data, "model": model})
        assert bound.data["data"]["x"].shape == (20, 4)
    assert len(bound.data["test"]) == 5
    beside = bind(IMPLIED, {"data": (x, y), "test": (x, y), "model": model})
    assert list(beside.data) == ["data", "test"]


def test_columns_are_renamed_and_missing_ones_named() -> None:
    setup = DataSetup(targets=(("train", (("x", "x"), ("status", "marital-status"))),))
    data = {"x": np.zeros((4, 2)), "marital-status": ["a", "b", "a", "b"]}
    bound = bind(Inputs(data=(setup,)), {"train": data})
    assert bound.data["train"].classes["status"] == ("a", "b")
    with pytest.raises(SpecError, match="marital-status"):
        bind(Inputs(data=(setup,)), {"train": {"x": np.zeros((4, 2))}})


def test_models_come_from_a_file_beside_the_spec_only(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text(
        "import torch\ndef make(width=4):\n    return torch.nn.Linear(64, width)\n"
    )
    inputs = Inputs(data=IMPLIED.data, models=IMPLIED.models, base=tmp_path)
    bound = bind(inputs, {"data": "digits", "model": "net.py:make(width=7)"})
    assert bound.models["model"].out_features == 7
    for text, why in [
        ("../net.py:make", "outside"),
        ("other.py:make", "no file"),
        ("net.py:nothing", "defines no"),
        ("net.py:torch", "no model"),
        ("net.py:make(depth=3)", "TypeError"),
    ]:
        with pytest.raises(SpecError, match=why):
            bind(inputs, {"data": "digits", "model": text})


def test_frozen_copies_and_variables() -> None:
    inputs = Inputs(
        data=IMPLIED.data,
        models=(ModelSetup(name="ref", frozen_of="net"), ModelSetup(name="net")),
        variables=(VariableSetup(name="w", shape=(3,), start=(1.0, 2.0, 3.0)),),
    )
    net = nn.Linear(64, 2)
    bound = bind(inputs, {"data": "digits", "net": net})
    assert list(bound.models) == ["ref", "net"]
    assert torch.equal(bound.models["ref"].weight, net.weight)
    assert not bound.models["ref"].weight.requires_grad and facts(bound).models["ref"].frozen
    assert bound.variables["w"].tolist() == [1.0, 2.0, 3.0]


def test_what_is_no_data_or_model_is_named() -> None:
    for binding, why in [
        ({"data": "digits", "model": 3}, "no model"),
        ({"data": "digits", "model": "mlp(hiden=[3])"}, "hiden"),
        ({"data": "nothing", "model": "mlp"}, "nothing"),
        ({"data": 3, "model": "mlp"}, "no data"),
        ({"data": (np.full((3, 2), np.nan), np.arange(3)), "model": "mlp"}, "NaN"),
    ]:
        with pytest.raises(SpecError, match=why):
            bind(IMPLIED, binding, outputs={"model": 10})
