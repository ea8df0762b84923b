"""Why a clause does not parse: the checks, most specific first, and what is said if none knows.

A check takes the `Failure` and answers with a `Repair` or None. It never names terminals or rules
of the grammar; a last resort says what stands where and what may stand there.
"""

from __future__ import annotations

from collections.abc import Callable

from cspec.dsl.diagnostics import Fix
from cspec.dsl.layout import ITEM_WORDS
from cspec.dsl.source import Span
from cspec.dsl.syntax_brackets import braces, interval, stray_closer, unclosed
from cspec.dsl.syntax_failure import (
    OPERAND_ENDS,
    OPERAND_STARTS,
    OPERATORS,
    Failure,
    Repair,
    open_brackets,
    problem,
    touching,
)
from cspec.dsl.syntax_relations import (
    double_bar,
    doubled_operator,
    equality_in_definition,
    floor_division,
    merged_marks,
    missing_before,
    not_in,
    single_equal,
    walrus,
)
from cspec.dsl.syntax_words import (
    for_all,
    given_bar,
    keyword_start,
    missing_colon,
    misspelt_item,
    misspelt_word,
    python_words,
    quantifier_names,
    reference,
)
from cspec.dsl.tokens import Token

FORMS = {
    "FROM": ("from", 'from "nets.py" import Net'),
    "PARAM": ("param", "param eps = 0.5 in [0, 1]"),
    "LET": ("let", "let pos = sigmoid(f(x))"),
    "VAR": ("var", "var x = 1.0 in [0, 2]"),
    "DATA": ("data", "data train(x, y)"),
    "MODEL": ("model", "model net = mlp(hidden=[64])"),
    "DOMAIN": ("domain", "domain q(t, x) = box([0, 1], [-1, 1])"),
    "GIVEN": ("given", "given loss, kl"),
    "MINIMIZE": ("minimize", "minimize ce"),
    "MAXIMIZE": ("maximize", "maximize reward"),
    "SATISFY": ("satisfy", "satisfy"),
    "USING": ("using", "using augmented_lagrangian(penalty=1)"),
    "FIT": ("fit", "fit(optimizer=adam(lr=1e-3), epochs=30)"),
    "VERIFY": ("verify", "verify all on val every epoch"),
    "METRIC": ("metric", "metric acc = P[pred == y on test]"),
    "STOP": ("stop", "stop when stalled(epochs=5)"),
}
AFTER_WORD = {
    "ON": ("on", "a dataset: `on test`"),
    "BY": ("by", "a method: `by projection`, or `by construction`"),
    "WITH": ("with", "`surrogate` and an expression: `with surrogate sigmoid(temperature=0.1)`"),
    "SURROGATE": ("with surrogate", "an expression, or `sigmoid`, `hinge`, `product`"),
    "WITHIN": ("within", "a tolerance: `within 1e-3`"),
    "EVERY": ("every", "`epoch`, `5 epochs` or `500 steps`"),
    "WHERE": ("where", "a condition: `where count >= 50`"),
    "FOR": ("for", "names and a set: `for i in range(3)`"),
    "FORALL": ("forall", "names and a set: `forall g in values(sex):`"),
    "CONFIDENCE": ("with confidence", "a level: `with confidence 95%`"),
    "AS": ("as", "a name"),
    "IMPORT": ("import", "the names to bring in"),
    "WHEN": ("stop when", "a condition: `stalled(epochs=5)`"),
}


def ends_early(f: Failure) -> Repair | None:
    """The clause stops where something has to follow."""
    if f.token.kind != "$END" or open_brackets(f.tokens):
        return None
    before = f.before
    whole = Span(before.start, before.end)
    if before.kind in OPERATORS:
        code, message, helps = (
            "CS102",
            f"nothing stands after `{before.text}`",
            (f"write what is on the right of `{before.text}`",),
        )
    elif before.kind in AFTER_WORD:
        word, needs = AFTER_WORD[before.kind]
        code, message, helps = "CS102", f"nothing stands after `{word}`", (f"it needs {needs}",)
    elif before.kind in {"EQUAL", "COMMA", "DOT"}:
        code, message, helps = (
            "CS102",
            f"nothing stands after `{before.text}`",
            (f"write what follows, or remove the `{before.text}`",),
        )
    elif before.kind == "COLON":
        code, message, helps = (
            "CS102",
            "the constraint after `:` is missing",
            ("write a relation, for example `density(model) <= 10%`",),
        )
    else:
        return _incomplete(f)
    return Repair(problem(f.source, code, message, whole, helps=helps))


def _incomplete(f: Failure) -> Repair | None:
    word, form = FORMS.get(f.first.kind, ("", ""))
    span = Span(f.first.start, f.before.end)
    if f.kind == "item" and word:
        return Repair(
            problem(
                f.source,
                "CS102",
                f"this `{word}` is not complete",
                span,
                helps=(f"for example `{form}`",),
            )
        )
    if any(token.kind == "FORALL" for token in f.tokens):
        return Repair(
            problem(
                f.source,
                "CS121",
                "this quantifier has no constraint",
                span,
                label="for all of these, what?",
                helps=(f"write `{f.source.slice(span)}: lhs <= rhs`",),
            )
        )
    return None


def commas(f: Failure) -> Repair | None:
    """`,` between constraints."""
    token = f.token
    if token.kind != "COMMA" or f.kind != "clause":
        return None
    opened = f.depth(f.index)
    if opened and f.at(opened[-1]).kind != "LBRACE":
        return None
    in_group = bool(opened)
    return Repair(
        problem(
            f.source,
            "CS115",
            "constraints are separated by `;` or a new line",
            token.span,
            label="not by `,`",
            helps=("write `;`",),
            fix=";",
        ),
        f.replaced(f.index, f.index + 1, Token("SEMICOLON", ";", token.start, token.end))
        if in_group
        else f.tokens[: f.index],
        rest=() if in_group else f.tokens[f.index + 1 :],
    )


def semicolons(f: Failure) -> Repair | None:
    """`;` inside brackets."""
    token = f.token
    if token.kind != "SEMICOLON":
        return None
    return Repair(
        problem(
            f.source,
            "CS115",
            "inside brackets parts are separated by `,`",
            token.span,
            helps=("write `,`",),
            fix=",",
        ),
        f.replaced(f.index, f.index + 1, Token("COMMA", ",", token.start, token.end)),
    )


def settings(f: Failure) -> Repair | None:
    """`soft(0.1)`, `fit epochs=3`, `using sgd lr=0.1`: settings are `name=value` in `( )`."""
    if f.first.kind == "FIT" and f.index == 1 and f.token.kind == "NAME":
        end = f.before.end
        close = f.tokens[-1].end
        return Repair(
            problem(
                f.source,
                "CS131",
                "settings of `fit` stand in `( )`",
                f.token.span,
                helps=(f"write `fit({f.text(1, len(f.tokens))})`",),
                fix=f"fit({f.text(1, len(f.tokens))})",
                fix_span=Span(f.first.start, close),
            ),
            (
                f.first,
                Token("LPAR", "(", end, end),
                *f.tokens[1:],
                Token("RPAR", ")", close, close),
            ),
        )
    opened = f.depth(f.index)
    if opened and f.at(opened[-1] - 1).kind in {"SOFT", "FIT"}:
        owner = f.at(opened[-1] - 1).text
        example = "soft(weight=0.1)" if owner == "soft" else FORMS["FIT"][1]
        if f.token.kind in OPERAND_STARTS:
            place = f.token.start
            soft = owner == "soft" and f.at(opened[-1] + 1) == f.token
            named = (Token("NAME", "weight", place, place), Token("EQUAL", "=", place, place))
            return Repair(
                problem(
                    f.source,
                    "CS131",
                    f"`{owner}` takes settings by name",
                    f.token.span,
                    helps=(f"for example `{example}`",),
                    fix="weight=" if soft else None,
                    fix_span=Span(place, place),
                ),
                f.replaced(f.index, f.index, *named) if soft else None,
            )
        if f.before.kind == "NAME":
            return Repair(
                problem(
                    f.source,
                    "CS131",
                    f"the setting `{f.before.text}` of `{owner}` has no value",
                    f.before.span,
                    helps=(f"write `{f.before.text}=...`, for example `{example}`",),
                )
            )
    if f.token.kind == "NAME" and f.at(f.index + 1).kind == "EQUAL" and not opened:
        call = f"{f.before.text}({f.text(f.index, len(f.tokens))})"
        return Repair(
            problem(
                f.source,
                "CS131",
                f"the setting `{f.token.text}` stands outside of `( )`",
                f.token.span,
                helps=(f"write `{call}`",),
                fix=call,
                fix_span=Span(f.before.start, f.tokens[-1].end),
                safe=False,
            )
        )
    return None


def objective_modifier(f: Failure) -> Repair | None:
    """`minimize ce on train`: an objective has no modifiers."""
    if f.first.kind not in {"MINIMIZE", "MAXIMIZE"} or f.depth(f.index):
        return None
    if f.token.kind == "ON":
        inner = f.text(1, len(f.tokens))
        return Repair(
            problem(
                f.source,
                "CS101",
                "`on` belongs inside an expectation",
                f.token.span,
                helps=(f"write `{f.first.text} E[{inner}]`",),
                fix=f"E[{inner}]",
                fix_span=Span(f.at(1).start, f.tokens[-1].end),
                safe=False,
            ),
            f.tokens[: f.index],
        )
    if f.token.kind in {"BY", "SOFT", "WITHIN", "WITH"}:
        return Repair(
            problem(
                f.source,
                "CS101",
                f"`{f.token.text}` belongs to a constraint, not to the objective",
                f.token.span,
                helps=("put it behind a constraint below `s.t.`",),
            ),
            f.tokens[: f.index],
        )
    return None


def labels(f: Failure) -> Repair | None:
    """`eo.tpr: ...`, `"my label": ...`, `3: ...`."""
    if f.token.kind != "COLON" or f.kind != "clause" or f.depth(f.index):
        return None
    if any(t.kind in {"RELATION", "FORALL", "COLON"} for t in f.tokens[: f.index]):
        return None
    span = Span(f.first.start, f.before.end)
    written = f.source.slice(span)
    name = "".join(c if c.isalnum() else "_" for c in written.strip('"')).strip("_")
    if name and name[0].isdigit():
        name = f"c{name}"
    return Repair(
        problem(
            f.source,
            "CS126",
            f"`{written}` can't be a label",
            span,
            notes=("a label is one name; the parts of a group are named by the group",),
            helps=(f"write `{name}: ...`",),
            fix=name,
            safe=False,
        ),
        f.replaced(0, f.index, Token("NAME", name, span.start, span.end)),
    )


def bare_surrogate(f: Failure) -> Repair | None:
    """`with hinge`: what it is with is missing."""
    if f.before.kind != "WITH" or f.kind != "clause":
        return None
    place = f.token.start
    return Repair(
        problem(
            f.source,
            "CS120",
            "behind `with` stands `surrogate`",
            f.before.span,
            helps=(f"write `with surrogate {f.token.text}`",),
            fix="surrogate ",
            fix_span=Span(place, place),
        ),
        f.replaced(f.index, f.index, Token("SURROGATE", "surrogate", place, place, True)),
    )


def several_names(f: Failure) -> Repair | None:
    """`model a, b`, `param a, b`: one each line."""
    word = f.first.text
    if f.token.kind != "COMMA" or f.first.kind not in {"MODEL", "PARAM", "VAR", "LET", "DOMAIN"}:
        return None
    if f.depth(f.index):
        return None
    following = f.at(f.index + 1).text or "..."
    return Repair(
        problem(
            f.source,
            "CS115",
            f"each `{word}` stands on a line of its own",
            f.token.span,
            helps=(f"write `{word} {following}` on the next line",),
            fix=f"\n{word}",
            safe=False,
        ),
        f.tokens[: f.index],
        rest=(f.first, *f.tokens[f.index + 1 :]),
    )


def slices(f: Failure) -> Repair | None:
    """`x[1:3]`, `{"a": 1}`."""
    opened = f.depth(f.index)
    if f.token.kind != "COLON" or not opened:
        return None
    in_braces = f.at(opened[-1]).kind == "LBRACE"
    what = "dictionaries" if in_braces else "slices"
    return Repair(
        problem(
            f.source,
            "CS128",
            f"there are no {what}",
            f.token.span,
            helps=("write settings as `name=value` in `( )`",)
            if in_braces
            else ("index one entry at a time, or sum over `for i in range(n)`",),
        )
    )


def two_operands(f: Failure) -> Repair | None:
    """`x y`: two expressions without an operator."""
    token, before = f.token, f.before
    if before.kind not in OPERAND_ENDS or token.kind not in OPERAND_STARTS:
        return None
    left = before.text if before.kind in {"NAME", "NUMBER", "STRING"} else f"...{before.text}"
    right = token.text if token.kind in {"NAME", "NUMBER", "STRING"} else f"{token.text}..."
    if f.kind == "item" and f.index <= 1:
        return None
    helps = [f"write an operator between them, for example `{left} * {right}`"]
    if f.kind == "clause" and any(t.kind == "RELATION" for t in f.tokens[: f.index]):
        helps.append("constraints are separated by `;` or a new line")
    return Repair(
        problem(
            f.source,
            "CS101",
            f"nothing stands between `{left}` and `{right}`",
            Span(before.start, token.end) if touching(before, token) else token.span,
            label="an operator is missing before this",
            helps=helps,
            fixes=(Fix(span=Span(before.end, token.start), replacement=" * ", title="multiply"),),
        )
    )


def fallback(f: Failure) -> Repair:
    """Nothing is known but where it went wrong and what may stand there."""
    missing = _single(f)
    if f.token.kind == "$END":
        place = Span(f.first.start, f.before.end)
        message = f"`{f.before.text}` can't be the end" if f.tokens else "nothing stands here"
    else:
        place = f.token.span
        shown = f.token.text if f.token.kind != "_NL" else "the end of the line"
        after = f" after `{f.before.text}`" if f.index else " at the beginning of a line"
        message = f"`{shown}` can't stand{after}"
    form = FORMS.get(f.first.kind)
    helps = [missing] if missing else []
    if form and f.kind == "item":
        helps.append(f"a line with `{form[0]}` reads, for example, `{form[1]}`")
    elif not helps:
        helps.append(_may_follow(f.expected))
    return Repair(problem(f.source, "CS101", message, place, helps=helps))


def _single(f: Failure) -> str:
    """What the only thing is that fits, if there is one."""
    if len(f.expected) != 1:
        return ""
    (kind,) = f.expected
    plain = {
        "NAME": "a name",
        "EQUAL": "`=`",
        "LPAR": "`(`",
        "RPAR": "`)`",
        "COLON": "`:`",
        "RSQB": "`]`",
        "$END": "the end of the line",
    }
    return f"here stands {plain.get(kind, f'`{reference(kind)}`')}"


def _may_follow(expected: frozenset[str]) -> str:
    if expected & OPERAND_STARTS:
        return "here stands an expression: a name, a number, a call"
    if "RELATION" in expected:
        return "here may follow an operator, a relation, or a modifier (`by`, `within`, `soft`)"
    if ITEM_WORDS & expected:
        return "a line begins with a keyword (`minimize`, `data`, ...) or a constraint"
    return "see the grammar by example: `cspec explain CS101`"


CHECKS: tuple[Callable[[Failure], Repair | None], ...] = (
    python_words,
    merged_marks,
    misspelt_item,
    for_all,
    walrus,
    equality_in_definition,
    interval,
    given_bar,
    double_bar,
    single_equal,
    keyword_start,
    quantifier_names,
    missing_colon,
    floor_division,
    not_in,
    doubled_operator,
    missing_before,
    labels,
    slices,
    bare_surrogate,
    several_names,
    settings,
    objective_modifier,
    stray_closer,
    commas,
    semicolons,
    braces,
    misspelt_word,
    unclosed,
    ends_early,
    two_operands,
)


def explain(failure: Failure) -> Repair:
    """The first finding that fits."""
    for check in CHECKS:
        repair = check(failure)
        if repair is not None:
            return repair
    return fallback(failure)
