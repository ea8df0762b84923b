"""Sensitivities against re-solves: the bound of one constraint moved by 10% either way.

    python benchmarks/sensitivities.py

For each task the reported sensitivity (change of the objective as written per unit that the bound
as written is raised) is compared with the central difference of two re-solves.
"""

from __future__ import annotations

from typing import NamedTuple

from textbook import solve


class Task(NamedTuple):
    """A spec with the place `{bound}`, the constraint that has it, and where it stands."""

    name: str
    text: str
    label: str
    bound: float


TASKS = (
    Task(
        "arcsin (auto: a bound)",
        "var x = 0.5 in [0, pi/2]\nminimize cos(x)\ns.t. c: sin(x) <= {bound}\nusing auto",
        "c",
        0.5,
    ),
    Task(
        "hs071 product (auto)",
        "var x[4] = [1, 5, 5, 1] in [1, 5]\nminimize x[0]*x[3]*(x[0] + x[1] + x[2]) + x[2]\n"
        "s.t. c: x[0]*x[1]*x[2]*x[3] >= {bound}\n     sphere: sumsq(x) == 40",
        "c",
        25.0,
    ),
    Task(
        "hs071 sphere (auto)",
        "var x[4] = [1, 5, 5, 1] in [1, 5]\nminimize x[0]*x[3]*(x[0] + x[1] + x[2]) + x[2]\n"
        "s.t. product: x[0]*x[1]*x[2]*x[3] >= 25\n     c: sumsq(x) == {bound}",
        "c",
        40.0,
    ),
    Task(
        "largest box (sqp, maximize)",
        "var a = 1 in [0, 9]\nvar b = 1 in [0, 9]\nvar h = 1 in [0, 9]\nmaximize a*b*h\n"
        "s.t. c: 2*(a*b + b*h + a*h) <= {bound}\nusing sqp",
        "c",
        6.0,
    ),
    Task(
        "norm ball (projection)",
        "var w[3] = 0.1\nminimize (w[0] - 2)^2 + 2*(w[1] + 1)^2 + abs(w[2])\n"
        "s.t. c: norm(w, 2) <= {bound}\nfit(optimizer=sgd(lr=0.05), steps=2000)",
        "c",
        1.0,
    ),
    Task(
        "hs012 (augmented Lagrangian)",
        "var x = 0\nvar y = 0\nminimize 0.5*x^2 + y^2 - x*y - 7*x - 7*y\n"
        "s.t. c: 4*x^2 + y^2 <= {bound}\nusing augmented_lagrangian\n"
        "fit(optimizer=adam(lr=0.02), schedule=cosine, steps=4000)",
        "c",
        25.0,
    ),
    Task(
        "disk (lagrangian, nupi)",
        "var x = 1\nvar y = 1\nminimize (x - 3)^2 + (y - 2)^2\ns.t. c: x + y >= 1\n"
        "     d: x^2 + y^2 <= {bound}\nusing lagrangian(dual=nupi(lr=0.05, kp=20))\n"
        "fit(optimizer=sgd(lr=0.02), steps=4000)",
        "d",
        5.0,
    ),
)


class Outcome(NamedTuple):
    """The reported sensitivity beside the slope between two re-solves."""

    task: Task
    reported: float | None
    measured: float

    @property
    def error(self) -> float:
        """Relative to the measured slope."""
        if self.reported is None:
            return float("inf")
        return abs(self.reported - self.measured) / max(1e-12, abs(self.measured))


def outcome(task: Task) -> Outcome:
    """Solve at the bound and 10% below and above it."""
    at, below, above = (
        solve(task.text.format(bound=repr(task.bound * factor)), "task.cspec")
        for factor in (1.0, 0.9, 1.1)
    )
    slope = (above.objective - below.objective) / (0.2 * task.bound)
    return Outcome(task, at[task.label].sensitivity, slope)


def main() -> None:
    """Print one line a task."""
    print(f"{'task':<32}{'reported':>12}{'re-solved':>12}{'error':>9}")
    for task in TASKS:
        found = outcome(task)
        shown = "none" if found.reported is None else f"{found.reported:.6g}"
        print(f"{task.name:<32}{shown:>12}{found.measured:>12.6g}{found.error:>9.1%}")


if __name__ == "__main__":
    main()
