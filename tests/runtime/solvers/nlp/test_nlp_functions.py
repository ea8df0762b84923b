"""Emitted functions on numbers: the same values for less work."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cspec.runtime.solvers.nlp.floats import Entries, on_numbers
from cspec.runtime.solvers.nlp.problem import matrix, symmetric

SHAPES = (matrix, symmetric)
HEAD = (
    "import math\nimport torch\n"
    "from cspec.runtime.functions import exp, log, maximum, sumsq\n"
    "from cspec.runtime.steps.update import vector\n"
)


@pytest.fixture
def function(tmp_path: Path) -> Callable[[str], Any]:
    """The function `measure` of a module with this body."""

    def make(body: str) -> Any:
        path = tmp_path / "emitted.py"
        path.write_text(f"{HEAD}\n\ndef measure(primal, batch):\n{body}")
        space: dict[str, Any] = {"__file__": str(path)}
        exec(compile(path.read_text(), str(path), "exec"), space)
        return space["measure"]

    return make


def test_a_function_of_single_numbers_runs_without_tensors(function: Callable[[str], Any]) -> None:
    measure = function(
        '    x = primal["x"]\n    f = exp(x[0]) * x[1] ** 2\n'
        "    g = vector(maximum(x[0], x[1]) - 1, log(x[1]))\n    return f, g, g.detach()\n"
    )
    fast = on_numbers(measure, SHAPES)
    assert fast is not None
    f, g, _ = fast({"x": Entries((0.5, 2.0))}, {})
    assert type(f) is float
    assert f == pytest.approx(4 * math.exp(0.5), rel=1e-15)
    assert g.tolist() == pytest.approx([1.0, math.log(2)], rel=1e-15)


def test_other_functions_stay_with_tensors(function: Callable[[str], Any]) -> None:
    measure = function('    f = torch.linalg.norm(primal["x"])\n    return f, f, f\n')
    assert on_numbers(measure, SHAPES) is None


@pytest.mark.parametrize("body", ["x + x", "2 * x", "sumsq(x[0:2])"])
def test_whole_vectors_are_no_tuples(function: Callable[[str], Any], body: str) -> None:
    fast = on_numbers(function(f'    x = primal["x"]\n    return {body}\n'), SHAPES)
    assert fast is not None
    with pytest.raises(TypeError):
        fast({"x": Entries((1.0, 2.0, 3.0))}, {})
