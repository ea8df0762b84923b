"""The position paper's examples (arXiv 2505.20628): one constrained run beside fixed penalties.

    python benchmarks/position_paper.py            # all
    python benchmarks/position_paper.py arcsin     # Example 1 / Table 1
    python benchmarks/position_paper.py rate       # Appendix B.3 / Tables 4 and 5

Everything printed is the last iterate, not a chosen snapshot.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import cspec

EXAMPLES = Path(__file__).parents[1] / "examples"
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
COEFFICIENTS = (0.0, 0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
STEPS = (1e-2, 1e-1, 1.0, 10.0)


def with_method(name: str, method: str) -> str:
    """An example with another `using` line."""
    lines = (EXAMPLES / name).read_text().splitlines()
    return "\n".join(f"using {method}" if line.startswith("using") else line for line in lines)


def arcsin() -> None:
    """Table 1: x = arcsin(eps) with multiplier eps / sqrt(1 - eps^2); then penalties."""
    print("minimize cos(x) s.t. sin(x) <= eps, x in [0, pi/2], x0 = 0.5, nupi(lr=0.3, kp=40)")
    print(f"{'eps':>5} {'x':>9} {'arcsin':>9} {'error':>8} {'multiplier':>11} {'exact':>8}")
    for eps in LEVELS:
        result = cspec.run(EXAMPLES / "arcsin.cspec", eps=eps)
        x = float(result.last.vars["x"])
        multiplier = float(result.last.multipliers["level"])
        exact = eps / math.sqrt(1 - eps**2)
        error = abs(x - math.asin(eps))
        row = f"{eps:5.1f} {x:9.6f} {math.asin(eps):9.6f} {error:8.1e}"
        print(f"{row} {multiplier:11.5f} {exact:8.5f}")
    for method in ("penalty", "exact_penalty"):
        print(f"\n{method}(coefficient=c) at eps = 0.5, where arcsin(eps) = {math.asin(0.5):.4f}")
        for coefficient in COEFFICIENTS:
            text = with_method("arcsin.cspec", f"{method}(coefficient={coefficient})")
            x = float(cspec.run(text).last.vars["x"])
            verdict = "solved" if abs(x - math.asin(0.5)) <= 1e-3 else "missed"
            print(f"  c = {coefficient:<6g} x = {x:.4f}  sin(x) = {math.sin(x):.4f}  {verdict}")


def rate() -> None:
    """Tables 4 and 5: the quota and the accuracy for four dual steps, then fixed penalties."""
    print("minimize bce s.t. P[pred == 0] >= 70% on 200 points, 10,000 full-batch steps")
    for step in STEPS:
        result = cspec.run(EXAMPLES / "rate.cspec", step=step)
        quota = result.last.values["quota"]
        accuracy = result.last.metrics["acc"]
        found = f"P[pred == 0] = {quota:.3f}  accuracy {accuracy:.3f}"
        print(f"  lagrangian, dual step {step:<5g} {found}")
    for coefficient in (0.0, 0.46, 1.0, 2.15, 4.6, 10.0, 100.0):
        text = with_method("rate.cspec", f"penalty(coefficient={coefficient})")
        result = cspec.run(text.replace("param step = 0.01 in [1e-6, 100]", ""))
        quota, accuracy = result.last.values["quota"], result.last.metrics["acc"]
        found = f"P[pred == 0] = {quota:.3f}  accuracy {accuracy:.3f}"
        print(f"  penalty, c = {coefficient:<16g} {found}")


def main() -> None:
    """Run what is asked for."""
    asked = sys.argv[1:] or ["arcsin", "rate"]
    for name in asked:
        {"arcsin": arcsin, "rate": rate}[name]()
        print()


if __name__ == "__main__":
    main()
