"""Why a clause does not parse: the checks, most specific first, and what is said if none knows.

A check takes the `Failure` and answers with a `Repair` or None. It never names terminals or rules
of the grammar; a last resort says what stands where and what may stand there.
"""

from collections.abc import Callable
from functools import partial

from cspec.dsl.mistakes import (
    averages,
    brackets,
    items,
    missing,
    modifiers,
    operands,
    parts,
    quantifiers,
    relations,
    settings,
    words,
)
from cspec.dsl.mistakes.endings import FORMS, ends_early
from cspec.dsl.mistakes.failure import OPERAND_STARTS, Failure, Repair, problem
from cspec.dsl.mistakes.foreign import other_languages
from cspec.dsl.mistakes.placed import near_values, strays
from cspec.dsl.mistakes.placed.example_lines import of_clause, reads
from cspec.dsl.text.clauses import ITEM_WORDS
from cspec.dsl.text.running import sought
from cspec.dsl.text.terminals import keywords


def fallback(f: Failure) -> Repair:
    """Nothing is known but where it went wrong and what may stand there."""
    only = _single(f)
    place = f.token.span
    shown = f.token.text if f.token.kind not in ("_NL", "$END") else "the end of the line"
    after = f" after `{f.before.text}`" if f.index else " at the beginning of a line"
    message = f"`{shown}` can't stand{after}"
    form = FORMS.get(f.first.kind)
    helps = [only] if only else []
    word = words.reference(next(iter(f.expected))) if only and not only.startswith("here") else ""
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
        return f"write `{words.reference(kind)} {f.token.text}`"
    return f"here stands {plain.get(kind, f'`{words.reference(kind)}`')}"


def _may_follow(expected: frozenset[str]) -> str:
    if expected & OPERAND_STARTS:
        return "here stands an expression: a name, a number, a call"
    if "RELATION" in expected:
        return "here may follow an operator, a relation, or a modifier (`by`, `within`, `soft`)"
    if ITEM_WORDS & expected:
        return "a line begins with a keyword (`minimize`, `data`, ...) or a constraint"
    return "see the grammar by example: `cspec explain CS101`"


CHECKS: tuple[Callable[[Failure], Repair | None], ...] = (
    *strays.STRAYS,
    *near_values.VALUES,
    words.python_words,
    other_languages.macro,
    other_languages.bare_definition,
    other_languages.declared_kind,
    other_languages.objective_label,
    other_languages.bounds,
    other_languages.star_import,
    other_languages.renamed_given,
    items.using_for,
    items.using_number,
    items.using_setting,
    items.using_several,
    items.verify_words,
    items.verify_often,
    missing.data_names,
    missing.model_name,
    missing.several_values,
    missing.value_of_a_setting,
    settings.setting_left_open,
    missing.start_behind_set,
    missing.equal_behind_modifier,
    missing.soft_settings,
    missing.indexed_label,
    missing.label_of_words,
    quantifiers.index_outside,
    missing.trailing_quantifier,
    missing.number_parts,
    missing.equal_sign,
    missing.verify_word,
    missing.words_of_a_name,
    items.unnamed_metric,
    items.stop_list,
    items.stop_after,
    items.quoted_column,
    items.dashed_column,
    items.domain_axes,
    relations.merged_marks,
    words.misspelt_item,
    quantifiers.for_all,
    relations.walrus,
    relations.equality_in_definition,
    brackets.interval,
    brackets.tuple_list,
    words.given_bar,
    averages.empty_condition,
    averages.bar,
    modifiers.condition_of_a_tail,
    modifiers.tolerance,
    modifiers.weight,
    modifiers.between,
    modifiers.soft_first,
    modifiers.modifier_first,
    averages.on_outside,
    relations.double_bar,
    relations.single_equal,
    words.keyword_start,
    quantifiers.where_first,
    quantifiers.quantifier_names,
    quantifiers.label_behind,
    quantifiers.missing_colon,
    relations.floor_division,
    relations.not_in,
    relations.doubled_operator,
    relations.missing_before,
    parts.labels,
    parts.colons,
    parts.bare_surrogate,
    words.bare_word,
    parts.several_names,
    settings.fit_without_brackets,
    missing.comma_of_a_list,
    settings.unnamed_setting,
    settings.setting_without_value,
    settings.setting_outside,
    parts.objective_modifier,
    parts.several_objectives,
    parts.early_on,
    parts.bare_pattern,
    parts.item_on_this_line,
    parts.quantifier_on_this_line,
    brackets.stray_closer,
    parts.shared_bound,
    parts.commas,
    parts.semicolons,
    brackets.braces,
    parts.missing_comma,
    parts.two_constraints,
    words.misspelt_word,
    brackets.unclosed,
    ends_early,
    operands.call_without_brackets,
    operands.comma_of_a_call,
    operands.separator,
    strays.stray_words,
    strays.several_variables,
    operands.label_without_colon,
    operands.two_operands,
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
