"""Names of a spec never collide with Python or with what the emitted module uses."""

import ast
import math
from collections import Counter
from collections.abc import Callable

import pytest

from cspec.compiler.emit.pieces import Names
from cspec.compiler.records.program import Program
from cspec.runtime.result.result import Result

Run = Callable[..., Result]
Compiled = Callable[..., Program]

BASES = {
    "lagrangian": "var x = 1\nminimize x^2{more}\ns.t. a: 1*x >= 1 by lagrangian(dual=nupi)\n"
    "     b: 1*x <= 9 by lagrangian(order=simultaneous)\n     c: 1*x <= 8 by augmented_lagrangian",
    "sets": "var w[3] = 1\nminimize sumsq(w){more}\ns.t. a: w >= 0\n     b: w in simplex by admm",
    "sqp": "var x = 1 in [0, 3]\nminimize x^2{more}\ns.t. a: 1*x >= 1",
    "rate": "data train(x, y) = two_gaussians(n=20)\nmodel net = linear\n"
    "minimize E[bce(net(x), y)]{more}\ns.t. a: P[pred == 0] >= 50%\n     b: l2(net.weights) <= 9",
}
FIT = "\nfit(steps=5)"


def globals_of(source: str) -> Counter[str]:
    """Every name that a module's top level binds, with how often."""
    names: Counter[str] = Counter()
    for node in ast.parse(source).body:
        match node:
            case ast.FunctionDef(name=name):
                names[name] += 1
            case ast.Assign(targets=[ast.Name(id=name)]):
                names[name] += 1
            case ast.Import(names=aliases) | ast.ImportFrom(names=aliases):
                names.update((alias.asname or alias.name) for alias in aliases)
    return names


@pytest.mark.parametrize("base", ["lagrangian", "sets", "sqp"])
def test_params_may_be_called_like_anything_in_the_module(
    compiled: Compiled, run: Run, base: str
) -> None:
    plain = compiled(BASES[base].format(more="") + FIT)
    taken = [name for name in globals_of(plain.source) if name not in ("mean", "sumsq", "vector")]
    params = "\n".join(f"param {name} = {i + 2}" for i, name in enumerate(taken))
    text = f"{params}\n" + BASES[base].format(more="".join(f" + 0*{name}" for name in taken)) + FIT
    again = compiled(text)
    assert max(globals_of(again.source).values()) == 1
    plainly = run(BASES[base].format(more="") + FIT).objective
    assert run(text).objective == pytest.approx(plainly, rel=1e-9)


@pytest.mark.parametrize(
    "name",
    [
        *("lambda", "class", "import", "print", "None", "def", "yield", "match", "type", "list"),
        *("torch", "math", "loss", "mean", "batch", "state", "primal", "session", "optimizer"),
        *("f", "g", "z", "data", "progress", "train", "measure", "setup", "x_tensors"),
        *("violation", "prepare", "stand_in", "keep", "closure", "ascend_lagrangian", "old"),
        *("adam", "fit", "record", "variable", "requirement", "linear", "constant_schedule"),
    ],
)
def test_params_variables_and_labels_with_difficult_names(run: Run, name: str) -> None:
    param = run(f"param {name} = 2\nvar x = 3\nminimize {name}*x^2\ns.t. a: 1*x >= 1\nfit(steps=3)")
    assert param["a"].value == pytest.approx(1.0, abs=1e-6)
    variable = run(
        f"var {name} = 3\nminimize {name}^2\ns.t. a: 1*{name} >= 1 by lagrangian\nfit(steps=3)"
    )
    assert variable.vars[name] < 3
    label = run(
        f"var x = 3\nminimize x^2\ns.t. {name}: 1*x >= 1 by augmented_lagrangian\n"
        "     other: 1*x <= 9 by projection\nfit(steps=3)"
    )
    assert label[name].bound == 1.0


def test_a_variable_may_be_called_like_the_constant_of_a_set(run: Run) -> None:
    result = run(
        """
        var BALL[3] = 1
        var y[3] = 1
        minimize sumsq(y - 3) + sumsq(BALL - 1)
        s.t. a: y in ball(1, norm=2) by projection
             b: norm(BALL, 2) <= 9 by lagrangian
        fit(steps=5)
        """
    )
    assert result["b"].value == pytest.approx(math.hypot(*result.vars["BALL"]), abs=1e-9)
    assert result["a"].value == pytest.approx(0, abs=1e-9)


def test_models_data_and_columns_with_difficult_names(run: Run) -> None:
    result = run(
        """
        data train(x, y), session(x, y) = two_gaussians(n=60, split=[0.5, 0.5])
        model mean = linear
        minimize bce(mean(x), y)
        s.t. main: P[pred == 1] <= 60%
             import: E[bce(mean(x), y)] <= 5
        metric loss = P[pred == y on session]
        verify all on session
        fit(epochs=2, batch_size=full)
        """
    )
    assert {c.name for c in result.constraints} == {"main", "import"}
    assert result["main"].split == "session" and 0 <= result.metrics["loss"] <= 1


def test_labels_that_make_one_python_name(run: Run) -> None:
    result = run(
        """
        var w[2] = 1
        var v[2] = [0.3, 1]
        minimize sumsq(w) + sumsq(v)
        s.t. g: forall i in range(1): {
               a: w in ball(1, norm=2) by projection
             }
             g_a: v in simplex by projection
        fit(steps=5)
        """
    )
    assert result.status == "satisfied"
    assert sum(result.vars["v"]) == pytest.approx(1, abs=1e-6)


def test_letters_of_any_alphabet(run: Run) -> None:
    result = run("param ε = 0.5\nvar θ = 1\nminimize θ^2\ns.t. größe: 1*θ >= ε")
    assert result.vars["θ"] == pytest.approx(0.5, abs=1e-6)


def test_fresh_names() -> None:
    names = Names(frozenset({"x"}))
    assert [names.fresh(n) for n in ("x", "x", "class", "a.b[1]", "1st", "")] == [
        "x_2",
        "x_3",
        "class_",
        "a_b_1",
        "_1st",
        "value",
    ]
    assert names.fresh("ascend_lagrangian") == "ascend_lagrangian_"
    copy = names.copy()
    assert copy.fresh("y") == names.fresh("y") == "y"
