"""Line charts as inline SVG, without a plotting library and without scripts."""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from cspec.dsl.text.visible import visible_line

WIDTH, HEIGHT = 640, 260
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 12, 34
POINTS = 600
"""More than this can't be told apart at this width."""
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000", "#999933")
"""Colors that most color-blind readers tell apart (Okabe and Ito)."""
DASHES = ("", "6 3", "2 3", "8 3 2 3")


class Series(NamedTuple):
    """A named curve; `dashed` for what is given rather than measured (a bound)."""

    name: str
    x: Sequence[float]
    y: Sequence[float]
    dashed: bool = False


def _escaped(text: str) -> str:
    return escape(visible_line(text), quote=True)


def chart(series: Sequence[Series], x_label: str, y_label: str) -> str:
    """An SVG element; NaN and infinite values leave a gap."""
    shown = [_finite(item) for item in series]
    xs = [x for item in shown for x in item.x]
    ys = [y for item in shown for y in item.y]
    if not any(item.x for item in shown if not item.dashed):
        return "<p>nothing was measured</p>"
    x_ticks, y_ticks = ticks(min(xs), max(xs)), ticks(min(ys), max(ys))
    low_x, high_x = min(*x_ticks, *xs), max(*x_ticks, *xs)
    low_y, high_y = min(*y_ticks, *ys), max(*y_ticks, *ys)

    def at(x: float, y: float) -> tuple[float, float]:
        across = (x - low_x) / ((high_x - low_x) or 1.0)
        up = (y - low_y) / ((high_y - low_y) or 1.0)
        return (
            LEFT + across * (WIDTH - LEFT - RIGHT),
            HEIGHT - BOTTOM - up * (HEIGHT - TOP - BOTTOM),
        )

    title = f"{y_label} against {x_label}: {', '.join(item.name for item in shown)}"
    parts = [f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{_escaped(title)}">']
    right, floor = WIDTH - RIGHT, HEIGHT - BOTTOM
    for value in y_ticks:
        _, y = at(low_x, value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{right}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(LEFT - 6, y + 4, "end", label(value)))
    for value in x_ticks:
        x, _ = at(value, low_y)
        parts.append(_text(x, floor + 16, "middle", label(value)))
    parts.append(_text((LEFT + right) / 2, HEIGHT - 3, "middle", x_label))
    for index, item in enumerate(shown):
        pairs = (at(x, y) for x, y in zip(item.x, item.y, strict=True))
        points = " ".join(f"{x:.1f},{y:.1f}" for x, y in pairs)
        dash = "5 4" if item.dashed else DASHES[index // len(PALETTE) % len(DASHES)]
        style = f' stroke-dasharray="{dash}"' if dash else ""
        color = "#555" if item.dashed else PALETTE[index % len(PALETTE)]
        parts.append(f'<polyline points="{points}" stroke="{color}"{style}/>')
    return "".join([*parts, "</svg>", _legend(shown)])


def _text(x: float, y: float, anchor: str, content: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{_escaped(content)}</text>'


def _legend(series: Sequence[Series]) -> str:
    entries = []
    for index, item in enumerate(series):
        color = "#555" if item.dashed else PALETTE[index % len(PALETTE)]
        mark = "- -" if item.dashed else "&#9644;"
        entries.append(f'<span><b style="color:{color}">{mark}</b> {_escaped(item.name)}</span>')
    return f'<p class="legend">{" ".join(entries)}</p>'


def _finite(series: Series) -> Series:
    """The finite points, thinned evenly; the last one always stays."""
    pairs = [
        (x, y)
        for x, y in zip(series.x, series.y, strict=True)
        if math.isfinite(x) and math.isfinite(y)
    ]
    stride = max(1, -(-len(pairs) // POINTS))
    kept = pairs[::stride] + (pairs[-1:] if pairs and (len(pairs) - 1) % stride else [])
    return Series(series.name, [x for x, _ in kept], [y for _, y in kept], series.dashed)


def ticks(low: float, high: float, wanted: int = 5) -> list[float]:
    """Round numbers that cover [low, high]: multiples of 1, 2 or 5 times a power of ten."""
    if high <= low:
        pad = abs(low) * 0.1 or 1.0
        low, high = low - pad, high + pad
    raw = (high - low) / wanted
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 5, 10) if m * power >= raw * (1 - 1e-9))
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [number * step for number in range(first, last + 1)]


def label(value: float) -> str:
    """A tick as people write it."""
    return "0" if abs(value) < 1e-300 else f"{value:.6g}"
