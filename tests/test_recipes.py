"""The recipes of CONTRIBUTING, tried: toys are added to a copy of the tree, by rows and files.

Each toy gets exactly what its recipe lists. Then it has to work wherever its kind does: `check`,
`explain`, `run`, `list`, in a data loop, and under `auto` where it should be chosen.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
IGNORED = shutil.ignore_patterns("__pycache__", "*.pyc")

ROWS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "function": (
        (
            "dsl/words/functions.py",
            '    _elementary("relu",',
            '    _elementary("softsign", "x / (1 + |x|)", -1, 1, 1),\n',
        ),
        ("runtime/functions/__init__.py", '    "ce": ce,', '    "softsign": softsign,\n'),
        (
            "runtime/functions/__init__.py",
            "from cspec.runtime.functions.sparsity",
            "from cspec.runtime.functions.softsign import softsign\n",
        ),
        ("runtime/functions/__init__.py", '    "softplus",', '    "softsign",\n'),
    ),
    "loss": (
        (
            "dsl/words/losses.py",
            '        LossWord("mse",',
            '        LossWord("logcosh", "log cosh of the error", "values", "number", True),\n',
        ),
        (
            "runtime/functions/losses.py",
            "def nll(",
            dedent('''\
            def logcosh(
                prediction: Tensor, target: Tensor | float, reduction: Reduction = "none"
            ) -> Tensor:
                """log cosh of the error, mean over the outputs of an example."""
                prediction, target = aligned(prediction, target, "logcosh")
                error = prediction - target.to(prediction.dtype)
                losses = _over_outputs(torch.logaddexp(error, -error) - 0.6931471805599453)
                return mean(losses) if reduction == "mean" else losses


            '''),
        ),
        ("runtime/functions/__init__.py", '    "mse": mse,', '    "logcosh": logcosh,\n'),
        (
            "runtime/functions/__init__.py",
            "from cspec.runtime.functions.losses",
            "from cspec.runtime.functions.losses import logcosh\n",
        ),
        ("runtime/functions/__init__.py", '    "mse",', '    "logcosh",\n'),
    ),
    "method": (
        (
            "dsl/settings/methods.py",
            "class Lagrangian(Method):",
            dedent('''\
            class CubicPenalty(Method):
                """f + c/3 times the cube of the violation."""

                word: ClassVar[str] = "cubic_penalty"
                fixed: ClassVar[bool] = True
                coefficient: float = Field(1.0, ge=0, description="the fixed coefficient c")


            '''),
        ),
        ("dsl/settings/methods.py", "        *(Auto, Penalty,", "        CubicPenalty,\n"),
        (
            "compiler/methods/__init__.py",
            '    "penalty": penalty,',
            '    "cubic_penalty": cubic_penalty,\n',
        ),
        (
            "compiler/methods/__init__.py",
            "from cspec.compiler.methods.frank_wolfe",
            "from cspec.compiler.methods.cubic_penalty import cubic_penalty\n",
        ),
    ),
    "set": (
        (
            "dsl/words/functions.py",
            '    _set("psd",',
            '    _set("budget", "entries that sum to at most r", _p("r", _PLAIN)),\n',
        ),
        (
            "dsl/words/sets.py",
            '        SetWord("group_ball"),',
            '        SetWord("budget", functions=True),\n',
        ),
        ("compiler/algebra/set_forms.py", '    "nonneg": lambda', '    "budget": lambda *_: 1,\n'),
        ("runtime/operators/__init__.py", '    "box": Box,', '    "budget": Budget,\n'),
        (
            "runtime/operators/__init__.py",
            "from cspec.runtime.operators.cone",
            "from cspec.runtime.operators.budget import Budget\n",
        ),
    ),
    "data source": (
        (
            "dsl/settings/sources.py",
            "class TableFile(DataSource):",
            dedent('''\
            class Line(DataSource):
                """Points of the line y = 2 x + 1."""

                word: ClassVar[str] = "line"
                n: int = Field(20, ge=2, le=ROWS.most, description="points")


            '''),
        ),
        ("dsl/settings/sources.py", "        *(Digits, TwoGaussians,", "        Line,\n"),
        ("runtime/data/sources.py", '    "csv": csv,', '    "line": line,\n'),
        (
            "runtime/data/sources.py",
            "from cspec.runtime.data.tables",
            "from cspec.runtime.data.line import line\n",
        ),
    ),
    "pass": (
        (
            "compiler/plan.py",
            '    ("canonical form",',
            '    ("last first", lambda problem, _: last_first(problem)),\n',
        ),
        (
            "compiler/plan.py",
            "from cspec.compiler.passes.rules",
            "from cspec.compiler.passes.last_first import last_first\n",
        ),
    ),
    "error code": (
        (
            "dsl/messages/pages/names.py",
            "    201: (",
            '    298: ("a toy", "No toys.", "var toy = 1\\nminimize toy^2\\n", '
            '"var x = 1\\nminimize x^2\\n"),\n',
        ),
        ("dsl/check.py", "    check_unused(typer,", "    check_toys(typer, explicit)\n"),
        (
            "dsl/check.py",
            "from cspec.dsl.checks.unused_names",
            "from cspec.dsl.checks.toys import check_toys\n",
        ),
    ),
}
"""What each recipe adds to files that are there: the file, the text before which it goes, rows."""

FILES = {
    "runtime/functions/softsign.py": '''
        """x / (1 + |x|)."""
        from torch import Tensor

        def softsign(x: Tensor) -> Tensor:
            """x / (1 + |x|), entry by entry."""
            return x / (1 + x.abs())
        ''',
    "compiler/methods/cubic_penalty.py": '''
        """f + c/3 [v]+^3."""
        from cspec.compiler.records.fragment import Fragment, Rule
        from cspec.compiler.records.graph import Kind, Operation, Update

        def cubic_penalty(rule: Rule) -> Fragment:
            """f + c/3 [v]+^3."""
            projected = rule.projected("true")
            step = Operation(
                kind=Kind.COMBINE,
                name=rule.name,
                rule=rule.name,
                updates=(
                    Update(target="weight", formula=f"c * {projected} ** 2"),
                    Update(target="value", formula=f"c / 3 * {rule.projected('g')} ** 3"),
                ),
                constants={"c": rule.settings.coefficient},
                meaning="L = f + c/3 [value - bound]+^3",
            )
            return Fragment(operations=(step,))
        ''',
    "runtime/operators/budget.py": '''
        """Entries that sum to at most r."""
        from dataclasses import dataclass

        from torch import Tensor

        from cspec.runtime.operators.base import Operator

        @dataclass(frozen=True)
        class Budget(Operator, name="budget", convex=True):
            """{x : sum x <= r}. Projection: x - [sum x - r]+ / n."""

            r: float

            def inequality(self, x: Tensor) -> Tensor:
                return (x.sum() - self.r).reshape(1)

            def project(self, x: Tensor) -> Tensor:
                return x - self.residual(x) / x.numel()
        ''',
    "runtime/data/line.py": '''
        """Points of a line."""
        import torch

        from cspec.runtime.data.dataset import Dataset

        def line(n: int = 20) -> dict[str, Dataset]:
            """Points of the line y = 2 x + 1."""
            x = torch.linspace(-1, 1, n)
            return {"train": Dataset(name="train", columns={"x": x[:, None], "y": 2 * x + 1})}
        ''',
    "compiler/passes/last_first.py": '''
        """The last constraint first."""
        from cspec.compiler.records.problem import Problem

        def last_first(problem: Problem) -> Problem:
            """a, b -> b, a."""
            return problem.model_copy(update={"constraints": problem.constraints[::-1]})
        ''',
    "dsl/checks/toys.py": '''
        """No toys."""
        from cspec.dsl.kinds.typer import Typer
        from cspec.dsl.tree.nodes import Spec, Var

        def check_toys(typer: Typer, spec: Spec) -> None:
            """Report variables that are called `toy`."""
            for item in spec.items:
                if isinstance(item, Var) and item.name == "toy":
                    helps = ("give it another name",)
                    typer.report("CS298", "`toy` is a toy", item.name_span, "here", helps=helps)
        ''',
}

SPECS = {
    "function": "var x = 3\nminimize (x - 4)^2\ns.t. a: softsign(x) <= 0.5\n",
    "method": "var x = 3\nminimize (x - 4)^2\ns.t. a: x <= 1\nusing cubic_penalty(coefficient=3)\n"
    "fit(optimizer=sgd(lr=0.01), steps=3000, precision=float64)\n",
    "set": "var x[3] = 0\nminimize (x[0] - 1)^2 + (x[1] - 2)^2 + (x[2] - 6)^2\n"
    "s.t. a: x in budget(3)\n",
    "two sets": "var x[3] = 0\nminimize (x[0] - 1)^2 + (x[1] - 2)^2 + (x[2] - 6)^2\n"
    "s.t.\n  a: x in budget(3)\n  b: x >= 0\n",
    "set by function": "var x[3] = 0\nminimize (x[0] - 1)^2 + (x[1] - 2)^2 + (x[2] - 6)^2\n"
    "s.t. a: x in budget(3) by augmented_lagrangian\n"
    "fit(optimizer=sgd(lr=0.05), steps=3000, precision=float64)\n",
    "set of a model": "data train(x, y) = line(n=10)\nmodel f = linear\nminimize mse(f(x), y)\n"
    "s.t. forall W in f.weights: W in budget(1)\n"
    "fit(optimizer=sgd(lr=0.1), steps=300, batch_size=full)\n",
    "loss": "data train(x, y) = line(n=30)\nmodel f = linear\nminimize logcosh(f(x), y)\n"
    "s.t. a: E[logcosh(f(x), y)] <= 0.01\n"
    "fit(optimizer=adam(lr=0.05), steps=600, batch_size=full)\n",
    "pass": "var x = 3\nvar y = 3\nminimize x^2 + y^2\ns.t.\n  a: x >= 1\n  b: x*y >= 2\n",
}

SCRIPT = """
import contextlib, io, json, sys
import cspec
from cspec.cli import main
specs = json.loads(sys.argv[1])

def said(*arguments):
    out = io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        code = main(list(arguments))
    return [code, out.getvalue()]

found = {"where": cspec.__file__}
for name, spec in specs.items():
    path = name.replace(" ", "_") + ".cspec"
    open(path, "w").write(spec)
    found[name] = {"check": said("check", path), "explain": said("explain", path)}
    result = cspec.run(spec)
    found[name] |= {
        "met": result.satisfied,
        "method": result.method,
        "by": {c.name: c.method for c in result.constraints},
        "x": result.vars,
        "sizes": {n: [list(p.shape) for p in m.parameters()] for n, m in result.models.items()},
        "weights": {
            n: [p.detach().tolist() for p in m.parameters()] for n, m in result.models.items()
        },
    }
for kind in ("functions", "methods", "sets", "data"):
    found["list " + kind] = said("list", kind)
open("toy.cspec", "w").write("var toy = 1\\nminimize toy^2\\n")
found["code"] = {"check": said("check", "toy.cspec"), "explain": said("explain", "CS298")}
print(json.dumps(found))
"""


def copy_of_the_tree(folder: Path) -> None:
    """`cspec` as it is installed: `interface` is the package, the other layers are within it."""
    shutil.copytree(ROOT / "interface", folder / "cspec", ignore=IGNORED)
    for layer in ("grammars", "dsl", "compiler", "runtime"):
        shutil.copytree(ROOT / layer, folder / "cspec" / layer, ignore=IGNORED)


def add_toys(package: Path) -> None:
    """Every row before its place, every file."""
    for rows in ROWS.values():
        for place, before, row in rows:
            path = package / place
            text = path.read_text(encoding="utf-8")
            assert before in text, f"{place}: no `{before}`"
            path.write_text(text.replace(before, row + before, 1), encoding="utf-8")
    for place, content in FILES.items():
        assert not (package / place).exists()
        (package / place).write_text(dedent(content).lstrip(), encoding="utf-8")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What a copy of the project with all the toys says of them."""
    folder = tmp_path_factory.mktemp("toys")
    copy_of_the_tree(folder)
    add_toys(folder / "cspec")
    answer = subprocess.run(
        [sys.executable, "-c", SCRIPT, json.dumps(SPECS)],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr[-3000:]
    facts: dict[str, Any] = json.loads(answer.stdout.splitlines()[-1])
    assert facts["where"].startswith(str(folder))
    return facts


@pytest.mark.parametrize("kind", ROWS)
def test_a_recipe_lists_the_files_that_are_touched(kind: str) -> None:
    article = "an" if kind[0] in "aeiou" else "a"
    section = GUIDE.split(f"## Add {article} {kind}\n")[1].split("\n## ")[0]
    for place in dict.fromkeys(place for place, _, _ in ROWS[kind]):
        assert f"`{place}`" in section, place


def test_every_path_of_the_guide_is_there() -> None:
    named = re.findall(r"`((?:dsl|compiler|runtime|interface|tests|tools|docs)/[\w/.<>]*)`", GUIDE)
    missing = [place for place in named if "<" not in place and not (ROOT / place).exists()]
    assert not missing


@pytest.mark.slow
@pytest.mark.parametrize("name", SPECS)
def test_toys_check_clean_and_run(found: dict[str, Any], name: str) -> None:
    code, said = found[name]["check"]
    assert code == 0, said
    code, said = found[name]["explain"]
    assert code == 0, said
    assert found[name]["met"] or name == "method"  # a penalty is always a little violated


@pytest.mark.slow
def test_a_function(found: dict[str, Any]) -> None:
    assert found["function"]["x"]["x"] == pytest.approx(1, abs=1e-6)  # x / (1 + x) = 1/2
    assert "x / (1 + |x|)" in found["list functions"][1]


@pytest.mark.slow
def test_a_loss(found: dict[str, Any]) -> None:
    """Beside its numbers a model is built with one output."""
    assert found["loss"]["sizes"]["f"] == [[1, 1], [1]]
    (weight, bias) = found["loss"]["weights"]["f"]
    assert weight[0][0] == pytest.approx(2, abs=0.3)
    assert bias[0] == pytest.approx(1, abs=0.3)
    assert "log cosh of the error" in found["list functions"][1]


@pytest.mark.slow
def test_a_method(found: dict[str, Any]) -> None:
    """2 (4 - x) = 3 (x - 1)^2 at the minimum."""
    x = found["method"]["x"]["x"]
    assert 2 * (4 - x) == pytest.approx(3 * (x - 1) ** 2, abs=1e-3)
    assert found["method"]["by"] == {"a": "cubic_penalty"}
    assert "cubic_penalty" in found["list methods"][1]


@pytest.mark.slow
def test_a_convex_set_gets_the_solver_and_the_minimum(found: dict[str, Any]) -> None:
    """(1, 2, 6) is 6 above its budget: 2 off each."""
    assert found["set"]["method"] == "spg"
    assert found["set"]["x"]["x"] == pytest.approx([-1, 0, 4], abs=1e-6)
    assert "convex" in found["set"]["explain"][1]
    assert "entries that sum to at most r" in found["list sets"][1]


@pytest.mark.slow
def test_beside_another_set_it_is_projected_onto_both(found: dict[str, Any]) -> None:
    """3 off each of (1, 2, 6), and nothing below 0."""
    assert found["two sets"]["method"] == "spg"
    assert found["two sets"]["x"]["x"] == pytest.approx([0, 0, 3], abs=1e-6)


@pytest.mark.slow
def test_a_set_is_a_function_for_multipliers(found: dict[str, Any]) -> None:
    assert found["set by function"]["by"] == {"a": "augmented_lagrangian"}
    assert found["set by function"]["x"]["x"] == pytest.approx([-1, 0, 4], abs=1e-3)


@pytest.mark.slow
def test_weights_of_a_model_are_projected_onto_a_set(found: dict[str, Any]) -> None:
    assert set(found["set of a model"]["by"].values()) == {"projection"}
    assert found["set of a model"]["weights"]["f"][0][0][0] == pytest.approx(1, abs=1e-5)


@pytest.mark.slow
def test_a_data_source(found: dict[str, Any]) -> None:
    assert "Points of the line y = 2 x + 1." in found["list data"][1]


@pytest.mark.slow
def test_a_pass(found: dict[str, Any]) -> None:
    said = found["pass"]["explain"][1]
    assert said.index("  b:") < said.index("  a:")
    assert found["pass"]["met"]


@pytest.mark.slow
def test_an_error_code(found: dict[str, Any]) -> None:
    code, said = found["code"]["check"]
    assert code != 0 and "error[CS298]: `toy` is a toy" in said
    code, said = found["code"]["explain"]
    assert code == 0 and "No toys." in said
