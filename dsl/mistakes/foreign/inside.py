"""Foreign forms inside lines, exchanged before the text is cut into clauses.

`mend_inside` goes through the tokens once. A recognizer sees the tokens ahead and those behind;
what it exchanges is looked at again, so that a fraction in a norm is found inside of it.
"""

from __future__ import annotations

from collections.abc import Callable

from cspec.dsl.messages.diagnostic import Diagnostic, Fix
from cspec.dsl.messages.synonyms import FAIRNESS, RATES
from cspec.dsl.mistakes.failure import problem
from cspec.dsl.mistakes.foreign.branches import (
    POWERED,
    PROPERTIES,
    another_quantifier,
    columns_behind_on,
    counted_share,
    either,
    exactly_one,
    powered,
    property_of,
    question,
    ternary,
    values_of_a_column,
    when,
)
from cspec.dsl.mistakes.foreign.latex import (
    latex,
    objective_subscript,
    power_of_e,
    prime,
    subscript,
    transpose,
)
from cspec.dsl.mistakes.foreign.marks import (
    AVERAGES,
    PHRASES,
    average,
    between,
    between_percent,
    column,
    counted_index,
    dotted,
    equation,
    group_by,
    is_word,
    latex_space,
    listed,
    members,
    phrase,
    root,
    unequal,
)
from cspec.dsl.mistakes.foreign.measures import (
    article,
    crossed,
    extreme_bound,
    fairness_over,
    function_of,
    function_of_each,
    index_first,
    mean_by,
    rate_over,
    so_many_of,
    sparsity_of,
)
from cspec.dsl.mistakes.foreign.norms import absolute, double_line, norm
from cspec.dsl.mistakes.foreign.pieces import read_pieces, written
from cspec.dsl.mistakes.foreign.queries import (
    asked_of_prob,
    mean_where,
    monotone_in,
    not_null,
    product_sign,
    real_numbers,
    such_that,
)
from cspec.dsl.mistakes.foreign.signs import (
    PRIMES,
    at_a_point,
    both_ways,
    dashed_setting,
    derived,
    doubled_sign,
    entity,
    more_or_less,
    power_of_a_fraction,
    semidefinite,
)
from cspec.dsl.mistakes.foreign.sums import indexed_sum, plain_sum, sum_sign
from cspec.dsl.mistakes.foreign.tables import (
    cells,
    extremum,
    independent,
    index_behind,
    inner_product,
    listed_constraints,
    matrix,
    rate_of_class,
    thousands,
)
from cspec.dsl.mistakes.foreign.view import Found, View
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.tokens import Token
from cspec.dsl.words.functions import SIGNATURES

Look = Callable[[View], Found | None]
_MARKS: dict[str, tuple[Look, ...]] = {
    "\\": (latex,),
    "‖": (double_line,),
    "√": (root,),
    "e": (power_of_e,),
    "~": (unequal, latex_space),
    "|": (at_a_point, norm, absolute, either),
    **dict.fromkeys(PRIMES, (derived,)),
    "'": (derived, prime),
    "@": (at_a_point,),
    "^": (transpose,),
    ".": (dotted,),
    "=": (equation, counted_index),
    "+": (more_or_less, doubled_sign),
    "-": (dashed_setting, doubled_sign),
    **dict.fromkeys("<>", (semidefinite,)),
    **dict.fromkeys("⪰≽", (semidefinite,)),
    "<=": (both_ways,),
    "/": (power_of_a_fraction,),
    "%": (between_percent,),
    "$": (column,),
    "in": (members,),
    "∈": (members,),
    "is": (not_null, monotone_in, property_of, is_word),
    **dict.fromkeys(PHRASES, (property_of, phrase)),
    **dict.fromkeys(PROPERTIES, (property_of, monotone_in)),
    "at": (at_a_point, property_of, phrase),
    **dict.fromkeys(POWERED, (powered,)),
    **dict.fromkeys(("COUNT", "count"), (counted_share,)),
    **dict.fromkeys(("when", "whenever"), (when,)),
    **dict.fromkeys(("xor", "XOR"), (exactly_one,)),
    "if": (ternary,),
    "on": (columns_behind_on,),
    "values": (values_of_a_column,),
    **dict.fromkeys(("and", "AND", "&"), (another_quantifier, entity)),
    "?": (question,),
    "IS": (not_null, is_word),
    **dict.fromkeys(("R", "R_", "ℝ", "Reals"), (real_numbers,)),
    **dict.fromkeys(("monotonic", "decreasing", "nondecreasing", "nonincreasing"), (monotone_in,)),
    "group": (group_by,),
    "GROUP": (group_by,),
    "between": (between,),
    "BETWEEN": (between,),
    "[": (listed, listed_constraints, matrix),
    ",": (thousands, index_behind),
    ":": (cells, such_that),
    "prob": (asked_of_prob,),
    "⟨": (inner_product,),
    "∑": (sum_sign,),
    "∏": (sum_sign, product_sign),
    **dict.fromkeys("⊥⟂⫫", (independent,)),
    **dict.fromkeys(AVERAGES, (mean_where, average)),
    **dict.fromkeys(("AVG", "MEAN"), (mean_where,)),
    **dict.fromkeys(("sum", "prod", "max", "min"), (indexed_sum,)),
}
_MEASURES: dict[str, tuple[Look, ...]] = {
    **dict.fromkeys((*RATES, *(word.upper() for word in RATES)), (rate_of_class, rate_over)),
    **dict.fromkeys(
        (case(word.partition("_")[0]) for word in FAIRNESS for case in (str, str.capitalize)),
        (fairness_over,),
    ),
    "sparsity": (sparsity_of,),
    **dict.fromkeys(("the", "The"), (article,)),
    **dict.fromkeys(("x", "X", "×"), (crossed,)),
    **dict.fromkeys(("by", "per"), (mean_by,)),
    **dict.fromkeys(("max", "min"), (extreme_bound, index_first)),
    **dict.fromkeys(("maximum", "minimum"), (extreme_bound,)),
    "sum": (index_first,),
    "nm": (so_many_of,),
}
_FUNCTIONS = dict.fromkeys(SIGNATURES, (function_of, function_of_each))
LOOKS = {
    word: tuple(look for table in (_MARKS, _MEASURES, _FUNCTIONS) for look in table.get(word, ()))
    for word in (*_MARKS, *_MEASURES, *_FUNCTIONS)
}
"""Recognizers by the text of the token that they begin with."""
_SUBSCRIPTS: tuple[Look, ...] = (objective_subscript, extremum, indexed_sum, plain_sum, subscript)


def mend_inside(source: Source, tokens: list[Token]) -> tuple[list[Token], list[Diagnostic]]:
    """The tokens with every foreign form exchanged, and the findings."""
    if not any(_looks(token) for token in tokens):
        return tokens, []
    stack, done = tokens[::-1], list[Token]()
    view = View(source, stack, done)
    findings: list[Diagnostic] = []
    while stack:
        found = _found(view)
        if found is None:
            done.append(stack.pop())
            continue
        findings.append(_exchange(view, found))
    return done, findings


def _looks(token: Token) -> tuple[Look, ...]:
    if token.kind == "NAME" and "_" in token.text[1:]:
        return _SUBSCRIPTS if token.text.endswith("_") or token.text[3:4] == "_" else ()
    return LOOKS.get(token.text, ())


def _found(view: View) -> Found | None:
    for look in _looks(view.at(0)):
        found = look(view)
        if found is not None:
            return found
    return None


def _exchange(view: View, found: Found) -> Diagnostic:
    """Put the tokens of what a spec writes in place, and say so."""
    head = view.done[len(view.done) - found.back :] if found.back else []
    del view.done[len(view.done) - found.back :]
    old = [*head, *(view.at(index) for index in range(found.take))]
    span = Span(old[0].start, old[-1].end)
    del view.stack[len(view.stack) - found.take :]
    pieces = found.pieces if found.pieces is not None else found.go_on
    view.stack.extend(reversed(read_pieces(view.source, pieces, old, span.start)))
    fixes: tuple[Fix, ...] = ()
    if found.pieces is not None:
        text = _apart(view.source, span, written(view.source, found.pieces))
        title = f"write `{text.strip()}`" if text.strip() else "remove it"
        fixes = (Fix(span=span, replacement=text, title=title, safe=found.safe),)
    notes = (found.note,) if found.note else ()
    helps = (found.help,) if found.help else ()
    return problem(
        view.source, found.code, found.message, span, notes=notes, helps=helps, fixes=fixes
    )


def _apart(source: Source, span: Span, text: str) -> str:
    """A replacement that grows together with no word beside it."""
    before, after = source.text[span.start - 1 : span.start], source.text[span.end : span.end + 1]
    if text and _joins(before, text[0]):
        text = f" {text}"
    return f"{text} " if text and _joins(text[-1], after) else text


def _joins(left: str, right: str) -> bool:
    return bool(left and right) and (left + right).replace("_", "a").isalnum()
