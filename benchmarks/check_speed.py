"""What `cspec check` costs: a curve from 10 to 10,000 constraints, and a cold start.

    python benchmarks/check_speed.py [--quick]

The curve is CPU time of parsing and checking in one warm process. A cold start is a new process,
`cspec check` of a spec of 30 lines, wall time, the smallest of several. The last column is the
slope of the curve in logarithms: 1 is linear growth.
"""

from __future__ import annotations

import argparse
import math
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from cspec.dsl.check import check
from cspec.dsl.parsing.parse import parse
from cspec.dsl.text.source import Source

COUNTS = (10, 30, 100, 300, 1000, 3000, 10_000)
QUICK = (10, 100, 1000)
COLD_STARTS = 10


class Point(NamedTuple):
    """CPU seconds of `parse`, and of `check` (which parses too), at so many constraints."""

    constraints: int
    parse: float
    check: float


def spec_of(count: int) -> Source:
    """A nonlinear program with `count` different constraints, each on a line of its own."""
    lines = "\n     ".join(
        f"k{i}: x[{i}]^2 + 2*sin(x[{i + 1}]) - eps <= {i + 1} within 1e-3" for i in range(count)
    )
    return Source(text=f"var x[{count + 1}]\nparam eps = 0.5\nminimize sumsq(x)\ns.t. {lines}\n")


def thirty_lines() -> str:
    """A spec of 30 lines: data, a model, 25 constraints."""
    head = (
        "data train(x, y, sex), test(x, y, sex) = csv(\n"
        '  "adult.csv", target="income", split=[0.8, 0.2])\n'
        "model f = mlp(hidden=[64, 64])\n"
        "minimize bce(f(x), y)\n"
        "s.t. dp: gap(P[pred == 1 | sex]) <= 5%\n"
    )
    body = "".join(
        f"     k{i}: E[bce(f(x), y) | sex == {i % 2} and y <= {i}] <= 2\n" for i in range(24)
    )
    return head + body + "verify all on test\n"


def measured(work: Callable[[Source], object], source: Source, least: float = 0.05) -> float:
    """CPU seconds of one call, the smallest of as many as fit (at least one)."""
    best, spent = math.inf, 0.0
    while spent < least:
        start = time.process_time()
        work(source)
        spent += (took := time.process_time() - start)
        best = min(best, took)
    return best


def curve(counts: Sequence[int]) -> list[Point]:
    """The cost at each number of constraints; raises AssertionError if the spec is not clean."""
    assert check(spec_of(10)).diagnostics == ()
    return [
        Point(n, measured(parse, spec_of(n)), measured(check, spec_of(n))) for n in sorted(counts)
    ]


def slope(first: Point, last: Point) -> float:
    """The exponent of the growth of `check` between two points."""
    return math.log(last.check / first.check) / math.log(last.constraints / first.constraints)


def cold_start(repeats: int = COLD_STARTS) -> float:
    """Wall seconds of `cspec check` in a new process, the smallest of `repeats`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "thirty.cspec")
        path.write_text(thirty_lines(), encoding="utf-8")
        times = []
        for _ in range(repeats):
            start = time.perf_counter()
            subprocess.run(
                [sys.executable, "-m", "cspec", "check", str(path)], check=True, capture_output=True
            )
            times.append(time.perf_counter() - start)
    return min(times)


def main() -> None:
    """Print the curve and the cold start."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="up to 1,000 constraints")
    points = curve(QUICK if parser.parse_args().quick else COUNTS)
    print(f"{'constraints':>11} {'parse s':>9} {'check s':>9} {'ms each':>9} {'slope':>6}")
    previous = None
    for point in points:
        each = f"{1000 * point.check / point.constraints:.3f}"
        growth = f"{slope(previous, point):.2f}" if previous else ""
        print(
            f"{point.constraints:>11,} {point.parse:>9.3f} {point.check:>9.3f}"
            f" {each:>9} {growth:>6}"
        )
        previous = point
    print(f"cold start of `cspec check`, 30 lines: {cold_start():.2f} s")


if __name__ == "__main__":
    main()
