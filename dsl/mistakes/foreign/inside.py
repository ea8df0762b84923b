"""Foreign forms inside lines, exchanged before the text is cut into clauses.

`mend_inside` goes through the tokens once. A recognizer sees the tokens ahead and those behind;
what it exchanges is looked at again, so that a fraction in a norm is found inside of it.
"""

from collections.abc import Callable

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.synonyms import FAIRNESS, RATES
from cspec.dsl.mistakes.failure import OPERAND_ENDS, problem, read_pieces, to_write, written
from cspec.dsl.mistakes.foreign import (
    latex,
    marks,
    measures,
    norms,
    phrases,
    signs,
    sums,
    tables,
)
from cspec.dsl.mistakes.foreign.view import Found, View
from cspec.dsl.text.source import Source, Span
from cspec.dsl.text.tokens import Token
from cspec.dsl.words.functions import SIGNATURES

Look = Callable[[View], Found | None]
_MARKS: dict[str, tuple[Look, ...]] = {
    "\\": (latex.latex,),
    "‖": (norms.double_line,),
    "√": (marks.root,),
    "e": (latex.power_of_e,),
    "~": (marks.unequal, marks.latex_space),
    "|": (signs.at_a_point, norms.norm, norms.absolute, phrases.either),
    **dict.fromkeys(signs.PRIMES, (signs.derived,)),
    "'": (signs.derived, latex.prime),
    "@": (signs.at_a_point,),
    "^": (latex.transpose,),
    ".": (marks.dotted,),
    "=": (marks.equation, marks.counted_index),
    "+": (signs.more_or_less, signs.doubled_sign),
    "-": (signs.dashed_setting, signs.doubled_sign),
    **dict.fromkeys("<>", (signs.semidefinite,)),
    **dict.fromkeys("⪰≽", (signs.semidefinite,)),
    "<=": (signs.both_ways,),
    "/": (signs.power_of_a_fraction,),
    "%": (marks.between_percent,),
    "$": (marks.column,),
    "in": (marks.members,),
    "∈": (marks.members,),
    "is": (phrases.not_null, phrases.monotone_in, phrases.property_of, marks.is_word),
    **dict.fromkeys(marks.PHRASES, (phrases.property_of, marks.phrase)),
    **dict.fromkeys(phrases.PROPERTIES, (phrases.property_of, phrases.monotone_in)),
    "at": (signs.at_a_point, phrases.property_of, marks.phrase),
    **dict.fromkeys(phrases.POWERED, (phrases.powered,)),
    **dict.fromkeys(("COUNT", "count"), (phrases.counted_share,)),
    **dict.fromkeys(("when", "whenever"), (phrases.when,)),
    **dict.fromkeys(("xor", "XOR"), (phrases.exactly_one,)),
    "if": (phrases.ternary,),
    "on": (phrases.columns_behind_on,),
    "values": (phrases.values_of_a_column,),
    **dict.fromkeys(("and", "AND", "&"), (phrases.another_quantifier, signs.entity)),
    "?": (phrases.question,),
    "IS": (phrases.not_null, marks.is_word),
    **dict.fromkeys(("R", "R_", "ℝ", "Reals"), (phrases.real_numbers,)),
    **dict.fromkeys(
        ("monotonic", "decreasing", "nondecreasing", "nonincreasing"), (phrases.monotone_in,)
    ),
    "group": (marks.group_by,),
    "GROUP": (marks.group_by,),
    "between": (marks.between,),
    "BETWEEN": (marks.between,),
    "[": (marks.listed, tables.listed_constraints, tables.matrix),
    ",": (tables.thousands, tables.index_behind),
    ":": (tables.cells, phrases.such_that),
    "prob": (phrases.asked_of_prob,),
    "⟨": (tables.inner_product,),
    "∑": (sums.sum_sign,),
    "∏": (sums.sum_sign, phrases.product_sign),
    **dict.fromkeys("⊥⟂⫫", (tables.independent,)),
    **dict.fromkeys(marks.AVERAGES, (phrases.mean_where, marks.average)),
    **dict.fromkeys(("AVG", "MEAN"), (phrases.mean_where,)),
    **dict.fromkeys(("sum", "prod", "max", "min"), (sums.indexed_sum,)),
}
_MEASURES: dict[str, tuple[Look, ...]] = {
    **dict.fromkeys(
        (*RATES, *(word.upper() for word in RATES)), (tables.rate_of_class, measures.rate_over)
    ),
    "sparsity": (measures.sparsity_of,),
    **dict.fromkeys(("the", "The"), (measures.article,)),
    **dict.fromkeys(("x", "X", "×"), (measures.crossed,)),
    **dict.fromkeys(("by", "per"), (measures.mean_by,)),
    **dict.fromkeys(("max", "min"), (measures.extreme_bound, measures.index_first)),
    **dict.fromkeys(("maximum", "minimum"), (measures.extreme_bound,)),
    "sum": (measures.index_first,),
    "nm": (measures.so_many_of,),
}
_FAIRNESS: dict[str, tuple[Look, ...]] = dict.fromkeys(
    (case(word.partition("_")[0]) for word in FAIRNESS for case in (str, str.capitalize)),
    (measures.fairness_over,),
)
_FUNCTIONS = dict.fromkeys(SIGNATURES, (measures.function_of, measures.function_of_each))
_TABLES = (_MARKS, _FAIRNESS, _MEASURES, _FUNCTIONS)
LOOKS = {
    word: tuple(look for table in _TABLES for look in table.get(word, ()))
    for word in (word for table in _TABLES for word in table)
}
"""Recognizers by the text of the token that they begin with."""
_SUBSCRIPTS: tuple[Look, ...] = (
    latex.objective_subscript,
    tables.extremum,
    sums.indexed_sum,
    sums.plain_sum,
    latex.subscript,
)


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
    times = ("*",) if found.factor and view.before.kind in OPERAND_ENDS else ()
    head = view.done[len(view.done) - found.back :] if found.back else []
    del view.done[len(view.done) - found.back :]
    old = [*head, *(view.at(index) for index in range(found.take))]
    span = Span(old[0].start, old[-1].end)
    del view.stack[len(view.stack) - found.take :]
    pieces = (*times, *(found.pieces if found.pieces is not None else found.go_on))
    view.stack.extend(reversed(read_pieces(view.source, pieces, old, span.start)))
    fix, message, help_ = None, found.message, found.help
    if found.pieces is not None:
        meant = written(view.source, found.pieces)
        fix = _apart(view.source, span, "".join((*times, meant)))
        message = message or f"`{view.source.slice(span)}` is written `{meant.strip()}`"
        help_ = help_ or to_write(meant)
    notes, helps = (found.note,) if found.note else (), (help_,) if help_ else ()
    said = (view.source, found.code, message, span)
    return problem(*said, notes=notes, helps=helps, fix=fix, safe=found.safe)


def _apart(source: Source, span: Span, text: str) -> str:
    """A replacement that grows together with no word beside it."""
    before, after = source.text[span.start - 1 : span.start], source.text[span.end : span.end + 1]
    if text and _joins(before, text[0]):
        text = f" {text}"
    return f"{text} " if text and _joins(text[-1], after) else text


def _joins(left: str, right: str) -> bool:
    return bool(left and right) and (left + right).replace("_", "a").isalnum()
