"""Lines of a training script: steps, seeds, devices, reports. A spec says none of them, or says it
elsewhere."""

from __future__ import annotations

import re

from cspec.dsl.mistakes.foreign.rows import MODULE, REMOVE, row

_CALL = r"\([^#\n]*\)"
_ONE = r"(?:[A-Za-z_][\w., ]* = )?"
_STEPS = (
    "backward|step|zero_grad|train|eval|fit|predict|partial_fit|compile|summary|to|cuda|cpu|half"
    "|requires_grad_|append|update|load_state_dict|save|freeze|unfreeze|scale|unscale_"
)
_RATES = {"accuracy": "P[pred == y{on}]", "acc": "P[pred == y{on}]", "error": "P[pred != y{on}]"}


def _metric(match: re.Match[str]) -> str | None:
    """`report accuracy on test`, `log P[pred == 1]`: a line `metric`."""
    on = f" on {match['data']}" if match["data"] else ""
    what = match["expr"].strip()
    if what.lower() in _RATES:
        return f"metric {what.lower()} = {_RATES[what.lower()].format(on=on)}"
    if what.isidentifier():
        return f"metric {what}_measured = {what}" if not on else None
    inner = what[:-1] + on + "]" if on and what.endswith("]") else what
    return f"metric reported = {inner}"


def _inequality(match: re.Match[str]) -> str:
    """`{'type': 'ineq', 'fun': lambda x: x - 1}` of scipy: what is at least 0."""
    return "{st}{expr} " + (">= 0" if match["kind"] == "ineq" else "== 0")


TRAINING = (
    row(
        rf"{_ONE}(?:[A-Za-z_]\w*\.)+(?P<word>{_STEPS}){_CALL}",
        "`{word}(...)`: a spec has no steps; training is what `cspec run` does",
        REMOVE,
        help="remove the line; how long and by which optimizer it trains, `fit(...)` says",
        code="CS128",
    ),
    row(
        rf"(?:{MODULE}(?:manual_seed|seed|set_seed|seed_everything|set_random_seed))"
        r"\( (?P<seed>\d+) \)",
        "a seed is a setting: `fit(seed={seed})`",
        REMOVE,
        help="remove the line, and write `fit(seed={seed})` below the constraints",
        code="CS131",
    ),
    row(
        rf"{MODULE}(?P<word>show|savefig|plot|hist|scatter|figure|legend){_CALL}",
        "`{word}(...)`: a spec draws nothing",
        REMOVE,
        help="remove the line; `cspec run` writes a report with its figures",
        code="CS128",
    ),
    row(
        r"(?P<word>device) = [^#\n]+",
        "`device`: where it runs is no part of the problem",
        REMOVE,
        help="remove the line; `cspec run FILE --device cuda` says it",
        code="CS128",
    ),
    row(
        r"with~(?P<word>[\w.]+)\([^#\n]*\) :",
        "`with {word}(...)`: a spec has no blocks of steps",
        REMOVE,
        help="remove the line",
        code="CS128",
    ),
    row(
        r"(?P<word>report|log|track|record|monitor|measure|evaluate|show|print|display|output"
        r"|compute)~(?P<expr>(?:[A-Za-z_]\w*|[EP]\[[^#\n]*\]|gap\([^#\n]*\)))"
        r"(?:~(?:on|for)~(?P<data>[A-Za-z_]\w*))?",
        "`{word}`: what is recorded is a line `metric name = ...`",
        _metric,
        code="CS120",
    ),
    row(
        r"(?:[A-Za-z_]\w* = )?[\[(]? \{ ['\"]type['\"] : ['\"](?P<kind>ineq|eq)['\"] ,"
        r" ['\"]fun['\"] : lambda~\w+ : (?P<expr>[^#\n{}]*[^#\n{}; \t]) \}[\])]?",
        "a constraint is written as it is: it stands below `s.t.`",
        _inequality,
    ),
)
"""What scripts do before, while and after they train."""
