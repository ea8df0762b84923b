"""`report.html`: one file with the problem, the verdicts and the curves of a run."""

from collections.abc import Iterable, Sequence
from html import escape

from cspec.compiler.records.program import ConstraintFacts, Program
from cspec.dsl.text.visible import visible
from cspec.render.summary import Summary, summarize
from cspec.render.svg import Series, chart
from cspec.render.words import HEADER, RIGHT
from cspec.runtime.result.result import Result

CHARTS = 12
"""Constraints with a chart of their own; the others are in log.jsonl."""

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem;
       color: #1a1a1a; background: #fff; }
pre { background: #f5f5f3; padding: .8rem; overflow-x: auto; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ddd; text-align: left;
         white-space: nowrap; }
.right { text-align: right; font-variant-numeric: tabular-nums; }
.bad { font-weight: bold; color: #a40000; } .good { color: #17652b; }
svg { width: 100%; max-width: 42rem; } svg text { font-size: 11px; fill: #444; }
svg polyline { fill: none; stroke-width: 1.6; } svg .grid { stroke: #e4e4e4; }
.legend span { margin-right: 1rem; } figure { margin: 1rem 0 2rem; }
figcaption { font-weight: 600; }
"""


def _escaped(text: str) -> str:
    return escape(visible(text))


def report_html(result: Result, program: Program) -> str:
    """The whole page: nothing is loaded from elsewhere."""
    summary = summarize(result, program)
    parts = [
        f"<h1>{_escaped(summary.headline)}</h1>",
        "<h2>Problem</h2>",
        f"<pre>{_escaped(program.spec.rstrip())}</pre>",
        _methods(program),
        "<h2>Verdicts</h2>",
        table_html(summary),
        _lines(summary.misses),
        _facts(summary),
        _data(program),
        _lines(summary.prices),
        _lines(f"note: {note}" for note in summary.notes),
        "<h2>Curves</h2>",
        *_curves(result, program),
    ]
    title = _escaped(summary.headline)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}</title><style>{STYLE}</style></head>\n<body>\n"
        + "\n".join(part for part in parts if part)
        + "\n</body></html>\n"
    )


def table_html(summary: Summary) -> str:
    """The verdict table."""
    if not summary.rows:
        return "<p>no requirements</p>"
    head = "".join(f"<th{_align(i)}>{_escaped(title)}</th>" for i, title in enumerate(HEADER))
    rows = []
    for cells, met in zip(summary.rows, summary.met, strict=True):
        found = []
        for index, text in enumerate(cells):
            verdict = f' class="{"good" if met else "bad"}"' if HEADER[index] == "verdict" else ""
            found.append(f"<td{_align(index)}{verdict}>{_escaped(text)}</td>")
        rows.append(f"<tr>{''.join(found)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def _align(index: int) -> str:
    return ' class="right"' if index in RIGHT else ""


def _methods(program: Program) -> str:
    rows = [
        f"<tr><td>{_escaped(c.label)}</td><td>{_escaped(c.text)}</td><td>{_escaped(c.method)}</td>"
        f'<td style="white-space:normal">{_escaped(c.reason)}</td></tr>'
        for c in program.constraints
    ]
    if not rows:
        return ""
    head = "<tr><th>requirement</th><th>as written</th><th>method</th><th>why</th></tr>"
    return f"<table><thead>{head}</thead><tbody>{''.join(rows)}</tbody></table>"


def _data(program: Program) -> str:
    """Each dataset: rows, inputs, their scaling, classes in their order."""
    if not program.described:
        return ""
    rows = [
        f'<tr><td>{_escaped(name)}</td><td style="white-space:normal">{_escaped(text)}</td></tr>'
        for name, text in program.described.items()
    ]
    return f"<h2>Data</h2><table><tbody>{''.join(rows)}</tbody></table>"


def _lines(lines: Iterable[str]) -> str:
    found = [_escaped(line) for line in lines]
    return f"<p>{'<br>'.join(found)}</p>" if found else ""


def _facts(summary: Summary) -> str:
    rows = [f"<tr><td>{_escaped(k)}</td><td>{_escaped(v)}</td></tr>" for k, v in summary.facts]
    return f"<table><tbody>{''.join(rows)}</tbody></table>"


def _curves(result: Result, program: Program) -> list[str]:
    rows = result.history
    if len(rows) < 2:
        return ["<p>the run is too short for curves</p>"]
    steps = [float(row.step) for row in rows]
    objective = Series("objective", steps, [row.objective for row in rows])
    added = ", with preferences" if any(c.soft for c in result.constraints) else ""
    caption = f"Objective (as written, on the batches{added})"
    found = [_figure(caption, [objective], "objective")]
    facts = {c.label: c for c in program.constraints}
    shown = [c for c in result.constraints if any(c.name in r.violations for r in rows)]
    for constraint in shown[:CHARTS]:
        values = [row.violations.get(constraint.name, float("nan")) for row in rows]
        series, axis = _measured(facts[constraint.name], constraint.bound, steps, values)
        found.append(_figure(f"{constraint.name}: {constraint.text}", series, axis))
    if len(shown) > CHARTS:
        found.append(f"<p>{len(shown) - CHARTS} more constraints are in log.jsonl</p>")
    priced = list(dict.fromkeys(label for row in rows for label in row.multipliers))[:CHARTS]
    if priced:
        curves = [
            Series(label, steps, [row.multipliers.get(label, float("nan")) for row in rows])
            for label in priced
        ]
        found.append(_figure("Multipliers", curves, "multiplier"))
    return found


def _measured(
    facts: ConstraintFacts, bound: float, steps: Sequence[float], violations: Sequence[float]
) -> tuple[list[Series], str]:
    """The value against its bound; the violation where that can't be read from it.

    So it is where the bound moves, for a set, and for ratios, which are measured times their
    denominator.
    """
    ends = [steps[0], steps[-1]]
    if facts.relation == "in" or facts.rescaled or "ramp(" in facts.text:
        zero = Series("met below", ends, [0.0, 0.0], dashed=True)
        return [Series("violation", steps, violations), zero], "violation"
    values = [bound + facts.sign * violation for violation in violations]
    curve = Series("value on the batches", steps, values)
    return [curve, Series(f"bound {facts.relation}", ends, [bound, bound], dashed=True)], "value"


def _figure(caption: str, series: Sequence[Series], axis: str) -> str:
    title = f"<figcaption>{_escaped(caption)}</figcaption>"
    return f"<figure>{title}{chart(series, 'step', axis)}</figure>"
