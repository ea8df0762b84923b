"""Problems over matrices, vectors and sets: how far `auto` ends from their optima.

    python benchmarks/matrix.py [NAME ...]

The specs of `benchmarks/matrix` state the problem and nothing else: no method, no optimizer, no
setting. Each states its optimal objective in a comment `# f* = ...`, which is a closed form or that
of `matrix_references.py` (numpy and scipy, other algorithms). The error is |f - f*| / max(1, |f*|)
of the iterate delivered, beside the largest violation.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import NamedTuple

import torch

import cspec

sys.path.insert(0, str(Path(__file__).parent))
from matrix_references import REFERENCES

FOLDER = Path(__file__).parent / "matrix"
__all__ = ["REFERENCES", "Outcome", "names", "optimum", "outcome"]
DATA = {"rate_quantile": {"train": (torch.arange(1, 201, dtype=torch.float64).div(100).square(),)}}
"""Data of the specs that need some: x_i = (i / 100)^2, i = 1 ... 200."""


class Outcome(NamedTuple):
    """Where one problem ended, against its closed form."""

    name: str
    objective: float
    optimum: float
    violation: float
    method: str
    seconds: float

    @property
    def error(self) -> float:
        """|f - f*| / max(1, |f*|)."""
        return abs(self.objective - self.optimum) / max(1.0, abs(self.optimum))


def names() -> list[str]:
    """All problems."""
    return sorted(path.stem for path in FOLDER.glob("*.cspec"))


def optimum(name: str) -> float:
    """The optimal objective that a spec states.

    Raises:
        ValueError: it states none.
    """
    found = re.search(r"^# f\* = (\S+)$", (FOLDER / f"{name}.cspec").read_text(), re.MULTILINE)
    if found is None:
        raise ValueError(f"{name}.cspec has no line `# f* = ...`")
    return float(found[1])


def outcome(name: str) -> Outcome:
    """Solve one problem."""
    result = cspec.run(FOLDER / f"{name}.cspec", **DATA.get(name, {}))
    worst = max(c.violation for c in result.constraints)
    return Outcome(name, result.objective, optimum(name), worst, result.method, result.seconds)


def main() -> None:
    """Print one line a problem."""
    print(f"{'problem':<22}{'f':>12}{'f*':>12}{'error':>10}{'violation':>11}{'seconds':>9}  method")
    for name in sys.argv[1:] or names():
        item = outcome(name)
        print(
            f"{name:<22}{item.objective:>12.6f}{item.optimum:>12.6f}{item.error:>10.1e}"
            f"{item.violation:>11.1e}{item.seconds:>9.2f}  {item.method}",
            flush=True,
        )


if __name__ == "__main__":
    main()
