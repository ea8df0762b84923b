"""The position paper's examples (arXiv 2505.20628): one constrained run beside fixed penalties.

    python benchmarks/position_paper.py            # all
    python benchmarks/position_paper.py arcsin     # Example 1 / Table 1
    python benchmarks/position_paper.py rate       # Appendix B.3 / Tables 4 and 5
    python benchmarks/position_paper.py draws      # Table 5 over 20 draws, the dual step left open
    python benchmarks/position_paper.py starts     # Example 1 from four starts, nothing set
    python benchmarks/position_paper.py density    # Figure 1 / Table 3 on 10,000 images of MNIST

Everything printed is the last iterate, not a chosen snapshot; of a density the delivered model
(MNIST is read from `$CSPEC_DATA/mnist`).
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import cspec
from cspec.runtime.data.idx import mnist

EXAMPLES = Path(__file__).parents[1] / "examples"
LEVELS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
COEFFICIENTS = (0.0, 0.01, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
STEPS = (1e-2, 1e-1, 1.0, 10.0)
STEP_LINE = "param step = 0.01 in [1e-6, 100]"
STARTS = (0.0, 0.5, 1.2, 1.5)
DRAWS = 20
IMAGES = 10_000


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
        result = cspec.run(text.replace(STEP_LINE, ""))
        quota, accuracy = result.last.values["quota"], result.last.metrics["acc"]
        found = f"P[pred == 0] = {quota:.3f}  accuracy {accuracy:.3f}"
        print(f"  penalty, c = {coefficient:<16g} {found}")


def starts() -> None:
    """Example 1 with nothing set, from starts at and beyond the traps of plain ascent."""
    print("minimize cos(x) s.t. sin(x) <= eps, nothing set: largest |x - arcsin(eps)| over eps")
    lines = (EXAMPLES / "arcsin.cspec").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.startswith(("using", "fit")))
    for start in STARTS:
        moved = text.replace("var x = 0.5", f"var x = {start}")
        found = [(eps, float(cspec.run(moved, eps=eps).last.vars["x"])) for eps in LEVELS]
        error = max(abs(x - math.asin(eps)) for eps, x in found)
        print(f"  from x = {start:<4g} {error:.1e}", flush=True)


def draws() -> None:
    """Table 5 with nothing set but the requirement, on 20 draws of the 200 points."""
    print("minimize bce s.t. P[pred == 0] >= 70%, the dual step left open, 20 draws")
    met = 0
    for seed in range(DRAWS):
        text = with_method("rate.cspec", "lagrangian").replace(STEP_LINE, "")
        result = cspec.run(text.replace("seed=0", f"seed={seed}"), seed=seed)
        quota, accuracy = result.last.values["quota"], result.last.metrics["acc"]
        met += quota >= 0.7
        print(f"  draw {seed:2}  P[pred == 0] = {quota:.3f}  accuracy {accuracy:.3f}", flush=True)
    print(f"  met on {met} of {DRAWS}")


def density() -> None:
    """Table 3: half the weights of a gated network in one run; then fixed penalties."""
    parts = mnist(image=False)
    train, test = parts["train"].columns, parts["test"].columns
    data = {"data": (train["x"][:IMAGES], train["y"][:IMAGES]), "test": (test["x"], test["y"])}
    print("minimize ce s.t. density(model) <= 50%, MLP 784-300-100-10 with gates, 10 epochs")
    for method in ("", " by penalty(coefficient=0.001)", " by penalty(coefficient=1)"):
        spec = f"minimize ce\ns.t. c: density(model) <= 50%{method}\nfit(epochs=10)"
        result = cspec.run(spec, model="mlp(hidden=[300, 100], gates=hard_concrete)", **data)
        found = f"density {result['c'].value:.3f}  accuracy {result.metrics['accuracy']:.3f}"
        print(f"  {method.removeprefix(' by ') or 'constrained':30} {found}", flush=True)


TABLES = {"arcsin": arcsin, "rate": rate, "draws": draws, "starts": starts, "density": density}


def main() -> None:
    """Run what is asked for."""
    for name in sys.argv[1:] or TABLES:
        TABLES[name]()
        print()


if __name__ == "__main__":
    main()
