"""What does not fit, each once, with its place and what to type instead."""

import re
from collections.abc import Sequence

from cspec.compiler.axes.group_findings import GroupFindings
from cspec.compiler.axes.known import Known
from cspec.compiler.axes.record import Axes, places, what
from cspec.compiler.expressions.rewrite import function_name
from cspec.compiler.expressions.text import text as shown
from cspec.dsl.messages.diagnostic import writing
from cspec.dsl.messages.synonyms import OVER_EXAMPLES
from cspec.dsl.tree.nodes import Attribute, Call, Compare, Expr, Index, Name, Product, String
from cspec.dsl.values.shapes import Unfit

_NUMBER = re.compile(r"-?\d+(\.\d+)?")


class Findings(GroupFindings):
    """Everything that may not fit in the expressions of a problem."""

    # --- several numbers where one is meant ---

    def which_number(self, body: Expr, found: Axes, kind: str) -> Axes:
        """`E[prob]`, `P[f(x) > 0]` with several outputs."""
        return self.add(
            "CS332",
            f"`{shown(body)}` is {what(found)}: which one?",
            body,
            what(found),
            notes=(
                f"places of the last axis: {places(found)}",
                "an average over all of them would be another number than one of them",
            ),
            helps=_chosen(body, found, kind == "P"),
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

    def no_classes(self, call: Call, word: str, column: str, outputs: Axes) -> Axes:
        """`pred` and `prob` of a model that predicts a number."""
        inner = shown(call.arguments[0])
        gives = "a class" if word == "pred" else "the probability of a class"
        return self.add(
            "CS331",
            f"`{word}` is {gives}, but the model predicts numbers:"
            f" column `{column}` has no classes",
            call,
            "no classes here",
            notes=(f"`{inner}` is compared with `{column}` as a number",),
            helps=(
                f"for the number that is predicted write `{inner}`",
                f"for a share of the examples: `P[{inner} > 0]`,"
                f" `P[abs({inner} - {column}) <= 0.1]`",
            ),
        )._replace(each=outputs.each)

    def inputs(self, call: Call, model: str, takes: str) -> Axes:
        """`f(x, age)` of a model that sees `x` alone."""
        count = len(call.arguments)
        return self.add(
            "CS331",
            f"model `{model}` is called with {count} input{'s' if count != 1 else ''},"
            f" but its `forward` takes `{takes}`",
            call,
            "inputs do not fit",
            helps=(f"write `{model}({takes})`, with columns in the places of its inputs",),
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

    def no_axis(self, expr: Attribute | Index, found: Axes) -> Axes:
        """`y[0]`: one number an example has no entries."""
        note = "an index chooses an output, a class or a feature, never an example"
        return self._one_number(expr, found, "it has no entries to choose from", note)

    def no_transpose(self, expr: Attribute | Index, found: Axes) -> Axes:
        """`y.T`: one number an example is no matrix."""
        note = "`.T` is of a matrix of parameters; examples are never turned into columns"
        return self._one_number(expr, found, "it has nothing to transpose", note)

    def _one_number(self, expr: Attribute | Index, found: Axes, why: str, note: str) -> Axes:
        """What is asked of one number an example that only several have."""
        text = shown(expr.value)
        return self.add(
            "CS333",
            f"`{text}` is {what(found)}: {why}",
            expr,
            what(found),
            notes=(note,),
            **writing(expr.span, text),
        )._replace(each=found.each)

    def too_many(self, expr: Attribute | Index, found: Axes) -> Axes:
        """More indices than axes."""
        return self.add(
            "CS329",
            f"`{shown(expr.value)}` is {what(found)}: `{shown(expr)}` has too many indices",
            expr,
            what(found),
            helps=("write one index for each axis",),
        )

    def out_of_range(self, expr: Attribute | Index, index: float, length: int) -> Axes:
        """An index beyond the last place."""
        text = shown(expr.value)
        return self.add(
            "CS210",
            f"`{text}` has no part {index:g}",
            expr,
            f"parts are numbered 0 to {length - 1}",
            notes=(f"it has {length} numbers, from 0 to {length - 1}",),
            helps=(f"the last one is `{text}[{length - 1}]`",),
        )

    def index(self, index: Expr, found: Axes) -> Axes:
        """An index that is no place."""
        return self.add(
            "CS333",
            f"`{shown(index)}` is no index: it is {what(found)}",
            index,
            what(found),
            helps=("write a whole number, a name, or a column of labels: `prob[y]`",),
        )

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
        meant = _logit(call.arguments[0]) if word == "argmax" else inner
        return self.add(
            "CS333",
            f"`{shown(call)}` has no entries to go over: `{inner}` is {what(first)}",
            call,
            what(first),
            notes=(f"`{word}` goes over what one example has, never over the examples",),
            helps=(f"leave `{word}` out: `{inner}`" if form is None else form.format(meant),),
        )._replace(each=first.each)

    def no_entries(self, call: Call, word: str, found: Axes, known: Known) -> Axes:
        """`sum(ce(f(x), y))`: over the examples is said with `E[...]`."""
        argument = call.arguments[0]
        inner, data = shown(argument), known.facts.data.get(found.each or "")
        chance = function_name(argument) == "prob" and word in ("sum", "max", "min")
        rows = "" if data is None else f", their total `{data.rows}*E[{inner}]`"
        forms = _OF_CHANCES if chance else _INSTEAD
        return self.add(
            "CS333",
            f"`{shown(call)}` has no entries to go over: `{inner}` is {what(found)}",
            call,
            what(found),
            notes=(
                "`prob` of one logit is the probability of class 1 alone"
                if chance
                else f"`{word}` goes over what one example has, never over the examples",
            ),
            helps=(forms[word].format(inner) + (rows if word == "sum" and not chance else ""),)
            if word in forms
            else (f"leave `{word}` out: `{inner}`",),
        )._replace(each=found.each)

    def no_part(self, expr: Attribute | Index, name: str, known: tuple[str, ...]) -> Axes:
        """A name that no class and no feature has."""
        listed = ", ".join(known[:12]) or "without names"
        return self.add(
            "CS210",
            f'`{shown(expr.value)}` has no part "{name}"',
            expr,
            notes=(f"its parts are {listed}",),
            helps=(
                f"write {'one of these names, or ' if known else ''}a position from 0 on: "
                f"`{shown(expr.value)}[0]`",
            ),
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
        value = f'"{found.classes[0]}"' if found.text else "1"
        kind = what(found)
        if isinstance(expr, Name) and found.each is not None:
            numbers = "whole numbers" if found.what == "whole" else "numbers"
            kind = f"a column of {'categories' if found.text else numbers}"
        return self.add(
            "CS313",
            f"`{text}` is {kind}, not an event",
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

    def no_order(self, expr: Expr, operator: str, values: Sequence[object]) -> Axes:
        """`s < t` of texts."""
        some = ", ".join(f'"{value}"' for value in values[:2]) or '"a", "b"'
        return self.add(
            "CS334",
            f"`{shown(expr)}` holds text: texts have no order, they are equal or not",
            expr,
            f"compared by `{operator}`",
            helps=(f"write `==`, `!=` or `in {{{some}}}`",),
        )

    def _number_in_quotes(self, text: String, numbers: Expr, place: Expr) -> Axes:
        """`y == "1"` where y is numbers."""
        written = shown(numbers)
        value = text.value.strip()
        number = value if _NUMBER.fullmatch(value) else ""
        return self.add(
            "CS334",
            f'`{written}` holds numbers and `"{text.value}"` is a text: they are never equal',
            place,
            "compares text with numbers",
            helps=(f"write `{written} == {number}`",)
            if number
            else (f"compare it with a number, `{written} == 1`, or with a column of texts",),
        )

    def text_and_number(self, left: Expr, right: Expr, one: Axes, other: Axes) -> Axes:
        """`s == y` of a text and a number: never equal."""
        texts, numbers = (left, right) if one.text else (right, left)
        if isinstance(texts, String):
            return self._number_in_quotes(texts, numbers, right)
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


_INSTEAD = {
    **{word: f"over the examples it is `{form}`" for word, form in OVER_EXAMPLES.items()},
    "sum": "over the examples their mean is `E[{0}]`",
    "max": "the largest of all examples is `quantile({0}, 100%)`",
    "min": "the smallest of all examples is `quantile({0}, 0%)`",
    **dict.fromkeys(("norm", "l1", "l2"), "the size of one number is `abs({0})`"),
    "sumsq": "the square of one number is `({0})^2`",
    **dict.fromkeys(("all", "any"), "a share of the examples is `P[{0}]`"),
    "topk": "the mean of the worst 10% of the examples is `cvar({0}, 0.9)`",
    "argmax": "the class of one logit is `pred({0})`",
}
"""What may be meant by a function of entries that is given one number an example."""

_OF_CHANCES = {
    "sum": "the two chances add up to 1; that of class 1 is `{0}`",
    "max": "that of the likelier class is `max({0}, 1 - {0})`",
    "min": "that of the less likely class is `min({0}, 1 - {0})`",
}
"""What may be meant by a function of the chances of both classes."""


def _logit(expr: Expr) -> str:
    """The logit of a probability, anything else as it is."""
    chance = isinstance(expr, Call) and function_name(expr) == "prob" and expr.arguments
    return shown(expr.arguments[0] if chance and isinstance(expr, Call) else expr)


def _chosen(body: Expr, found: Axes, event: bool) -> tuple[str, ...]:
    """What may be meant, as one would write it."""
    text = shown(body)
    if event:
        one = "choose one of them"
        match body:
            case Compare(operands=(Call() as left, right), operators=(operator,)):
                one = f"one of them: `P[{shown(left)}[0] {operator} {shown(right)}]`"
        return one, f"all of them: `P[all({text})]`; at least one: `P[any({text})]`"
    many = len(found.shape or ()) > 1
    entry = f"{text}[{', '.join('0' for _ in found.shape or ())}]" if many else f"{text}[0]"
    if found.names and not many:
        name = found.names[-1]
        last = name == str(len(found.names) - 1)
        quoted = f"[{name}]" if last else f'["{name}"]'
        entry = f"{text}.{name}" if name.isidentifier() else f"{text}{quoted}"
    simple = isinstance(body, Name | Call) or function_name(body) is not None
    first = f"one of them: `E[{entry}]`" if simple else "choose one of them with an index"
    return (
        first,
        f"their sum, their mean or the largest: `E[sum({text})]`, `E[mean({text})]`,"
        f" `E[max({text})]`",
    )
