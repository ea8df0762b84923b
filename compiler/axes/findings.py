"""What does not fit, each once, with its place and what to type instead."""

from __future__ import annotations

from collections.abc import Sequence

from cspec.compiler.axes.known import Known
from cspec.compiler.axes.record import UNKNOWN, Axes
from cspec.compiler.axes.words import places, what
from cspec.compiler.explain_expressions import text as shown
from cspec.compiler.rewrite import function_name
from cspec.dsl.diagnostics import Diagnostic, Fix
from cspec.dsl.meant import OVER_EXAMPLES
from cspec.dsl.nodes import Call, Compare, Expectation, Expr, Name, Product
from cspec.dsl.slices import Unfit
from cspec.dsl.source import NOWHERE, Span
from cspec.dsl.wording import listing


class Findings:
    """Diagnostics in the order in which they are found; the same one is kept once."""

    def __init__(self) -> None:
        self._found: dict[tuple[Span, str], Diagnostic] = {}

    @property
    def all(self) -> tuple[Diagnostic, ...]:
        """Everything that was found."""
        return tuple(self._found.values())

    def add(
        self,
        code: str,
        message: str,
        place: Expr,
        label: str = "",
        notes: tuple[str, ...] = (),
        helps: tuple[str, ...] = (),
        fixes: tuple[Fix, ...] = (),
    ) -> Axes:
        """Keep a finding and give unknown axes, so that one mistake is one finding."""
        key = (place.span, code)
        if key not in self._found or place.span == NOWHERE:
            self._found[key] = Diagnostic(
                code=code,
                message=message,
                span=place.span,
                label=label,
                notes=notes,
                helps=helps,
                fixes=fixes,
            )
        return UNKNOWN

    # --- several numbers where one is meant ---

    def which_number(self, body: Expr, found: Axes, kind: str) -> Axes:
        """`E[prob]`, `P[f(x) > 0]` with several outputs."""
        text = shown(body)
        event = kind == "P"
        return self.add(
            "CS332",
            f"`{text}` is {what(found)}: which one?",
            body,
            what(found),
            notes=(
                f"places of the last axis: {places(found)}",
                "an average over all of them would be another number than one of them",
            ),
            helps=_chosen(body, found, event),
        )._replace(each=found.each)

    def which_output(self, expr: Expr, found: Axes) -> Axes:
        """An objective of several numbers: `minimize f(z)` of a model with two outputs."""
        text = shown(expr)
        return self.add(
            "CS307",
            f"`{text}` is {what(found)}, and an objective is one number",
            expr,
            what(found),
            helps=(f"choose one, `{text}[0]`, or write `sum({text})`, `max({text})`",),
        )

    def which_part(self, expr: Expr, found: Axes) -> Axes:
        """An output with parts where a number is meant."""
        text = shown(expr)
        forms = tuple(
            f"`{text}[{part.key}]`" if found.style == "index" else f"`{text}.{part.key}`"
            for part in found.parts
        )
        return self.add(
            "CS332",
            f"`{text}` has {what(found)}: which one?",
            expr,
            "an output with parts",
            helps=(f"write {' or '.join(forms[:3])}",),
        )._replace(each=found.each)

    def class_axis(self, call: Expr, found: Axes) -> Axes:
        """`softmax` of one number an example."""
        inner = shown(call.arguments[0]) if isinstance(call, Call) and call.arguments else ""
        return self.add(
            "CS333",
            f"`{shown(call)}` has no axis to go over: `{inner}` is {what(found)}",
            call,
            what(found),
            notes=("`softmax` goes over the classes of an example, never over examples",),
            helps=(f"the probability of class 1 of one logit is `prob({inner})`",),
        )

    def whose_classes(self, prediction: Call, outputs: Call, columns: tuple[str, str]) -> Axes:
        """`pred(old(x)) == rater` where `old` is in no loss and `rater` has classes of its own."""
        model, shown_ = function_name(outputs), shown(outputs)
        return self.add(
            "CS332",
            f"`{shown(prediction)}` is a class of `{columns[0]}`, or of `{columns[1]}`: which one?",
            prediction,
            "classes of which column?",
            notes=(
                f"the two columns have different classes, and `{model}` is in no loss that says "
                "which of them it predicts",
            ),
            helps=tuple(
                f"of `{column}`: say so with a loss, `metric loss_of_{model} = "
                f"E[ce({shown_}, {column})]`"
                for column in columns
            ),
        )._replace(each=None)

    # --- indices ---

    def no_axis(self, expr: Expr, value: Expr, found: Axes) -> Axes:
        """`y[0]`: one number an example has no entries."""
        text = shown(value)
        return self.add(
            "CS333",
            f"`{text}` is {what(found)}: it has no entries to choose from",
            expr,
            what(found),
            notes=("an index chooses an output, a class or a feature, never an example",),
            helps=(f"write `{text}`",),
            fixes=(Fix(span=expr.span, replacement=text, title=f"write {text}"),),
        )._replace(each=found.each)

    def no_transpose(self, expr: Expr, value: Expr, found: Axes) -> Axes:
        """`y.T`: one number an example is no matrix."""
        text = shown(value)
        return self.add(
            "CS333",
            f"`{text}` is {what(found)}: it has nothing to transpose",
            expr,
            what(found),
            notes=("`.T` is of a matrix of parameters; examples are never turned into columns",),
            helps=(f"write `{text}`",),
            fixes=(Fix(span=expr.span, replacement=text, title=f"write {text}"),),
        )._replace(each=found.each)

    def too_many(self, expr: Expr, value: Expr, found: Axes) -> Axes:
        """More indices than axes."""
        return self.add(
            "CS329",
            f"`{shown(value)}` is {what(found)}: `{shown(expr)}` has too many indices",
            expr,
            what(found),
            helps=("write one index for each axis",),
        )

    def out_of_range(self, expr: Expr, value: Expr, index: float, length: int) -> Axes:
        """An index beyond the last place."""
        text = shown(value)
        return self.add(
            "CS210",
            f"`{text}` has no part {index:g}",
            expr,
            f"parts are numbered 0 to {length - 1}",
            notes=(f"it has {length} numbers, from 0 to {length - 1}",),
            helps=(f"the last one is `{text}[{length - 1}]`",),
        )

    def index(self, expr: Expr, index: Expr, found: Axes) -> Axes:
        """An index that is no place."""
        return self.add(
            "CS333",
            f"`{shown(index)}` is no index: it is {what(found)}",
            index,
            what(found),
            helps=("write a whole number, a name, or a column of labels: `prob[y]`",),
        )

    def which_group(self, expr: Expr, value: Expr, called: str, other: str) -> Axes:
        """`E[w | k][2]` where a group is called 2 and another one is number 2."""
        text = shown(value)
        return self.add(
            "CS208",
            f"`{called}` has two readings: the group {called}, or group number {called}, which is "
            f"{other}",
            expr,
            "the value, or its number?",
            helps=(f'for the group {called} write `{text}["{called}"]`',
                   f'for group {other} write `{text}["{other}"]`'),
        )  # fmt: skip

    def slice(self, expr: Expr, index: Expr, found: Unfit, size: int) -> Axes:
        """A slice that an axis does not have."""
        return self.add(
            "CS329",
            f"the slice in `{shown(expr)}` {found.why}",
            index,
            f"places are numbered 0 to {size - 1}",
            helps=(found.help,),
        )

    def word(self, call: Call, word: str, found: Unfit, items: Sequence[Axes]) -> Axes:
        """A function of vectors or matrices of something else."""
        inner, first = shown(call.arguments[0]), items[0]
        if first.each is None or first.shape:
            return self.add(
                "CS329",
                f"`{shown(call)}`: `{word}` {found.why}",
                call,
                "; ".join(map(what, items)),
                helps=(found.help,),
            )._replace(each=next((item.each for item in items if item.each), None))
        form = _INSTEAD.get(word)
        return self.add(
            "CS333",
            f"`{shown(call)}` has no entries to go over: `{inner}` is {what(first)}",
            call,
            what(first),
            notes=(f"`{word}` goes over what one example has, never over the examples",),
            helps=() if form is None else (form.format(inner),),
        )._replace(each=first.each)

    def no_part(self, expr: Expr, value: Expr, name: str, known: tuple[str, ...]) -> Axes:
        """A name that no class and no feature has."""
        listed = ", ".join(known[:12]) or "without names"
        return self.add(
            "CS210",
            f'`{shown(value)}` has no part "{name}"',
            expr,
            notes=(f"its parts are {listed}",),
            helps=(f"write one of these names, or a position from 0 on: `{shown(value)}[0]`",),
        )

    # --- shapes ---

    def misfit(
        self, expr: Expr, pair: tuple[Expr, Expr], axes: tuple[Axes, Axes], why: str
    ) -> Axes:
        """Two values that can't be brought together entry by entry."""
        first, second = (shown(part) for part in pair)
        if why == "examples":
            return self.add(
                "CS329",
                f"`{first}` has a value for each example of `{axes[0].each}`, `{second}` for each"
                f" of `{axes[1].each}`",
                expr,
                "examples of two datasets",
                helps=("average each over its own data first: `E[... on D]`",),
            )
        if why == "groups":
            made = [", ".join(a.groups.columns) if a.groups else "" for a in axes]
            return self.add(
                "CS329",
                f"`{first}` is one number a group of `{made[0]}`, `{second}` one a group of "
                f"`{made[1]}`",
                expr,
                "groups of two columns",
                notes=("which group of one goes with which of the other is not said",),
                helps=("make one number of each first: `max(...)`, `min(...)`, `gap(...)`",),
            )
        return self.add(
            "CS329",
            f"`{first}` and `{second}` do not fit: {what(axes[0])}, and {what(axes[1])}",
            expr,
            "no common shape",
            helps=("choose a part of the longer one, or make one number of it",),
        )._replace(each=axes[0].each or axes[1].each)

    def product(self, expr: Product, left: Axes, right: Axes) -> Axes:
        """`a @ b` of what has no product."""
        return self.add(
            "CS329",
            f"`{shown(expr)}` can't be multiplied by `@`: {what(left)}, and {what(right)}",
            expr,
            "lengths that differ" if left.shape and right.shape else "no vector",
            helps=("for a multiple of a number write `*`",),
        )._replace(each=left.each or right.each)

    def condition(self, event: Expr, found: Axes, body: Axes) -> Axes:
        """A condition with another number of truth values than there are values."""
        return self.add(
            "CS332",
            f"`{shown(event)}` is {what(found)}, and what it selects is {what(body)}",
            event,
            what(found),
            helps=("a condition is one truth value an example: choose one, or use `all`",),
        )

    # --- events, text, groups ---

    def no_event(self, expr: Expr, found: Axes) -> Axes:
        """A number where something true or false is meant."""
        text = shown(expr)
        column = isinstance(expr, Name) and found.each is not None
        value = f'"{found.classes[0]}"' if found.text else "1"
        return self.add(
            "CS313",
            f"`{text}` is {'a column of ' if column else ''}"
            f"{_kind(found) if column else what(found)}, not an event",
            expr,
            "needs something true or false",
            helps=(f"compare it: `{text} == {value}`",),
        )._replace(each=found.each)

    def text(self, expr: Expr, found: Axes) -> Axes:
        """Arithmetic on text."""
        written = shown(expr)
        first = found.classes[0] if found.classes else ""
        return self.add(
            "CS334",
            f"`{written}` holds text: it has no arithmetic",
            expr,
            f"values are {', '.join(str(c) for c in found.classes[:4])}",
            notes=("the number of a category says nothing about its size",),
            helps=(f'compare it: `{written} == "{first}"`',),
        )._replace(each=found.each)

    def no_value(self, expr: Expr, classes: tuple[object, ...]) -> Axes:
        """A number that no example has."""
        listed = ", ".join(str(value) for value in classes)
        return self.add(
            "CS208",
            f"`{shown(expr)}` is none of the values {listed}",
            expr,
            "no example has it",
            helps=(f"write one of: {listed}",),
        )

    def no_order(self, expr: Expr, operator: str) -> Axes:
        """`s < t` of texts."""
        return self.add(
            "CS334",
            f"`{shown(expr)}` holds text: texts have no order, they are equal or not",
            expr,
            f"compared by `{operator}`",
            helps=('write `==`, `!=` or `in {"a", "b"}`',),
        )

    def text_and_number(self, left: Expr, right: Expr, one: Axes, other: Axes) -> Axes:
        """`s == y` of a text and a number: never equal."""
        texts, numbers = (left, right) if one.text else (right, left)
        values = (one if one.text else other).classes
        return self.add(
            "CS334",
            f"`{shown(texts)}` holds text and `{shown(numbers)}` numbers: they are never equal",
            right,
            "compares text with numbers",
            helps=(f'compare it with one of its values: `{shown(texts)} == "{values[0]}"`',)
            if values
            else (),
        )

    def no_groups(self, column: Name, known: Known, dataset: str | None) -> Axes:
        """By group of a column of real numbers, or of too many values."""
        return self.add(
            "CS526",
            f"column `{column.id}` has no groups: it is not categorical in this data",
            column,
            "needs a categorical column",
            helps=("bin it in the data, or name a column of categories",),
        )

    def group_among_events(self, event: Expr, column: Name) -> Axes:
        """`| sex and y == 1`: by group and under a condition."""
        rest = [o for o in getattr(event, "operands", ()) if o is not column]
        meant = ", ".join((column.id, *(shown(part) for part in rest)))
        return self.add(
            "CS313",
            f"`{column.id}` is a column of categories, not an event",
            event,
            "by group, and under a condition?",
            notes=("columns that make groups and conditions are separated by commas",),
            helps=(f"write `| {meant}`",),
            fixes=(Fix(span=event.span, replacement=meant, title=f"write {meant}"),),
        )

    def by_group(self, expr: Expr, why: str) -> Axes:
        """One number a group where one number is meant."""
        text = shown(expr)
        options = tuple(f"{word}({text})" for word in ("max", "min", "gap"))
        return self.add(
            "CS312",
            f"`{text}` is one number a group, and {why}",
            expr,
            "a number a group",
            notes=("a column of categories alone after `|` means by group",),
            helps=(
                f"for the largest, the smallest, their distance: {listing(options)}",
                "or one constraint a group: `forall g in values(column): P[... | column == g] ...`",
            ),
            fixes=tuple(
                Fix(span=expr.span, replacement=option, title=f"write {option}")
                for option in options
            ),
        )

    def groups_of_tokens(self, expr: Expectation) -> Axes:
        """By group of what has one number a token."""
        return self.add(
            "CS332",
            f"`{shown(expr.body)}` has one number a token, and groups are made of examples",
            expr,
            "tokens, or examples?",
            helps=("make one number an example of its tokens first: `max(...)`, `sum(...)`",),
        )


_INSTEAD = {
    **{word: f"over the examples it is `{form}`" for word, form in OVER_EXAMPLES.items()},
    "topk": "the mean of the worst 10% of the examples is `cvar({0}, 0.9)`",
    "argmax": "the class of one logit is `pred({0})`",
}
"""What may be meant by a function of entries that is given one number an example."""


def _kind(found: Axes) -> str:
    if found.text:
        return "categories"
    return "whole numbers" if found.what == "whole" else "numbers"


def _chosen(body: Expr, found: Axes, event: bool) -> tuple[str, ...]:
    """What may be meant, as one would write it."""
    text = shown(body)
    if event:
        one = _inside(body)
        return (
            f"one of them: `{one}`" if one else "choose one of them",
            f"all of them: `P[all({text})]`; at least one: `P[any({text})]`",
        )
    many = len(found.shape or ()) > 1
    entry = f"{text}[{', '.join('0' for _ in found.shape or ())}]" if many else f"{text}[0]"
    if found.names and not many:
        name = found.names[-1]
        entry = f"{text}.{name}" if name.isidentifier() else f'{text}["{name}"]'
    simple = isinstance(body, Name | Call) or function_name(body) is not None
    first = f"one of them: `E[{entry}]`" if simple else "choose one of them with an index"
    return (first, f"their sum or the largest: `E[sum({text})]`, `E[max({text})]`")


def _inside(body: Expr) -> str:
    """`P[f(x)[0] > 0]` for `f(x) > 0`."""
    match body:
        case Compare(operands=(Call() as left, right), operators=(operator,)):
            return f"P[{shown(left)}[0] {operator} {shown(right)}]"
        case _:
            return ""
