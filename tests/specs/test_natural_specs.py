"""Specs as people type them: what they mean is recomputed by hand from the model."""

import math
from collections.abc import Callable
from textwrap import dedent
from typing import Any

import numpy as np
import pytest
import torch

import cspec
from cspec.dsl.messages.diagnostic import SpecError

PAIR = "data train(x, y)\n"
TINY = "data train(x, y), test(x, y) = two_gaussians(n=40, split=[0.5, 0.5], seed=0)\n"


def run(text: str, data: str = TINY, **names: object) -> cspec.Result:
    return cspec.run(data + dedent(text), **names)


def pairs(n: int = 60) -> tuple[torch.Tensor, torch.Tensor]:
    x = torch.randn(n, 3, generator=torch.Generator().manual_seed(0))
    return x, (x[:, 0] > 0).long()


def test_a_sum_over_weights_in_the_objective() -> None:
    x, y = pairs()
    result = run(
        """\
        model f = mlp(hidden=[4])
        minimize bce(f(x), y) + 0.01*sum(sumsq(W) for W in f.weights)
        s.t. c: l2(f.weights) <= 100
        fit(epochs=1)
        """,
        data=PAIR,
        train=(x, y),
    )
    f = result.models["f"]
    with torch.no_grad():
        loss = torch.nn.functional.binary_cross_entropy_with_logits(f(x).reshape(-1), y.float())
        weights = sum(p.square().sum() for p in f.parameters() if p.ndim > 1)
    assert result.objective == pytest.approx(float(loss + 0.01 * weights), rel=1e-5)


def test_a_rate_says_how_many_outputs_a_model_has() -> None:
    result = run(
        "model f = mlp(hidden=[4])\nminimize l2(f.weights)\ns.t. a: P[pred == y] >= 60%\n"
        "fit(epochs=1)\n"
    )
    assert result["a"].n == 40


def test_a_pattern_without_a_match_lists_the_names() -> None:
    with pytest.raises(SpecError) as caught:
        run(
            "model f = mlp(hidden=[4])\nminimize bce(f(x), y)\n"
            's.t. o: forall W in f.weights("conv*"): W in stiefel\n'
        )
    (found,) = caught.value.diagnostics
    assert found.code == "CS525"
    assert "fc1.weight, fc2.weight" in found.notes[-1]


def test_small_groups_of_a_cross_are_left_out() -> None:
    x, y = pairs()
    sex = torch.arange(60) % 2
    race = (torch.arange(60) < 12).long()
    result = cspec.run(
        "data train(x, y, sex, race)\nmodel f = mlp(hidden=[4])\nminimize bce(f(x), y)\n"
        "s.t. c: forall (a, b) in cross(sex, race) where count >= 10:\n"
        "       P[pred == y | sex == a and race == b] >= 10%\nfit(epochs=1)\n",
        train={"x": x, "y": y, "sex": sex, "race": race},
    )
    assert [c.name for c in result.constraints] == ["c[0, 0]", "c[1, 0]"]


def test_agreement_of_two_models() -> None:
    x, y = pairs()
    result = cspec.run(
        "data train(x, y)\nmodel f = mlp(hidden=[4])\nmodel start = frozen(f)\n"
        "minimize bce(f(x), y)\ns.t. churn: P[pred(f(x)) == pred(start(x))] >= 50%\n"
        "fit(epochs=2)\n",
        train=(x, y),
    )
    with torch.no_grad():
        now, before = (result.models[n](x).reshape(-1) > 0 for n in ("f", "start"))
    assert result["churn"].value == pytest.approx(float((now == before).float().mean()))


@pytest.mark.parametrize(
    ("members", "second"),
    [("stiefel", None), ("rank(2)", None), ("sparse(10%)", "density(f) <= 10%")],
)
def test_a_set_of_a_list_of_weights_is_two_readings(members: str, second: str | None) -> None:
    (found,) = cspec.check(f"model f\nminimize ce s.t. f.weights in {members}")
    assert found.code == "CS302"
    assert f"forall W in f.weights: W in {members}" in found.helps[0]
    assert second is None or second in found.helps[1]


def people(n: int = 60) -> dict[str, Any]:
    x, y = pairs(n)
    return {"x": x, "y": y, "sex": np.array(["female", "male"])[np.arange(n) % 3 % 2]}


def rate_of(condition: str, **names: object) -> Any:
    return cspec.run(
        "data train(x, y, sex)\nmodel f = mlp(hidden=[4])\nminimize bce(f(x), y)\n"
        f"s.t. a: P[y == 1 | {condition}] + 0*E[f(x)] <= 99%\nfit(epochs=1)\n",
        train=people(),
        **names,
    )["a"]


@pytest.mark.parametrize(
    ("condition", "members"),
    [
        ('sex == "female"', lambda d: d["sex"] == "female"),
        ('sex != "male"', lambda d: d["sex"] == "female"),
        ('sex in {"female", "male"}', lambda d: d["sex"] != ""),
        (
            'x[0] > -1 and not sex == "male"',
            lambda d: (d["sex"] == "female") & (d["x"][:, 0] > -1).numpy(),
        ),
    ],
)
def test_values_of_columns_by_name(condition: str, members: Callable[[Any], Any]) -> None:
    data = people()
    wanted = np.asarray(data["y"])[np.asarray(members(data))].mean()
    assert rate_of(condition).value == pytest.approx(wanted)


@pytest.mark.parametrize("value", ['"femal"', "5"])
def test_a_value_that_no_row_has_is_an_error(value: str) -> None:
    with pytest.raises(SpecError) as caught:
        rate_of(f"sex == {value}")
    (found,) = caught.value.diagnostics
    assert (found.code, found.message) == ("CS208", f"column `sex` has no value {value}")
    assert '"female"' in found.helps[0]


def test_groups_are_numbered_alike_in_all_datasets() -> None:
    train = people()
    val = people(12) | {"sex": np.array(["male", "other"] * 6)}
    result = cspec.run(
        "data train(x, y, sex), val(x, y, sex)\nmodel f = mlp(hidden=[4])\n"
        "minimize bce(f(x), y)\n"
        "s.t. a: forall g in values(sex): P[y == 1 | sex == g] + 0*E[f(x)] >= 1%\n"
        "fit(epochs=1)\nverify all on val\n",
        train=train,
        val=val,
    )
    labels = np.asarray(val["y"])
    assert math.isnan(result["a[female]"].value) and not result["a[female]"].satisfied
    assert result["a[male]"].value == pytest.approx(labels[0::2].mean())
    assert result["a[other]"].value == pytest.approx(labels[1::2].mean())


PLAIN = (
    "data train(x, y)\nmodel f\nminimize ce(f(x), y)\ns.t. a: l2(f.weights) <= 9\nfit(epochs=1)\n"
)


class Pair(torch.nn.Linear):
    def forward(self, x: torch.Tensor) -> Any:
        return super().forward(x), 0


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"y": torch.zeros(60).long()}, "CS331", "column `y` holds one class only: 0"),
        ({"y": torch.rand(60)}, "CS331", "`ce` needs classes, but column `y` holds numbers"),
        ({"f": torch.nn.Linear(3, 2).requires_grad_(False)}, "CS309", "nothing that the objective"),
        ({"f": Pair(3, 2)}, "CS332", "`f(x)` has several parts (0): which one?"),
        ({"train": 3}, "CS330", "`train` is bound to 3, which is no data"),
    ],
)
def test_what_is_bound_does_not_fit(change: dict[str, Any], code: str, message: str) -> None:
    x, y = pairs()
    spec = PLAIN.replace("model f", "model f = mlp(hidden=[4])") if "y" in change else PLAIN
    bound = {"train": (x, change.get("y", y)), **{k: v for k, v in change.items() if k != "y"}}
    if "train" in change:
        bound["f"] = torch.nn.Linear(3, 2)
    with pytest.raises(SpecError) as caught:
        cspec.run(spec, **bound)
    assert caught.value.diagnostics[0].code == code
    assert message in caught.value.diagnostics[0].message


def test_inputs_of_one_model_have_one_shape() -> None:
    x, y = pairs()
    spec = PLAIN.replace("train(x, y)", "train(x, y), val(x, y)") + "verify all on val\n"
    with pytest.raises(SpecError) as caught:
        cspec.run(spec, train=(x, y), val=(x[:, :2], y), f=torch.nn.Linear(3, 2))
    assert "3 in `train`, 2 in `val`" in caught.value.diagnostics[0].message


def test_a_run_without_a_finite_step_is_not_satisfied() -> None:
    x, y = pairs()

    class Broken(torch.nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * math.nan

    result = cspec.run(PLAIN, train=(x, y), f=Broken(3, 2))
    assert (result.status, result.exit_code) == ("nonfinite", 5)
