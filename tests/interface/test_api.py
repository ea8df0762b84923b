"""cspec from Python."""

import random
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import cspec

NLP = """param low = 1
var x = 3
minimize x^2
s.t. floor: x >= low
using augmented_lagrangian(penalty=10)
fit(optimizer=sgd(lr=0.05), steps=1200)
"""


def test_parse_check_format_explain() -> None:
    assert cspec.parse("minimize ce").items
    assert cspec.check("minimize ce") == ()
    (found,) = cspec.check("minimize ce s.t. density(model) <= 50")
    assert found.code == "CS311"
    assert cspec.format("minimize   ce") == "minimize ce\n"
    assert "floor" in cspec.explain(NLP)


def test_errors_show_the_text_and_hide_the_stages() -> None:
    with pytest.raises(cspec.SpecError) as caught:
        cspec.load("minimize ce s.t. density(model) <= 50")
    assert str(caught.value).startswith("\nerror[CS311]") and "^^" in str(caught.value)
    assert caught.value.diagnostics[0].code == "CS311"
    with pytest.raises(cspec.SpecError, match="CS140"):
        cspec.load(Path("nowhere.cspec"))
    with pytest.raises(AttributeError):
        cspec.nonsense  # noqa: B018


def test_names_bind_params_models_and_data() -> None:
    result = cspec.run(NLP, low=2)
    assert result.satisfied and result.vars["x"] == pytest.approx(2, abs=1e-3)
    x = torch.randn(64, 4, generator=torch.Generator().manual_seed(0))
    data = {"x": x, "y": (x[:, 0] > 0).long()}
    torch.manual_seed(0)
    net = torch.nn.Linear(4, 2)
    before = net.weight.detach().clone()
    result = cspec.run("minimize ce\nfit(epochs=2)", model=net, data=data)
    assert result.status == "satisfied" and result.model is net
    assert not torch.equal(before, net.weight)
    with pytest.raises(cspec.SpecError, match="`model` is not bound"):
        cspec.run("minimize ce", data=data)


def test_files_are_read_and_name_their_folder(tmp_path: Path) -> None:
    (tmp_path / "a.cspec").write_text(NLP)
    program = cspec.compile(tmp_path / "a.cspec")
    assert program.source.startswith('"""') and program.params == {"low": 1.0}
    assert program.source == cspec.compile(str(tmp_path / "a.cspec")).source


def test_run_folders_come_with_a_report(tmp_path: Path) -> None:
    result = cspec.run(NLP, out=tmp_path / "r")
    assert result.out == str(tmp_path / "r")
    assert "<svg" in (tmp_path / "r" / "report.html").read_text()


def test_bind_moves_multipliers_in_a_loop_of_ones_own() -> None:
    torch.manual_seed(0)
    net = torch.nn.Linear(4, 2)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1)
    spec = "minimize ce\ns.t. small: forall W in model.weights: sumsq(W) <= 0.01\nusing lagrangian"
    handle = cspec.bind(spec, model=net, optimizer=optimizer)
    x, y = torch.randn(32, 4), torch.randint(0, 2, (32,))
    before = dict(handle.multipliers)
    for _ in range(3):
        optimizer.zero_grad()
        handle.loss(x=x, y=y).backward()
        optimizer.step()
    (after,) = handle.multipliers.values()
    assert set(before.values()) == {0.0} and after > 0
    with pytest.raises(cspec.SpecError, match="`model` is not bound"):
        cspec.bind(spec, optimizer=optimizer)


def test_given_values_need_no_model() -> None:
    theta = torch.nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([theta], lr=0.1)
    handle = cspec.bind(
        "given loss, cost\nminimize loss\ns.t. budget: cost <= 1\nusing lagrangian(dual=sgd(lr=1))",
        optimizer=optimizer,
    )
    handle.loss(loss=(theta**2).sum(), cost=theta.sum() + 3).backward()
    optimizer.step()
    assert handle.multipliers == {"budget": pytest.approx(2)}


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cspec.functions._REGISTRY", {})


def test_a_function_of_ones_own_is_checked_and_run(registry: None) -> None:
    @cspec.function(range=(0, 1))
    def squash(w: torch.Tensor) -> torch.Tensor:
        """Mean of a sigmoid."""
        return torch.sigmoid(w).mean()

    (found,) = cspec.check("minimize ce\ns.t. c: forall W in model.weights: squash(W) <= 3")
    assert found.code == "CS311" and "lies in [0, 1]" in found.label
    spec = "minimize ce\ns.t. c: forall W in model.weights: squash(W) <= 0.6\nfit(epochs=1)"
    x = torch.randn(16, 3)
    result = cspec.run(spec, model=torch.nn.Linear(3, 2), data=(x, (x[:, 0] > 0).long()))
    value = float(squash(result.model.weight.detach()))
    assert result.constraints[0].value == pytest.approx(value)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: cspec.function(name="ce")(lambda x: x), "has a function of this name"),
        (lambda: cspec.function(name="f", range=(1, 0))(lambda x: x), "empty"),
        (lambda: cspec.function(name="f")(lambda: 1), "no argument"),
        (lambda: cspec.function(name="f")(lambda *, x: 1), "can't be written"),
    ],
)
def test_functions_that_can_not_be_are_refused(registry: None, make, says: str) -> None:
    with pytest.raises(cspec.SpecError, match=says):
        make()


def seeded() -> None:
    random.seed(5)
    np.random.seed(5)
    torch.manual_seed(5)


def draws() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), torch.rand(()).item()


def test_the_callers_random_numbers_are_left_alone() -> None:
    spec = "data train(x, y) = digits()\nmodel f = linear\nminimize ce(f(x), y)\nfit(steps=2)"
    seeded()
    expected = draws()
    seeded()
    cspec.run(spec)
    cspec.compile(spec)
    assert draws() == expected


def test_settings_of_fit_come_from_outside(tmp_path: Path) -> None:
    data = {"x": torch.randn(40, 3), "y": torch.arange(40) % 2}
    text = "minimize ce\nfit(epochs=2, batch_size=20)  # kept"
    for given in ({"epochs": 4}, "epochs=4"):
        out = tmp_path / type(given).__name__
        result = cspec.run(text, model="linear", data=data, fit=given, out=out)
        assert result.epochs == 4 and result.steps == 8
        assert "epochs=4" in (out / "spec.cspec").read_text()
        assert cspec.verify(out, data=data).holds
    assert cspec.load("minimize ce", fit={"steps": 7}).fit.steps == 7
    with pytest.raises(cspec.SpecError, match="epoch"):
        cspec.run(text, model="linear", data=data, fit={"epoch": 4})
    with pytest.raises(cspec.SpecError, match="more than settings"):
        cspec.run(text, model="linear", data=data, fit="epochs=2)\nminimize (x")


def test_weights_of_a_run_load_back(tmp_path: Path) -> None:
    data = {"x": torch.randn(40, 3), "y": torch.arange(40) % 2}

    def network() -> nn.Module:
        return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))

    net, fresh = network(), network()
    cspec.run("model net\nminimize ce\nfit(epochs=2)", net=net, data=data, out=tmp_path / "r")
    cspec.load_weights(tmp_path / "r", net=fresh)
    for name, tensor in net.state_dict().items():
        assert torch.equal(tensor, fresh.state_dict()[name]), name
    with pytest.raises(cspec.SpecError, match="for `other` as given") as error:
        cspec.load_weights(tmp_path / "r", other=fresh)
    assert "those of net" in str(error.value)
