"""Random specs that the language refuses: vectors, axes that are not there, arithmetic of text."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from meaning.expressions import CLASSES
from meaning.generate import SIZES, STILL
from meaning.made import Made, make

import cspec


@dataclass(frozen=True)
class Wrong:
    """A spec that must be refused, and what is wrong with it."""

    seed: int
    why: str
    text: str
    line: str
    names: dict[str, Any]


Mistake = Callable[[random.Random, Made], str | None]
"""An expression of one example that is a mistake here, or None where it is none."""


def outputs(made: Made) -> str:
    part = made.parts[0] if made.parts else None
    return "f(x)" if part is None else f"f(x)[{part}]" if isinstance(part, int) else f"f(x).{part}"


REQUIRED = "groups as a number"
"""A mistake in a requirement; a metric records one number a group."""

MISTAKES: dict[str, Mistake] = {
    "all outputs at once": lambda r, m: outputs(m) if m.outputs > 1 else None,
    "all features at once": lambda r, m: "x" if m.features > 1 else None,
    "features in arithmetic": lambda r, m: "2*x + w" if m.features > 1 else None,
    "a target of several numbers": lambda r, m: "y" if m.target == "reals" else None,
    "an output beyond the last": lambda r, m: f"{outputs(m)}[{m.outputs + r.randint(0, 3)}]",
    "a feature beyond the last": lambda r, m: f"x[{m.features + r.randint(0, 3)}]",
    "an index of a column": lambda r, m: (
        f"{r.choice(['w', 'a', 'k', 'q', 's'])}[{r.randint(0, 2)}]"
    ),
    "an index of the target": lambda r, m: "y[0]" if m.target != "reals" else None,
    "an index of a sum": lambda r, m: "(w + a)[0]",
    "text in arithmetic": lambda r, m: r.choice(["s", "2*s", "s + t", "w*s", "-t", "abs(s)"]),
    "text in a function of numbers": lambda r, m: r.choice(["max(s, t)", "sumsq(s)", "exp(t)"]),
    "an unknown name": lambda r, m: r.choice(["zz", "w + zz", "zz(w)", "x.zz", "f(x).zz"]),
    "vectors of two sizes": lambda r, m: (
        f"{outputs(m)} @ [{', '.join('1' * (m.outputs + 1))}]" if m.outputs > 1 else None
    ),
    "a second index": lambda r, m: f"x[0][{r.randint(0, 2)}]",
    "a part of a number": lambda r, m: r.choice(["w.first", "k.T", "y.income"]),
    "a probability beyond the last": lambda r, m: (
        f"prob({outputs(m)})[{max(m.outputs, 2)}]" if m.target in CLASSES else None
    ),
    "an index of a prediction": lambda r, m: (
        f"pred({outputs(m)})[0]" if m.target in CLASSES else None
    ),
}

EVENTS: dict[str, Mistake] = {
    "a number as an event": lambda r, m: r.choice(["w", "a + w", "x[0]", "k"]),
    "an event of all outputs": lambda r, m: f"{outputs(m)} > 0" if m.outputs > 1 else None,
    "an event of all features": lambda r, m: "x > 0" if m.features > 1 else None,
}

WHOLES: dict[str, Mistake] = {
    "a number an example": lambda r, m: r.choice(["w", "w*a", "x[0]", "a > 0"]),
    "a gap of one number": lambda r, m: "gap(E[w])",
    "groups of many numbers": lambda r, m: r.choice(["gap(E[w | a])", "max(E[a | w])"]),
    "groups joined by and": lambda r, m: "gap(E[w | s and k == 1])",
    "unknown data": lambda r, m: "E[w on nowhere]",
    REQUIRED: lambda r, m: r.choice(["E[w | s] + 1", "2*P[a > 0 | k]"]),
    "groups within a mean": lambda r, m: r.choice(["E[w - E[w | s]]", "P[a > P[q | k]]"]),
    "groups of two columns": lambda r, m: r.choice(
        ["max(E[w | s] - E[a | k])", "E[w | k]/E[w | t]"]
    ),
    "groups in a vector": lambda r, m: r.choice(["norm([E[w | s], 1], 2)", "sum([2, P[q | k]])"]),
    "an unknown group": lambda r, m: r.choice(['E[w | s]["zz"]', "P[q | k][7]", "E[a | t].zz"]),
    "a group or its number": lambda r, m: "E[w | k][2]",
    "an index of one number": lambda r, m: r.choice(
        ["E[w][0]", "P[q | k == 1][1]", "cvar(a, 0.5)[0]"]
    ),
    "a tail without a tail": lambda r, m: r.choice(
        ["cvar(w, 1)", "cvar(a, 1.5)", "quantile(w, 2)"]
    ),
}


def wrong_specs(first: int, many: int) -> Iterator[Wrong]:
    """Specs of seeds, each with one mistake in a metric or a requirement."""
    for seed in range(first, first + many):
        rng = random.Random(f"wrong {seed}")
        made = make(rng, simple=rng.random() < 0.5)
        kinds = rng.choice([MISTAKES, MISTAKES, EVENTS, WHOLES])
        why = rng.choice(list(kinds))
        mistake = kinds[why](rng, made)
        if mistake is None:
            continue
        body = placed(rng, kinds, mistake)
        line = f"metric m = {body}"
        if rng.random() < 0.5 or why == REQUIRED:
            line = f"s.t. c: {body} + {loss(made)} <= 1000"
        yield Wrong(seed, why, spec(made, line), line, dict(made.names))


def placed(rng: random.Random, kinds: dict[str, Mistake], mistake: str) -> str:
    """The mistake within a mean, a fraction or nothing."""
    if kinds is WHOLES:
        return mistake
    if kinds is EVENTS:
        return rng.choice(
            [f"P[{mistake}]", f"P[{mistake} and k == 1]", f"E[w | ({mistake}) and a > 0]"]
        )
    forms = [f"E[{mistake}]", f"E[{mistake} | k == 1]", f"E[w*({mistake})]", f"P[{mistake} > 0.5]"]
    return rng.choice([*forms, f"E[tanh({mistake})]", f"gap(E[{mistake} | k])"])


def loss(made: Made) -> str:
    """The mean loss that fits the target."""
    words = {"log": "nll", "gap": "ce", "classes": "ce", "text": "ce", "signs": "hinge"}
    word = words.get(made.target, "mse" if made.target.startswith("real") else "bce")
    return f"E[{word}({outputs(made)}, y)]"


def spec(made: Made, line: str) -> str:
    """A whole spec around a mistake."""
    header = made.header.rstrip("\n")
    return "\n".join([header, f"minimize {loss(made)}", line, f"fit({STILL}{SIZES[0]})"])


def accepted(wrong: Wrong) -> str:
    """What is wrong with how a mistake is met: nothing if an error with a place says so."""
    head = f"seed {wrong.seed}: {wrong.why}\n{wrong.text}\n"
    try:
        result = cspec.run(wrong.text, **wrong.names)
    except cspec.SpecError as error:
        at = next(i for i, line in enumerate(wrong.text.splitlines(), 1) if wrong.line in line)
        told = any(f"--> <spec>:{at}:" in part for part in str(error).split("error[")[1:])
        return "" if told else f"{head}not placed in line {at}:\n{error}"
    except Exception as error:
        return f"{head}{type(error).__name__}: {error}"
    return f"{head}accepted: {result.metrics} {[(c.name, c.value) for c in result.constraints]}"
