"""Nothing is promised that does not run: every word, setting and form runs, or `check` says so.

A form that checks clean trains. One that can't run yet is a warning of `check`, is marked by
`explain`, and is refused by `run` before data are read; one that a model or data rule out is
refused by name before the first step.
"""

from __future__ import annotations

import itertools
import types
from collections.abc import Iterator
from typing import Any, Literal, Union, get_args, get_origin

import numpy as np
import pytest

import cspec
from cspec.dsl.check import check
from cspec.dsl.messages.diagnostic import SpecError, errors
from cspec.dsl.not_compiled import LATER
from cspec.dsl.settings.base import Every, Settings
from cspec.dsl.settings.duals import DUALS
from cspec.dsl.settings.fit import OPTIMIZERS, SCHEDULES, STOPS, FitSettings
from cspec.dsl.settings.methods import MAPS, METHODS, Soft
from cspec.dsl.settings.models import MODELS
from cspec.dsl.settings.solvers import SOLVERS
from cspec.dsl.settings.sources import SOURCES
from cspec.dsl.text.source import Source
from cspec.dsl.words.functions import SETS, SIGNATURES, STRUCTURE, SURROGATE_SETTINGS
from cspec.reading.vocabulary import KINDS, entries

COLUMNS = "(x, y, sex, race, q, w)"
DATA = f"data train{COLUMNS}, val{COLUMNS}\nmodel f = mlp(hidden=[4])\nminimize bce(f(x), y)\n"
SHORT = "fit(epochs=1)\n"
BY_FACTS = frozenset(
    {"CS208", "CS312", "CS330", "CS331", "CS332", "CS333", "CS334"}
    | {"CS521", "CS522", "CS523", "CS525", "CS526", "CS527", "CS528", "CS529", "CS533"}
)
"""Codes of what only the model and the data rule out."""


def table(rows: int = 40) -> dict[str, Any]:
    g = np.random.default_rng(0)
    return {
        "x": g.normal(size=(rows, 3)).astype(np.float32),
        "y": g.integers(0, 2, rows),
        "sex": g.choice(["a", "b"], rows),
        "race": g.choice(["u", "v"], rows),
        "q": g.random(rows) < 0.4,
        "w": g.random(rows).astype(np.float32),
    }


TABLE = table()
OTHER_ROWS = {**TABLE, "x": TABLE["x"] + 0.01}
"""What certifies is no row that trains."""


def of_data(constraint: str, more: str = "") -> str:
    return f"{DATA}s.t. c: {constraint}\n{SHORT}{more}"


def of_vars(constraint: str, more: str = "") -> str:
    return f"var v[3] = 1\nminimize sumsq(v - 2)\ns.t. c: {constraint}\n{more}"


# --- the words of the table ----------------------------------------------------------------------

FUNCTIONS: dict[str, str] = {
    **{word: f"E[{word}(f(x), y)] <= 9" for word in ("bce", "mse", "mae", "huber", "hinge")},
    **{word: f"E[{word}(f(x), y)] <= 9" for word in ("ce", "nll")},
    "density": "density(f) <= 50%",
    "params": "params(f) <= 15",
    "flops": "flops(f) <= 30",
    "bytes": "bytes(f) <= 60",
    **{word: f"{word}(f.weights) <= 3" for word in ("l1", "l2", "sumsq")},
    "norm": "norm(f.weights, 1) <= 3",
    "spectral": "forall W in f.weights: spectral(W) <= 3",
    "nuclear": "forall W in f.weights: nuclear(W) <= 3",
    "prob": "E[prob(f(x))[1]] <= 90%",
    "pred": "P[pred(f(x)) == 1] <= 90%",
    "softmax": "E[softmax(x)[0]*f(x)] <= 9",
    "min": "min(f.weights) >= -9",
    "max": "max(f.weights) <= 9",
    "sum": "sum(f.weights) <= 9",
    "all": "P[all(x > 0) and pred(f(x)) == 1] <= 1",
    "any": "P[any(x > 0) and pred(f(x)) == 1] <= 1",
    "pow": "E[pow(f(x), 2)] <= 9",
    "gap": "gap(P[pred == 1 | sex]) <= 90%",
    "ratio": "ratio(P[pred == 1 | sex]) >= 0.01",
    "cvar": "cvar(bce(f(x), y), 90%) <= 9",
    "quantile": "quantile(bce(f(x), y), 90%) <= 9",
    "diff": "E[diff(f(x), x)^2] <= 9",
    "laplacian": "E[laplacian(f(x), x)^2] <= 9",
    "grad": "E[sumsq(grad(f(x), x))] <= 9",
    "mean": "E[mean(x)*f(x)] <= 9",
    "variance": "E[variance(x)*f(x)] <= 9",
    "std": "std(f.weights) <= 9",
    "median": "E[median(x)*f(x)] <= 9",
    "topk": "E[sum(topk(x, 2))*f(x)] <= 9",
    "argmax": "P[argmax(x) == 1 and pred(f(x)) == 1] <= 90%",
    "cumsum": "E[cumsum(x)[1]*f(x)] <= 9",
    "dot": "E[dot(x, x)*f(x)] <= 9",
    "clip": "E[clip(f(x), 0, 1)] <= 9",
    "where": "E[where(x[0] > 0, f(x), 1)] <= 9",
    "floor": "E[floor(x[0])*f(x)] <= 9",
    "entropy": "E[entropy(prob)] <= 9",
    "kl": "E[kl(prob, prob(f(2*x)))] <= 9",
    "trace": "forall W in f.weights: trace(W @ W.T) <= 9",
    "det": "forall W in f.weights: det(W @ W.T + eye) <= 99",
    "logdet": "forall W in f.weights: logdet(W @ W.T + eye) <= 9",
    "inv": "forall W in f.weights: norm(inv(W @ W.T + eye), 2) <= 9",
    "expm": "forall W in f.weights: norm(expm(W @ W.T), 2) <= 99",
    "diag": "forall W in f.weights: sum(diag(W @ W.T)) <= 9",
    "eye": "forall W in f.weights: norm(W @ W.T - eye, 2) <= 9",
    "margin": "E[margin(f(x), y)] >= -9",
    "ramp": "l2(f.weights) <= ramp(9, 5)",
}
METRICS = {
    "violation": "violation(c)",
    "violations": "norm(violations, 2)",
    "initial": "initial(E[bce(f(x), y)])",
}
OTHERS = {
    "frozen": f"data train{COLUMNS}\nmodel f = mlp(hidden=[4])\nmodel g = frozen(f)\n"
    f"minimize bce(f(x), y)\ns.t. c: E[(f(x) - g(x))^2] <= 9\n{SHORT}",
    "values": of_data("forall g in values(sex): P[pred == 1 | sex == g] <= 1 - 1e-9"),
    "cross": of_data(
        "forall (g, h) in cross(sex, race): P[pred == 1 | sex == g and race == h] <= 99.9%"
    ),
    "pairs": of_data("E[abs(f(a) - f(b)) for (a, b) in pairs(train)] <= 9"),
    "range": of_vars("forall i in range(3): v[i] <= 1"),
    "box": "domain d(t) = box([0, 1])\nmodel u(t) = mlp(hidden=[4])\n"
    "minimize E[u^2 for t in d.sample(9)]\nfit(steps=2)",
    "normal": of_vars("E[v[0] + t for t in normal(0, 1).sample(9)] <= 3"),
    "uniform": of_vars("forall t in uniform(0, 1).sample(9): v[0] <= 3 + t"),
    "sample": of_vars("forall t in uniform(0, 1).sample(9): v[0] <= 9 + t"),
}
SETS_OF_WEIGHTS: dict[str, str] = {
    "nonneg": "nonneg",
    "simplex": "simplex",
    "sphere": "sphere",
    "ball": "ball(1, norm=2)",
    "stiefel": "stiefel",
    "symmetric": "symmetric",
    "psd": "psd",
    "rank": "rank(1)",
    "sparse": "sparse(50%)",
    "channels": "channels(50%)",
    "nm": "nm(1, 3)",
    "grid": "grid(bits=4)",
    "monotone": "monotone",
    "spectral": "spectral(1)",
    "nuclear": "nuclear(1)",
}


def words() -> dict[str, str]:
    found = {f"function {word}": of_data(text) for word, text in FUNCTIONS.items()}
    for word, signature in SIGNATURES.items():
        if signature.family == "elementary" and word not in FUNCTIONS:
            found[f"function {word}"] = of_data(f"E[{word}(sigmoid(f(x)))] <= 9.5")
    for word, text in METRICS.items():
        found[f"metric {word}"] = of_data("P[pred == 1] <= 90%", f"metric m = {text}\n")
    found |= {f"word {word}": text for word, text in OTHERS.items()}
    for word, text in SETS_OF_WEIGHTS.items():
        found[f"set {word}"] = of_data(f'forall W in f.weights("fc1*"): W in {text}')
        found[f"set {word} of a var"] = of_vars(f"v in {text}")
    return found


# --- settings ------------------------------------------------------------------------------------

SPECIAL = {
    "dual_data": ("val",),
    "optimizer": ("sgd", '[adam(params="fc1*"), sgd]'),
    "schedule": ("cosine",),
    "params": ('"*"',),
    "map": ("softplus",),
    "batch_size": ("8", "full", "sizes(train=8)"),
    "betas": ("[0.5, 0.9]",),
    "hidden": ("[4]", "[4, 3]"),
    "channels": ("[4]",),
    "split": ("[0.5, 0.5]",),
    "augment": ("shift",),
    "engine": ("slsqp", "trust_constr", "augmented_lagrangian", "interior_point"),
    "dual": tuple(DUALS),
    "growth": ("2",),
    "relaxation": ("1.5",),
    "steps": ("3",),
    "epochs": ("2",),
}


def samples(name: str, wanted: Any) -> tuple[str, ...]:
    """Values of a setting by its name, else by its type."""
    if name in SPECIAL:
        return SPECIAL[name]
    options = get_args(wanted) if get_origin(wanted) in (Union, types.UnionType) else (wanted,)
    if Every in options:
        return ("10", "epoch", "epochs(2)")
    words = [v for o in options if get_origin(o) is Literal for v in get_args(o)]
    if words:
        return tuple(map(str, words))
    if bool in options:
        return ("true", "false")
    return ("2",) if int in options and float not in options else ("0.5",)


def fields(cls: type[Settings]) -> Iterator[tuple[str, str]]:
    for name, field in cls.model_fields.items():
        for value in samples(name, field.annotation):
            yield name, value


USES = {
    "admm": "density(f) <= 50%",
    "projection": "density(f) <= 50%",
    "frank_wolfe": "l2(f.weights) <= 3",
    "output_projection": "forall (x, y) in train: f(x) <= 3",
    "parametrization": 'forall W in f.weights("fc1*"): W >= 0',
}
SOLVED = ("sqp", "spg", "bisection")


def methods() -> dict[str, str]:
    found = {}
    for word, cls in METHODS.items():
        uses = [word, *(f"{word}({name}={value})" for name, value in fields(cls))]
        for using in uses:
            text = of_data(USES.get(word, "P[pred == 1] <= 90%"), f"using {using}\n")
            if word == "sqp":
                text = of_vars("sum(v) <= 1", f"using {using}\n")
            elif word == "spg":
                text = of_vars("v in simplex", f"using {using}\n")
            elif word == "bisection":
                text = f"var v = 1\nminimize (v - 2)^2\ns.t. c: v <= 1\nusing {using}\n"
            elif "stiefel" in using:
                constraint = 'forall W in f.weights("fc1*"): W in stiefel'
                text = of_data(constraint, f"using {using}\n")
            found[f"using {using}"] = text
    for word, cls in DUALS.items():
        for name, value in fields(cls):
            given = f"lagrangian(dual={word}({name}={value}))"
            found[given] = of_data("P[pred == 1] <= 90%", f"using {given}\n")
    for word in MAPS:
        found[f"by {word}"] = of_data(f'forall W in f.weights("fc1*"): W >= 0 by {word}')
    return found


def trained(fit: str) -> str:
    return f"{DATA}s.t. c: P[pred == 1] <= 90%\nfit({fit})\n"


def settings() -> dict[str, str]:
    found = {}
    for name, value in fields(FitSettings):
        found[f"fit {name}={value}"] = trained(f"{name}={value}")
    for table_, keyword in ((OPTIMIZERS, "optimizer"), (SCHEDULES, "schedule")):
        for word, cls in table_.items():
            for name, value in fields(cls):
                more = ", batch_size=full" if word == "lbfgs" else ""
                text = trained(f"{keyword}={word}({name}={value}){more}, epochs=2")
                found[f"{keyword} {word}({name}={value})"] = text
    for word, cls in STOPS.items():
        for name, value in fields(cls):
            condition = f"{word}({name}={value})"
            if word == "stalled" and name == "tolerance":
                condition = f"stalled(epochs=2, tolerance={value})"
            text = of_data("P[pred == 1] <= 90%", f"stop when {condition}\n")
            found[f"stop {condition}"] = text
    for word, cls in MODELS.items():
        for name, value in fields(cls):
            found[f"model {word}({name}={value})"] = (
                "data train(x, y) = digits(split=[0.05], image=true)\n"
                f"model f = {word}({name}={value})\nminimize ce(f(x), y)\n{SHORT}"
            )
    for word in SOLVERS:
        ball = f"ball(x, 0.1, norm=inf, solver={word}(steps=2))"
        found[f"solver {word}"] = of_data(f"E[max(bce(f(z), y) for z in {ball})] <= 9")
    for word, keywords in SURROGATE_SETTINGS.items():
        for form in (word, *(f"{word}({name}=0.5)" for name in keywords)):
            found[f"surrogate {form}"] = of_data(f"P[pred == 1] <= 90% with surrogate {form}")
    for name, value in fields(Soft):
        found[f"soft {name}={value}"] = of_data(f"P[pred == 1] <= 9% soft({name}={value})")
    return found


def sources() -> dict[str, str]:
    found = {}
    for word, cls in SOURCES.items():
        if word in ("csv", "idx"):
            continue  # their files are what tests/runtime/data is about
        loss = "mse(f(x), y)" if word == "diabetes" else "ce(f(x), y)"
        for name, value in fields(cls):
            given = f"{name}={value}" if name == "split" else f"split=[0.1, 0.1], {name}={value}"
            if name == "folder":
                given = 'folder="nowhere"'
            found[f"data {word}({given})"] = (
                f"data train(x, y), test(x, y) = {word}({given})\nmodel f = mlp(hidden=[4])\n"
                f"minimize {loss}\n{SHORT}"
            )
    return found


# --- items, quantifiers, modifiers ---------------------------------------------------------------

FORMS: dict[str, str] = {
    "each example": of_data("forall (x, y) in train: bce(f(x), y) <= 9"),
    "each example where": of_data("forall (x, y) in train where y == 1: bce(f(x), y) <= 9"),
    "each example, an equality": of_data("forall (a, b) in train: f(a) == 1"),
    "a rule on each example": of_data("forall (x, y) in train: f(x) > 0 => bce(f(x), y) <= 9"),
    "each example, preferred": of_data("forall (x, y) in train: f(x) <= 9 soft(weight=1)"),
    "outputs by construction": of_data("forall (x, y) in train: f(x) <= 1 by construction"),
    "outputs by projection": of_data("forall (x, y) in train: f(x) <= 1 by output_projection"),
    "outputs, some": of_data("forall (x, y) in train where y == 1: f(x) <= 1 by output_projection"),
    "a ball around examples": of_data(
        "forall (x, y) in train, z in ball(x, 0.1, norm=2): bce(f(z), y) <= 9"
    ),
    "an average of renamed columns": of_data("E[bce(f(a), b) for (a, b) in train] <= 9"),
    "an average with where": of_data("E[bce(f(a), b) for (a, b) in train where b == 1] <= 9"),
    "a sum over examples": of_data("sum(bce(f(a), b) for (a, b) in train) <= 999"),
    "a maximum over examples": of_data("max(bce(f(a), b) for (a, b) in train) <= 9"),
    "pairs of examples": of_data("forall (a, b) in pairs(train): abs(f(a) - f(b)) <= 9"),
    "a rate of a rule": of_data("P[f(x) > 0 => y == 1] >= 1%"),
    "a derivative by weights": of_data(
        "forall W in f.weights: norm(grad(E[bce(f(x), y)], W), 2) <= 99"
    ),
    "a derivative of variables": "var t = 1\nminimize diff(t^3, t)^2\ns.t. c: t >= 0.5\n",
    "by group, several columns": of_data("gap(P[pred == 1 | sex, race]) <= 99%"),
    "by group, under a condition": of_data("gap(P[pred == 1 | sex, y == 1]) <= 99%"),
    "a group of constraints": of_data(
        "forall g in values(sex): {\n  a: P[pred == 1 | sex == g] <= 99%; b: E[f(x) | sex == g] "
        "<= 9\n}"
    ),
    "a table": "param level[sex] = 99%\n"
    + of_data("forall g in values(sex): P[pred == 1 | sex == g] <= level[g]"),
    "certificate": of_data("P[pred == 1] <= 90%", "verify c on val with confidence 95%\n"),
    "verify now and then": of_data("P[pred == 1] <= 90%", "verify all on val every 2 steps\n"),
    "verify by name": of_data("P[pred == 1] <= 90%", "verify c on val\n"),
    "tolerance": of_data("P[pred == 1] <= 90% within 1%"),
    "on other data": of_data("P[pred == 1] <= 90% on val"),
    "threshold": of_data("P[pred == 1] <= 90% by threshold"),
    "a chain": of_data("1% <= P[pred == 1] <= 90%"),
    "satisfy": "var v = 1\nsatisfy\ns.t. c: v >= 2\n",
    "maximize below": "var v = 1\nmaximize\n  v - v^2\nsubject to\n  c: v <= 0.3\n",
    "a ball around a point": of_vars("v in ball([1, 1, 1], 0.5, norm=2)"),
    "a ball around a variable": "var u = 1\n" + of_vars("v in ball(u, 0.5, norm=1)"),
    "an odd norm": of_vars("v in ball(0.5, norm=3)"),
    "points of a domain": "domain d(t) = box([0, 1])\n" + of_vars("forall t in d: v[0] >= t"),
    "grid points of a domain": "domain d(t) = box([0, 1])\n"
    + of_vars("forall t in d.grid(9): v[0] >= t"),
    "unset": "param eps in [0, 1]\n" + of_vars("sum(v) <= eps"),
    "two optimizers": trained('optimizer=[adam(params="fc1*"), sgd], epochs=1'),
}
ALL = {**words(), **methods(), **settings(), **sources(), **FORMS}


def bindings(text: str) -> dict[str, Any]:
    return (
        {
            name: d
            for name, d in (("train", TABLE), ("val", OTHER_ROWS))
            if f"{name}{COLUMNS}" in text
        }
        if ("= digits" not in text)
        else {}
    )


def outcome(text: str) -> str:
    """`runs`, or the codes by which it is refused; an error that nobody names is raised."""
    checked = check(Source(text=text))
    if errors(checked.diagnostics):
        return " ".join(d.code for d in errors(checked.diagnostics))
    later = sorted(d.code for d in checked.diagnostics if d.code in LATER)
    told = sorted([*later, *("CS220" for _ in checked.unset)])
    try:
        result = cspec.run(text, **({} if told else bindings(text)))
    except SpecError as error:
        codes = sorted(d.code for d in error.diagnostics)
        assert codes == told or (not told and set(codes) <= BY_FACTS), codes
        assert all(code in cspec.explain(text) for code in later)
        return " ".join(codes)
    assert not told
    assert result.status in ("satisfied", "violated", "suspected_infeasible", "nonfinite")
    return "runs"


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", ALL)
def test_a_form_runs_or_check_says_that_it_does_not(name: str) -> None:
    assert outcome(ALL[name])


def test_every_word_of_the_table_has_a_form() -> None:
    known = {*FUNCTIONS, *METRICS, *OTHERS, *SETS_OF_WEIGHTS}
    elementary = {word for word, s in SIGNATURES.items() if s.family == "elementary"}
    assert SIGNATURES.keys() | SETS == known | elementary
    assert SETS_OF_WEIGHTS.keys() == STRUCTURE


def test_words_that_can_not_run_yet_are_marked() -> None:
    """`cspec list` and the tables of the pages say it beside each of them, and of no other."""
    table_ = {**words(), **settings()}
    later = {
        name.split()[1].partition("=")[0]
        for name, text in table_.items()
        if any(d.code in LATER for d in check(Source(text=text)).diagnostics)
    }
    assert later == set()
    listed = {e.word: e.doc for kind in KINDS if kind != "codes" for e in entries(kind)}
    assert not {word for word, doc in listed.items() if "not compiled yet" in doc}


def test_most_forms_run() -> None:
    """What is refused is named here: a form that comes to run leaves the list."""
    refused = {name for name in FORMS if outcome(FORMS[name]) != "runs"}
    assert refused == {
        *("outputs, some", "an odd norm", "points of a domain", "unset"),
    }


CROSSED = {
    f"{text} by {method}": of_data(f'forall W in f.weights("fc1*"): W in {text} by {method}')
    for text, method in itertools.product(
        SETS_OF_WEIGHTS.values(), (*METHODS, *MAPS, "construction")
    )
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", CROSSED)
def test_a_set_by_a_method_runs_or_is_refused_by_name(name: str) -> None:
    assert outcome(CROSSED[name])
