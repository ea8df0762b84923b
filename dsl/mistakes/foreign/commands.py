"""Lines that tell a program what to do: solve, train, print, import, open. A spec only states."""

import re

from cspec.dsl.mistakes.foreign.rows import MODULE, removed, row

_RUN = "; `cspec run FILE` solves the problem"
_MINIMIZE = f"{_RUN}; the objective is a line `minimize ...`"
_CALL = r"\([^#\n]*\)"
_MADE = "fmincon|fminunc|linprog|quadprog|minimize|nloptr|optim|SolverFactory"
_SOLVERS = r"pyomo|cvxpy|casadi|gurobipy|pulp|docplex|neuromancer|ortools|jump|amplpy"

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
    removed(
        rf"{_ONE}(?:[A-Za-z_]\w*\.)+(?P<word>{_STEPS}){_CALL}",
        "`{word}(...)`: a spec has no steps; training is what `cspec run` does",
        "; how long and by which optimizer it trains, `fit(...)` says",
    ),
    removed(
        rf"(?:{MODULE}(?:manual_seed|seed|set_seed|seed_everything|set_random_seed))"
        r"\( (?P<seed>\d+) \)",
        "a seed is a setting: `fit(seed={seed})`",
        ", and write `fit(seed={seed})` below the constraints",
        code="CS131",
    ),
    removed(
        rf"{MODULE}(?P<word>show|savefig|plot|hist|scatter|figure|legend){_CALL}",
        "`{word}(...)`: a spec draws nothing",
        "; `cspec run` writes a report with its figures",
    ),
    removed(
        r"(?P<word>device) = [^#\n]+",
        "`device`: where it runs is no part of the problem",
        "; `cspec run FILE --device cuda` says it",
    ),
    removed(
        r"with~(?P<word>[\w.]+)\([^#\n]*\) :",
        "`with {word}(...)`: a spec has no blocks of steps",
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

COMMANDS = (
    *(
        removed(pattern, "`{word}`: a spec states the problem; solving it is a command", help)
        for pattern, help in (
            (rf"(?:[\w, ]+= )?{MODULE}(?P<word>(?:solve|optimize|optimise)!?){_CALL}", _RUN),
            (rf"(?P<word>SolverFactory{_CALL}\.solve){_CALL}", _RUN),
            (rf"(?:[\w.]+|\[[\w, ]+\]) (?:=|<-) (?P<word>{MODULE}(?:{_MADE})){_CALL}", _MINIMIZE),
            (r"(?P<word>solve|Solve|SOLVE|optimize|run)", _RUN),
            (
                r"(?P<word>solve|Solve|SOLVE)~\w+~(?:using|minimizing|maximizing)\b[\w \t]*",
                _MINIMIZE,
            ),
        )
    ),
    *(
        removed(
            pattern,
            "`{word}`: a spec prints nothing",
            "; the report shows the values, and `metric name = ...` records more",
        )
        for pattern in (
            r"(?P<word>display|Display|DISPLAY)~[\w., \t]+",
            rf"(?P<word>print|println|disp|cat|printf|fprintf|{MODULE}pprint)" + _CALL,
        )
    ),
    removed(
        r"import~[\w.]+(?:~as~\w+)?(?: , [\w.]+(?:~as~\w+)?)*",
        "an import says where it comes from, and a spec needs no modules",
        ", or write `from module import name` for a function of your own",
    ),
    removed(
        rf"from~(?P<module>(?:{_SOLVERS})[\w.]*)~import~[^#\n]+",
        "`{module}` has no part in a spec",
        ": a spec needs no module to state a problem",
    ),
    removed(
        r"(?P<word>library|require|include|source)\([^#\n]*\)",
        "`{word}`: a spec loads no packages",
        '; functions of your own come in by `from "my.py" import f`',
    ),
    removed(
        r"(?P<word>using)~(?P<module>JuMP|Ipopt|Gurobi|HiGHS|GLPK|Convex|SCS|COSMO)\b[\w, \t]*",
        "`{module}` is no method: a spec loads no packages",
        "; `using` names a method, for example `using augmented_lagrangian`",
    ),
    removed(
        r"(?P<word>option|options)~(?:solver|\w+)\b(?! (?:<=|>=|==|\())[^#\n:]*",
        "`{word}`: options of a solver have no place in a spec",
        "; `using` names the method and its settings, `fit(...)` those of training",
        code="CS136",
    ),
    removed(
        rf"(?P<name>\w+) = (?P<call>{MODULE}(?:Model|ConcreteModel|AbstractModel|LpProblem"
        r"|Opti|direct_model))\([^#\n]*\)",
        "`{call}(...)`: a spec is the model itself",
        "; a network is a line `model f = mlp`",
        code="CS136",
    ),
    removed(
        rf"(?P<name>\w+) = (?P<call>{MODULE}Problem)\([^#\n]*\)",
        "`{call}(...)`: a spec is the problem itself, it is not put together by a call",
        ": the objective is a line `minimize ...`, constraints stand below `s.t.`",
        code="CS136",
    ),
    removed(
        r"(?P<word>set_optimizer|set_silent|setOption|set_attribute)!?" + _CALL,
        "`{word}`: settings of a solver have no place in a spec",
        "; `using` names the method, `fit(...)` the settings of training",
        code="CS136",
    ),
    row(
        r"(?P<word>\*)~(?P<remark>[A-Za-z]\w*(?:~[A-Za-z]\w*)+[^\n]*?)",
        "a remark begins with `#`, not with `*`",
        "# {remark}",
        code="CS145",
    ),
    removed(
        r"(?P<word>end|END|endif|endfor|begin|reset|quit|exit|data)(?: ;|(?= (?:#|\r?$)))",
        "`{word}`: a spec has no sections to begin or end",
        code="CS136",
    ),
    removed(
        r"(?P<word>---|\.\.\.|\$\$|\\\[|\\\]|\\(?:begin|end)\{[\w*]+\}(?:\{[\w*]+\})?)",
        "`{word}` marks the begin or the end of a text; a spec has none",
        code="CS125",
    ),
    removed(
        r"(?P<word>equations?|EQUATIONS?|Equations?)~[\w, \t]+",
        "`{word}`: constraints are not announced",
        "; a constraint is written below `s.t.`, with its name before a `:`",
        code="CS136",
    ),
)
"""Every command that other languages have and a spec does not."""
