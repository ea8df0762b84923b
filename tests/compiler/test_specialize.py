"""`specialize` is a pure function: same spec, same facts, same program, same digest."""

import os
import subprocess
import sys
from collections.abc import Callable

import pytest

import cspec
from cspec.compiler.lower.digest import plan_digest
from cspec.compiler.records.program import Program
from cspec.dsl.check import Checked

SPEC = """data train(x, y), test(x, y) = two_gaussians(n=20, split=[0.5, 0.5])
model f = mlp(hidden=[4])
minimize bce(f(x), y)
s.t. quota: P[pred == 0] >= 60%
     sizes: forall W in f.weights: l2(W) <= 3
metric acc = P[pred == y on test]
fit(epochs=2)
"""
PRINT = "import sys, cspec; print(cspec.compile(sys.stdin.read()).model_dump_json())"


def test_twice_in_one_process() -> None:
    first, second = (cspec.compile(SPEC).model_dump_json() for _ in range(2))
    assert first == second


@pytest.mark.parametrize("seed", ["1", "2"])
def test_in_another_process_with_other_hashes(seed: str) -> None:
    found = subprocess.run(
        [sys.executable, "-c", PRINT],
        input=SPEC,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONHASHSEED": seed},
    )
    assert Program.model_validate_json(found.stdout).model_dump_json() == (
        cspec.compile(SPEC).model_dump_json()
    )


def test_comments_and_layout_do_not_count(checked: Callable[[str], Checked]) -> None:
    plain = checked("var x = 1\nminimize x^2\ns.t. a: 1*x >= 50%")
    dressed = checked(
        "# about x\nvar  x=1\n\nminimize x ^ 2   # a square\n\n"
        "subject to\n  a: 1 * x >= 50%  # half\n"
    )
    other = checked("var x = 1\nminimize x^2\ns.t. a: 1*x >= 51%")
    first, same, another = (
        plan_digest(each.elaborated, "", "") for each in (plain, dressed, other)
    )
    assert first == same != another


def test_the_digest_follows_what_is_bound_and_chosen() -> None:
    text = "minimize ce s.t. density(model) <= 0.5"
    dense = cspec.compile(text, model="mlp(hidden=[8])", data="digits")
    gated = cspec.compile(text, model="mlp(hidden=[8], gates=hard_concrete)", data="digits")
    assert dense.digest != gated.digest
    assert dense.digest == cspec.compile(text, model="mlp(hidden=[8])", data="digits").digest
