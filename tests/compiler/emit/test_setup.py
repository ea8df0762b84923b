"""`setup` and `record` of an emitted file say again, in Python, what the program says."""

import ast
import builtins
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch

from cspec.compiler.emit.setup import WORDS, write_record, write_setup
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
    without = {"graph", "described", "lines"}  # what only the compiler knows
    assert said(program.source).model_dump(exclude=without) == program.model_dump(exclude=without)


DIGITS = (
    "data train(x, y), val(x, y), test(x, y) = digits(split=[0.6, 0.2, 0.2], seed=0)\n"
    "model net = mlp(hidden=[8])\nminimize ce(net(x), y)\n"
)
LOOPS = {
    name: (text, {})
    for name, text in {
        "nothing asked": DIGITS + "fit(epochs=1)",
        "admm": DIGITS + "s.t. c: density(net) <= 0.3 by admm\n"
        "d: forall W in net.weights: l2(W) <= 3 by admm(every=7)\nfit(epochs=2)",
        "admm, linearized": DIGITS + "s.t. density(net) <= 0.3 by admm(linearized=true)",
        "pruning": DIGITS + "s.t. density(net) <= 0.3 by projection(ramp=0.4, freeze=true)",
        "a projection an epoch": DIGITS
        + "s.t. forall W in net.weights: W in ball(2, norm=2) by projection(every=epoch)",
        "vertices": BINARY + "s.t. forall W in f.weights: W in ball(1, norm=1) by frank_wolfe",
        "a map": DIGITS + 's.t. forall W in net.weights("fc1*"): W in stiefel by parametrization',
        "sal": BINARY + "s.t. E[bce(f(x), y) | y == 1] <= 0.2\nusing sal",
        "proxy": BINARY + "s.t. P[pred == 0] >= 70%\nusing proxy_lagrangian",
        "a threshold": BINARY + "s.t. P[pred == 0] >= 70% by threshold",
        "line search": BINARY + "s.t. E[bce(f(x), y) | y == 1] <= 0.2\n"
        "using augmented_lagrangian(penalty=1)\nfit(batch_size=full, optimizer=lbfgs)",
        "on surrogates": BINARY + "s.t. P[pred == 0] >= 70%\n"
        "using lagrangian(dual_on=surrogate, every=epoch)",
    }.items()
}


@pytest.mark.parametrize("name", [*SPECS, *LOOPS])
def test_lines_are_short_and_names_are_used_and_known(compiled: Compiled, name: str) -> None:
    text, bindings = (SPECS | LOOPS)[name]
    source = compiled(text, **bindings).source
    assert [line for line in source.splitlines() if len(line) > 100] == []
    tree = ast.parse(source)
    assert imported(tree) <= names(tree, ast.Load)
    known = names(tree, ast.Store) | imported(tree) | set(dir(builtins)) | {"__name__"}
    known |= {n.name for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)}
    for function in (n for n in tree.body if isinstance(n, ast.FunctionDef)):
        given = {a.arg for n in ast.walk(function) if isinstance(n, ast.arguments) for a in n.args}
        assert names(function, ast.Load) <= known | given, function.name
        assert names(function, ast.Store) - {"_"} <= names(function, ast.Load), function.name


def names(tree: ast.AST, use: type[ast.expr_context]) -> set[str]:
    """Names that are read, or that are assigned."""
    found = (n for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, use))
    return {node.id for node in found}


def imported(tree: ast.Module) -> set[str]:
    """Names that the module imports at its head."""
    lines = (n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom))
    return {alias.asname or alias.name for line in lines for alias in line.names}


@pytest.mark.parametrize("name", [*SPECS, *LOOPS])
def test_each_forward_pass_is_written_once(compiled: Compiled, name: str) -> None:
    text, bindings = (SPECS | LOOPS)[name]
    calls = re.findall(r'primal\["\w+"\]\(.*\)', compiled(text, **bindings).source)
    assert len(calls) == len(set(calls)) <= 2


def test_without_constraints_the_loss_is_the_objective(compiled: Compiled) -> None:
    source = compiled(*LOOPS["nothing asked"][:1]).source
    found = {n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)}
    assert found == {"setup", "outputs", "objective", "train", "record"}
    assert "        loss = objective(primal, batch)\n" in source


def test_admm_stands_in_the_loop(compiled: Compiled) -> None:
    source = compiled(*LOOPS["admm"][:1]).source
    lines = [line.strip().partition("  #")[0] for line in source.splitlines()]
    wanted = [
        "[c_split, d_split] = splits(primal, state)",
        "begin(c_split, rho=0.001)",
        "deliver(c_split, d_split)",
        "loss = loss + attraction(c_split)",
        "split_round(d_split)",
        "stay(c_split, d_split, optimizer=optimizer)",
        "split_round(c_split)",
        "report_split(session, c_split)",
    ]
    places = [lines.index(line) for line in wanted]
    assert places == sorted(places)


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
    return f"from cspec.runtime.setup import {', '.join(sorted(used & WORDS))}\n{writer.text()}"


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
