"""Matrix problems against their closed forms, and the numbers the specs state against numpy."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import cspec

FILE = Path(__file__).parents[2] / "benchmarks" / "matrix.py"


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("matrix_benchmark", FILE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


matrix = load()


@pytest.mark.parametrize("name", matrix.names())
def test_reaches_the_optimum_without_any_setting(name: str) -> None:
    text = (matrix.FOLDER / f"{name}.cspec").read_text()
    assert "fit(" not in text and "using" not in text and " by " not in text
    found = matrix.outcome(name)
    assert found.error <= 1e-8
    assert found.violation <= 1e-8


@pytest.mark.parametrize("name", matrix.REFERENCES)
def test_the_optimum_stated_is_that_of_numpy(name: str) -> None:
    assert matrix.optimum(name) == pytest.approx(matrix.REFERENCES[name](), abs=1e-9)


def test_a_matrix_is_a_param_from_outside_or_a_literal() -> None:
    body = "var W[2, 3] = [[1, 0, 0], [0, 1, 0]]\nminimize sumsq(W - {a})\ns.t. c: W[0, 0] >= 5"
    rows = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    bound = cspec.run("param A[2, 3]\n" + body.format(a="A"), A=np.array(rows))
    literal = cspec.run(body.format(a="[[1, 2, 3], [4, 5, 6]]"))
    for result in (bound, literal):
        assert np.array(result.vars["W"]) == pytest.approx(np.array([[5, 2, 3], [4, 5, 6]]))
    with pytest.raises(cspec.SpecError, match="2 x 3, and 2 numbers"):
        cspec.run("param A[2, 3]\n" + body.format(a="A"), A=[1.0, 2.0])
    with pytest.raises(cspec.SpecError, match="it is 2 x 3, and 3 x 2 numbers are given"):
        cspec.run("param A[2, 3]\n" + body.format(a="A"), A=np.array(rows).T)


def test_a_gram_matrix_beside_eye_is_measured_as_written() -> None:
    body = "minimize sumsq(W - 1)\ns.t. c: W.T @ W == eye\nfit(optimizer=sgd(lr=0.1), steps=60)"
    tall = cspec.run("var W[3, 2] = [[1, 0], [0, 1], [0, 0]]\n" + body)
    found = np.array(tall.vars["W"])
    assert found.T @ found == pytest.approx(np.eye(2), abs=1e-9)
    # Three columns of length two are never orthonormal: rows are, and the compiler says it.
    with pytest.raises(cspec.SpecError, match="3 orthonormal columns"):
        cspec.run("var W[2, 3] = [[1, 0, 0], [0, 1, 0]]\n" + body)
