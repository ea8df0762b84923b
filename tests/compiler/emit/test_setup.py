"""`setup` and `record` of an emitted file say again, in Python, what the program says."""

import ast
from collections.abc import Callable
from typing import Any

import pytest
import torch

from cspec.compiler.emit.setup import setup_words, write_record, write_setup
from cspec.compiler.emit.writer import Writer
from cspec.compiler.records.program import Program
from cspec.dsl.messages.diagnostic import SpecError
from cspec.runtime.setup import Setup, adam, bound_model, fit, linear, program_of

Compiled = Callable[..., Program]
BINARY = "data train(x, y) = two_gaussians(n=40, seed=1)\nmodel f = linear\nminimize bce(f(x), y)\n"
SPECS = {
    "implied": ("minimize ce s.t. density(model) <= 0.5", {"model": "mlp", "data": "digits"}),
    "splits": (
        "data train(x, y), val(x, y), test(x, y) = digits(split=[0.6, 0.2, 0.2], seed=0)\n"
        "model net = mlp(hidden=[8, 8], act=tanh)\nmodel ref = frozen(net)\n"
        "minimize ce(net(x), y)\ns.t. E[sumsq(net(x) - ref(x))] <= 0.5\n"
        'fit(optimizer=[sgd(params="*bias", lr=0.1), adam(lr=1e-2)], epochs=2, clip_norm=1,\n'
        "    schedule=linear(warmup=5), batch_size=sizes(train=16, val=8, test=8))\n"
        "verify all on val every epoch\nstop when feasible(1e-3)\n",
        {},
    ),
    "two sources": (
        "param level = 30%\ndata a(x, y) = two_gaussians(n=40)\n"
        "data b(x, y) = two_gaussians(n=30, seed=3)\nmodel f = linear(bias=false)\n"
        "minimize E[bce(f(x), y) on a]\ns.t. E[bce(f(x), y) | y == 1 on b] <= level\n"
        "P[pred == 1 on b] <= 60%\nmetric acc = P[pred == y on b]",
        {},
    ),
    "variables": (
        "param t[3] = [1, -2.5, 1e-7]\nvar w[3] = [1, -2, 3] in [-5, 5]\nvar x = 0.5\n"
        "minimize sumsq(w) + x^2 + dot(t, w)\n"
        "s.t. a: w[0] + x == 1 by augmented_lagrangian\nw[1] >= -1\nfit(steps=20)",
        {},
    ),
    "by groups": (
        BINARY + "s.t. r: forall k in range(2): P[pred == k | y == k] >= 0.6\n"
        'c: l2(f.params("*weight")) <= 1 soft(weight=0.3)\nfit(steps=9)',
        {},
    ),
    "a solver": ("var x = 2\nminimize x^2\ns.t. x >= 1", {}),
    "each": (BINARY + "s.t. forall (x, y) in train: bce(f(x), y) <= 1.5\nfit(steps=9)", {}),
}


def said(source: str) -> Program:
    """The program that a file describes."""
    namespace: dict[str, Any] = {"__name__": "a file"}
    exec(compile(source, "train.py", "exec"), namespace)
    return program_of(namespace["setup"](), namespace["record"](), source)


@pytest.mark.parametrize("name", SPECS)
def test_a_file_says_what_its_program_says(compiled: Compiled, name: str) -> None:
    text, bindings = SPECS[name]
    program = compiled(text, **bindings)
    without = {"graph", "described"}
    assert said(program.source).model_dump(exclude=without) == program.model_dump(exclude=without)


@pytest.mark.parametrize("name", SPECS)
def test_lines_are_short_and_no_local_or_import_is_unused(compiled: Compiled, name: str) -> None:
    text, bindings = SPECS[name]
    source = compiled(text, **bindings).source
    assert [line for line in source.splitlines() if len(line) > 100] == []
    read = {n.id for n in ast.walk(ast.parse(source)) if isinstance(n, ast.Name)}
    imports = [n for n in ast.parse(source).body if isinstance(n, ast.Import | ast.ImportFrom)]
    assert {a.asname or a.name for n in imports for a in n.names} <= read


def test_settings_that_are_python_keywords(compiled: Compiled) -> None:
    program = compiled(BINARY + "fit(steps=2)")
    model = program.models[0]
    settings = {"class": 3, "module": "m", "name": "n"}
    call = model.source.model_copy(
        update={"module": "net.py", "name": "Net", "settings": settings, "arguments": (1, "two")}
    )
    models = (model.model_copy(update={"source": call}),)
    again = said(_written(program.model_copy(update={"models": models})))
    assert again.models[0].source.settings == settings
    assert again.models[0].source.arguments == (1, "two")


def _written(program: Program) -> str:
    writer, used = Writer(), set[str]()
    write_setup(program, writer, used, steps=True)
    write_record(program, {}, writer, used)
    return f"from cspec.runtime.setup import {', '.join(setup_words(used))}\n{writer.text()}"


def test_an_optimizer_that_forgets_a_model_is_told() -> None:
    f, g = linear(inputs=2, outputs=1), bound_model()
    setup = Setup(models={"f": f, "g": g}, fit=fit(adam(f, lr=0.1)))
    with pytest.raises(SpecError) as caught:
        setup.facts()
    assert "`g`" in caught.value.diagnostics[0].message


def test_an_object_in_the_place_of_a_record_is_used() -> None:
    module = torch.nn.Linear(2, 1)
    setup = Setup(models={"f": module}, fit=fit(adam(module, lr=0.1), seed=3))
    assert setup.bindings() == {"f": module}
    assert setup.facts()["models"][0].source.name == ""
    assert setup.facts()["fit"]["seed"] == 3
