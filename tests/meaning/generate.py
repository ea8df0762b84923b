"""Seeded random specs over made data, with what each of their numbers should be."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from meaning.evaluator import Constraint, Judged, Metric, Objective
from meaning.layout import laid_out, with_names
from meaning.made import Made, make
from meaning.requirements import RequirementWriter
from meaning.tree import nodes

STILL = "optimizer=sgd(lr=1e-60), "
"""Steps that move nothing: values can be recomputed from the given model."""

SIZES = (
    "steps=1, batch_size=full",
    "steps=1, batch_size=full",
    "epochs=1, batch_size=16",
    "epochs=2, batch_size=7",
)
METHODS = (
    "",
    "",
    "",
    "using lagrangian(dual=sgd(lr=0.01))",
    "using augmented_lagrangian(penalty=2)",
    "using exact_penalty(coefficient=0.5)",
    "using quadratic_penalty",
)
"""How requirements are enforced, which changes no value here."""


@dataclass(frozen=True)
class Written:
    """A spec in parts, so that each part can also be run alone."""

    seed: int
    made: Made
    defined: tuple[str, ...]
    objective: Objective
    constraints: tuple[Constraint, ...]
    metrics: tuple[Metric, ...]
    verified: str | None
    double: bool
    params: Mapping[str, Any]
    method: str = ""
    fit: str = f"{STILL}{SIZES[0]}"
    layout: int | None = None
    renamed: Mapping[str, str] = field(default_factory=dict)

    @property
    def text(self) -> str:
        parts = (self.objective, self.constraints, self.metrics)
        lines = [self.made.header.rstrip("\n"), *self.used(parts), self.objective.text()]
        for i, constraint in enumerate(self.constraints):
            lines.append(("     " if i else "s.t. ") + constraint.text())
        lines += [m.text() for m in self.metrics]
        if self.verified:
            lines.append(f"verify all on {self.verified}")
        if self.constraints:
            lines.append(self.method)
        precision = ", precision=float64" if self.double else ""
        text = "\n".join([line for line in lines if line] + [f"fit({self.fit}{precision})"])
        text = with_names(text, self.renamed)
        return text if self.layout is None else laid_out(text, random.Random(self.layout))

    def used(self, parts: object) -> list[str]:
        """The lines of params and lets that anything refers to."""
        names = {getattr(n, "name", None) for n in nodes(parts)}
        return [line for line in self.defined if re.split(r"[\s\[(]+", line)[1] in names]

    @property
    def names(self) -> dict[str, Any]:
        """Everything that the spec is bound to."""
        words = set(re.findall(r"param\s+(\w+)", self.text))
        given = {n: v for n, v in self.params.items() if n in words}
        bound = {
            name: {self.renamed.get(c, c): v for c, v in value.items()}
            if isinstance(value, dict)
            else value
            for name, value in self.made.names.items()
        }
        return {**bound, **given}

    def judged(self) -> list[Judged]:
        """Every requirement, as it should be reported."""
        world = self.made.world
        verified = self.verified or world.default
        return [j for c in self.constraints for j in c.expected(world, verified)]


NAMES = ("on", "by", "where", "in", "and", "or", "data", "model", "metric", "every", "soft", "fit")
"""Words of the language that may be names of columns."""


def renaming(rng: random.Random) -> dict[str, str]:
    """Other names of some columns: words of the language, long ones, ones with digits."""
    columns = rng.sample(["w", "a", "k", "q", "s", "t"], 3)
    words = [rng.choice(NAMES), rng.choice(["weight", "größe", "count"]), rng.choice(["x1", "y_2"])]
    return dict(zip(columns, words, strict=True))


def param_lines(writer: RequirementWriter) -> tuple[list[str], dict[str, Any]]:
    """The lines of params, and the values of those that are set from outside."""
    lines, outside = [], {}
    world = writer.made.world
    for name, kind in writer.params.items():
        value: Any = world.params.get(name, world.vectors.get(name, world.levels.get(name)))
        if kind.startswith("table"):
            lines.append(f"param {name}[{kind.split()[-1]}]")
            outside[name] = dict(value)
            continue
        size = f"[{len(value)}]" if kind == "vector" else ""
        if writer.chance(0.5):
            lines.append(f"param {name}{size} = {value}")
        else:
            lines.append(f"param {name}{size}")
            outside[name] = value
    return lines, outside


def generate(seed: int, metrics: int = 8, constraints: int = 4, simple: bool = False) -> Written:
    """The spec of a seed."""
    rng = random.Random(seed)
    made = make(rng, simple=simple)
    writer = RequirementWriter(rng, made)
    verified = rng.choice([None, "val"]) if "val" in made.tables else None
    objective = writer.objective()
    required: list[Constraint] = []
    for i in range(3 * constraints):
        found = writer.constraint(f"c{i}", verified)
        if found is not None and len(required) < constraints:
            required.append(found)
    recorded = [writer.metric(f"m{i}") for i in range(metrics)]
    lines, outside = param_lines(writer)
    lets = [let.line() for let in writer.lets]
    return Written(
        seed=seed,
        made=made,
        defined=(*lines, *lets),
        objective=objective,
        constraints=tuple(required),
        metrics=tuple(recorded),
        verified=verified,
        double=rng.random() < 0.85,
        params=outside,
        method="" if any(" soft" in c.modifier for c in required) else rng.choice(METHODS),
        fit=STILL + rng.choice(SIZES),
        layout=rng.choice([None, None, None, seed]),
        renamed=renaming(rng) if rng.random() < 0.2 else {},
    )
