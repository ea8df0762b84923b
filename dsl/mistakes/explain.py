"""Why a clause does not parse: the checks, most specific first, and what is said if none knows.

A check takes the `Failure` and answers with a `Repair` or None. It never names terminals or rules
of the grammar; a last resort says what stands where and what may stand there.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from cspec.dsl.mistakes.averages import bar, empty_condition, on_outside
from cspec.dsl.mistakes.brackets import braces, interval, stray_closer, tuple_list, unclosed
from cspec.dsl.mistakes.endings import FORMS, ends_early
from cspec.dsl.mistakes.failure import OPERAND_STARTS, Failure, Repair, problem
from cspec.dsl.mistakes.foreign.other_languages import (
    bare_definition,
    bounds,
    declared_kind,
    macro,
    objective_label,
    renamed_given,
    star_import,
)
from cspec.dsl.mistakes.items import (
    dashed_column,
    domain_axes,
    quoted_column,
    stop_after,
    stop_list,
    unnamed_metric,
    using_for,
    using_number,
    using_setting,
    using_several,
    verify_often,
    verify_words,
)
from cspec.dsl.mistakes.missing import (
    comma_of_a_list,
    data_names,
    equal_behind_modifier,
    equal_sign,
    indexed_label,
    label_of_words,
    model_name,
    number_parts,
    several_values,
    soft_settings,
    start_behind_set,
    trailing_quantifier,
    value_of_a_setting,
    verify_word,
    words_of_a_name,
)
from cspec.dsl.mistakes.modifiers import (
    between,
    condition_of_a_tail,
    modifier_first,
    soft_first,
    tolerance,
    weight,
)
from cspec.dsl.mistakes.operands import (
    call_without_brackets,
    comma_of_a_call,
    label_without_colon,
    separator,
    two_operands,
)
from cspec.dsl.mistakes.parts import (
    bare_surrogate,
    colons,
    commas,
    labels,
    missing_comma,
    objective_modifier,
    semicolons,
    several_names,
    shared_bound,
    two_constraints,
)
from cspec.dsl.mistakes.placed.example_lines import of_clause, reads
from cspec.dsl.mistakes.placed.near_values import VALUES
from cspec.dsl.mistakes.placed.strays import STRAYS, several_variables, stray_words
from cspec.dsl.mistakes.places import (
    bare_pattern,
    early_on,
    item_on_this_line,
    quantifier_on_this_line,
    several_objectives,
)
from cspec.dsl.mistakes.quantifiers import (
    for_all,
    index_outside,
    label_behind,
    missing_colon,
    quantifier_names,
    where_first,
)
from cspec.dsl.mistakes.relations import (
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
from cspec.dsl.mistakes.settings import (
    fit_without_brackets,
    setting_left_open,
    setting_outside,
    setting_without_value,
    unnamed_setting,
)
from cspec.dsl.mistakes.words import (
    bare_word,
    given_bar,
    keyword_start,
    misspelt_item,
    misspelt_word,
    python_words,
    reference,
)
from cspec.dsl.text.clauses import ITEM_WORDS
from cspec.dsl.text.sought import sought
from cspec.dsl.text.terminals import keywords


def fallback(f: Failure) -> Repair:
    """Nothing is known but where it went wrong and what may stand there."""
    missing = _single(f)
    if f.token.kind == "$END":
        place = f.span(0, f.index)
        message = f"`{f.before.text}` can't be the end" if f.tokens else "nothing stands here"
    else:
        place = f.token.span
        shown = f.token.text if f.token.kind != "_NL" else "the end of the line"
        after = f" after `{f.before.text}`" if f.index else " at the beginning of a line"
        message = f"`{shown}` can't stand{after}"
    form = FORMS.get(f.first.kind)
    helps = [missing] if missing else []
    word = reference(next(iter(f.expected))) if missing and not missing.startswith("here") else ""
    examples = of_clause(f)
    if form and f.kind == "item":
        helps.append(f"{reads(form[0])} `{examples[0].replacement if examples else form[1]}`")
    elif not helps:
        helps.append(_may_follow(f.expected))
    fix = f"{word} {f.token.text}" if word else None
    found = problem(f.source, "CS101", message, place, helps=helps, fix=fix)
    return Repair(found.model_copy(update={"examples": examples}))


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
    if kind in keywords().values() and f.token.kind not in ("$END", "_NL"):
        return f"write `{reference(kind)} {f.token.text}`"
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
    *STRAYS,
    *VALUES,
    python_words,
    macro,
    bare_definition,
    declared_kind,
    objective_label,
    bounds,
    star_import,
    renamed_given,
    using_for,
    using_number,
    using_setting,
    using_several,
    verify_words,
    verify_often,
    data_names,
    model_name,
    several_values,
    value_of_a_setting,
    setting_left_open,
    start_behind_set,
    equal_behind_modifier,
    soft_settings,
    indexed_label,
    label_of_words,
    index_outside,
    trailing_quantifier,
    number_parts,
    equal_sign,
    verify_word,
    words_of_a_name,
    unnamed_metric,
    stop_list,
    stop_after,
    quoted_column,
    dashed_column,
    domain_axes,
    merged_marks,
    misspelt_item,
    for_all,
    walrus,
    equality_in_definition,
    interval,
    tuple_list,
    given_bar,
    empty_condition,
    bar,
    condition_of_a_tail,
    tolerance,
    weight,
    between,
    soft_first,
    modifier_first,
    on_outside,
    double_bar,
    single_equal,
    keyword_start,
    where_first,
    quantifier_names,
    label_behind,
    missing_colon,
    floor_division,
    not_in,
    doubled_operator,
    missing_before,
    labels,
    colons,
    bare_surrogate,
    bare_word,
    several_names,
    fit_without_brackets,
    comma_of_a_list,
    unnamed_setting,
    setting_without_value,
    setting_outside,
    objective_modifier,
    several_objectives,
    early_on,
    bare_pattern,
    item_on_this_line,
    quantifier_on_this_line,
    stray_closer,
    shared_bound,
    commas,
    semicolons,
    braces,
    missing_comma,
    two_constraints,
    misspelt_word,
    unclosed,
    ends_early,
    call_without_brackets,
    comma_of_a_call,
    separator,
    stray_words,
    several_variables,
    label_without_colon,
    two_operands,
)


def explain(failure: Failure) -> Repair:
    """The first finding that fits."""
    for check in CHECKS:
        repair = sought(partial(check, failure), None)
        if repair is not None:
            return _with_examples(failure, repair) if _vague(repair) else repair
    return fallback(failure)


def _vague(repair: Repair) -> bool:
    """Whether a finding says what is wrong, and nothing that could be typed."""
    helps = repair.diagnostic.helps
    told = any("`" in help_ for help_ in helps)
    whole = any(help_.startswith(("write `", "leave `", "remove", "a `")) for help_ in helps)
    return not repair.diagnostic.fixes and not whole and (not told or repair.tokens is None)


def _with_examples(failure: Failure, repair: Repair) -> Repair:
    found = repair.diagnostic.model_copy(update={"examples": of_clause(failure)})
    return repair._replace(diagnostic=found)
