"""The figure of the README: density and multiplier of the demo run, as one SVG.

python docs/figure.py            # writes docs/quick.svg
"""

from __future__ import annotations

from pathlib import Path

import cspec
from cspec.compiler.methods.gate_decisions import RAMP
from cspec.render.svg import HEIGHT, WIDTH, Series, chart

SPEC = "minimize ce s.t. density(model) <= 0.5"
STYLE = """
svg { font: 12px system-ui, sans-serif; }
rect { fill: #fff; }
polyline { fill: none; stroke-width: 2; }
line.grid { stroke: #ddd; stroke-width: 1; }
text { fill: #333; }
text.title { font-weight: 600; font-size: 14px; }
"""
TOP = 28


def element(svg: str) -> str:
    """The SVG element of a chart, without its HTML legend."""
    return svg[: svg.index("</svg>") + len("</svg>")]


def placed(svg: str, across: int, title: str) -> str:
    """A chart moved to its place in the figure, under a title."""
    moved = f'<svg x="{across}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}"' + svg[len("<svg") :]
    return f'<text class="title" x="{across + 64}" y="20">{title}</text>{moved}'


def main() -> None:
    """Run the demo's job and draw it."""
    result = cspec.run(SPEC, data="digits", model="mlp(hidden=[300, 100], gates=hard_concrete)")
    steps = [float(row.step) for row in result.history]
    length = round(RAMP * len(steps))
    bounds = [max(0.5, 1 - 0.5 * (step - 1) / length) for step in steps]
    # Violations are those of the bound as it moves.
    density = [b + row.violations["c1"] for b, row in zip(bounds, result.history, strict=True)]
    multiplier = [row.multipliers["c1"] for row in result.history]
    bound = Series("bound", steps, bounds, dashed=True)
    left = chart([Series("deployed density", steps, density), bound], "step", "density")
    right = chart([Series("multiplier", steps, multiplier)], "step", "multiplier")
    figure = "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * WIDTH} {HEIGHT + TOP}">',
            f"<style>{STYLE}</style>",
            f'<rect width="{2 * WIDTH}" height="{HEIGHT + TOP}"/>',
            placed(element(left), 0, "density against its bound, which comes down to 0.5"),
            placed(element(right), WIDTH, "multiplier of the constraint"),
            "</svg>",
        ]
    )
    path = Path(__file__).with_name("quick.svg")
    path.write_text(figure + "\n")
    found = result["c1"]
    print(f"{path.name}: deployed density {found.value:.3f}, multiplier {found.multiplier:.2f}")


if __name__ == "__main__":
    main()
