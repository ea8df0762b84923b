"""Where densities on hard-concrete gates land with the default dual: bounds and run lengths.

    python benchmarks/gates.py

The default is nuPI with lr = 40 / (bound * steps) and a proportional gain of 18 / lr
(compiler/strategy.py). Prints deployed density and test accuracy on digits for four bounds and two
run lengths, one seed each: every row should be met, and not by much more than it asks.
"""

from __future__ import annotations

import cspec

MODEL = "mlp(hidden=[300, 100], gates=hard_concrete)"
FITS = {"270 steps": "epochs=30", "1020 steps": "epochs=60, batch_size=64"}


def main() -> None:
    """Print the table."""
    print(f"{'':12} {'bound':>6} {'density':>8} {'accuracy':>9} {'multiplier':>11}")
    for length, fit in FITS.items():
        for bound in (0.5, 0.2, 0.1, 0.05):
            spec = f"minimize ce s.t. c: density(model) <= {bound}\nfit({fit})"
            result = cspec.run(spec, data="digits", model=MODEL)
            c = result["c"]
            accuracy = result.metrics["accuracy"]
            print(
                f"{length:12} {bound:6.0%} {c.value:8.2%} {accuracy:9.4f} {c.multiplier:11.2f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
