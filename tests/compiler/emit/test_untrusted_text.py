"""No text of a spec reaches the emitted module except as string literals and comments."""

import ast
from collections.abc import Callable

import pytest

from cspec.compiler.emit.writer import one_line
from cspec.compiler.plan import Plan
from cspec.compiler.records.facts import (
    ColumnFacts,
    DataFacts,
    Facts,
    ModelFacts,
    OutputFacts,
    ParameterFacts,
)
from cspec.compiler.specialize import specialize
from cspec.dsl.text.source import Source

Planned = Callable[[str], Plan]
EVIL = [
    '"); import os; os.system("touch owned"); ("',
    "'''\nimport os\n'''",
    '"""\nimport os\n"""',
    "\\\"\\\\\n__import__('os')",
    "a\u2028import os",
    "# coding: rot13\nimport os",
    "a\rimport os",
    "{0}\x00",
    "%s $(id) `id`",
]
FIT = "minimize bce(f(x), y)\n"


def facts(evil: str) -> Facts:
    """Class names, file provenance and parameter names that nobody has checked."""
    return Facts(
        data={
            "train": DataFacts(
                rows=8,
                columns={
                    "x": ColumnFacts(kind="real", shape=(2,)),
                    "y": ColumnFacts(kind="categorical", classes=("no", "yes"), counts=(4, 4)),
                    "sex": ColumnFacts(kind="categorical", classes=(evil, "b"), counts=(4, 4)),
                },
                feature_names=(evil, "age"),
                provenance=evil,
            )
        },
        models={
            "f": ModelFacts(parameters=(ParameterFacts(name=evil, shape=(2, 2), prunable=True),))
        },
        outputs={"f(x) on train": OutputFacts(shape=(1,))},
    )


def statements(source: str) -> list[str]:
    """The module without strings, comments and names of locals: what is executed."""
    tree = ast.parse(source)
    body = [n for n in tree.body if getattr(n, "name", "") not in ("setup", "record")]
    called = {ast.unparse(n.func) for n in ast.walk(tree) if isinstance(n, ast.Call)}
    for node in (n for statement in body for n in ast.walk(statement)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
        elif isinstance(node, ast.Name) and node.id not in called:
            node.id = "_"
    return [*sorted(called), *(ast.dump(node) for node in body)]


@pytest.mark.parametrize("evil", EVIL)
def test_class_and_parameter_names(planned: Planned, evil: str) -> None:
    text = (
        "data train(x, y, sex)\nmodel f\n"
        + FIT
        + "s.t. g: forall a in values(sex): P[pred == 1 | sex == a] <= 50%\n"
        "     w: forall W in f.weights: l2(W) <= 3 by augmented_lagrangian\n"
        "     v: forall W in f.weights: W >= 0"
    )
    plan = planned(text)
    program = specialize(plan, facts(evil))
    harmless = specialize(plan, facts("harmless"))
    compile(program.source, "train.py", "exec")
    assert statements(program.source) == statements(harmless.source)


@pytest.mark.parametrize("evil", EVIL)
def test_strings_and_file_names(planned: Planned, evil: str) -> None:
    quoted = evil.replace("\\", "\\\\").replace('"', '\\"')
    for bad in "\n\r\x00\u2028":
        quoted = quoted.replace(bad, " ")
    text = (
        f'data train(x, y, sex) = csv("{quoted}", target="{quoted}")\nmodel f\n'
        + FIT
        + "s.t. a: E[bce(f(x), y)] <= 5   # "
        + quoted
    )
    plan = planned(text)
    checked = plan.checked.model_copy(update={"source": Source(text=text, name=evil)})
    program = specialize(plan.model_copy(update={"checked": checked}), facts("b0"))
    compile(program.source, "train.py", "exec")
    plain = planned(text.replace(quoted, "adult"))
    assert statements(program.source) == statements(specialize(plain, facts("b0")).source)


@pytest.mark.parametrize("evil", EVIL)
def test_comments_stay_one_line(evil: str) -> None:
    flat = one_line(evil)
    assert len(flat.splitlines()) <= 1 and '"""' not in flat and "\\" not in flat
    assert not flat.endswith('"')
    assert ast.parse(f'def f():\n    """{flat}"""  # {flat}\n').body[0].body[1:] == []  # type: ignore[attr-defined]
