"""What does not fit about groups, and how findings are kept: each once, with its place."""

from collections.abc import Sequence

from cspec.compiler.axes.record import UNKNOWN, Axes
from cspec.compiler.expressions.text import text as shown
from cspec.dsl.kinds.by_group import each_group
from cspec.dsl.messages.diagnostic import Diagnostic, Fix, replacing
from cspec.dsl.messages.wording import listing
from cspec.dsl.text.source import NOWHERE, Span
from cspec.dsl.tree.nodes import Attribute, Expectation, Expr, Index, Name
from cspec.dsl.tree.rebuild import column_of


class Kept:
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


class GroupFindings(Kept):
    """What does not fit about groups of the data."""

    def no_groups(self, column: Name) -> Axes:
        """By group of a column of real numbers, or of too many values."""
        return self.add(
            "CS526",
            f"column `{column.id}` has no groups: it is not categorical in this data",
            column,
            "needs a categorical column",
            helps=(
                f"for a condition: `| {column.id} > 0`",
                "or bin it in the data, or name a column of categories",
            ),
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
            fixes=replacing(event.span, meant),
        )

    def truth_among_groups(self, expr: Expectation, columns: Sequence[Name], truth: Name) -> Axes:
        """`gap(P[.. | sex, seen])` with `seen` true or false."""
        others = listing([c.id for c in columns if c is not truth], "and")
        conditions = [f"{truth.id} == true" if c is truth else shown(c) for c in expr.conditions]
        each = each_group(expr, shown)
        members = "" if each is None else f"{each[1]} {each[0].replace('forall', 'for')[:-1]}"
        return self.add(
            "CS313",
            f"`{truth.id}` holds true and false: a condition, or groups beside {others}?",
            truth,
            "two readings",
            notes=("alone behind `|` it is a condition, in `gap` a group of its own",),
            helps=(
                f"for a condition: `| {', '.join(conditions)}`",
                f"for groups of all: `max({members})` or `min(...)`, for their gap "
                "`max(...) - min(...)`",
            ),
            fixes=replacing(truth.span, f"{truth.id} == true"),
        )

    def by_group(self, expr: Expr, why: str) -> Axes:
        """One number a group where one number is meant."""
        text = shown(expr)
        options = tuple(f"{word}({text})" for word in ("max", "min", "gap"))
        each = each_group(expr, shown)
        return self.add(
            "CS312",
            f"`{text}` is one number a group, and {why}",
            expr,
            "a number a group",
            notes=("a column of categories alone after `|` means by group",),
            helps=(
                f"for the largest, the smallest, their distance: {listing(options)}",
                *(() if each is None else (f"for one constraint a group: `{' '.join(each)} ...`",)),
            ),
            fixes=replacing(expr.span, *options),
        )

    def groups_of_tokens(self, expr: Expectation, column: Name) -> Axes:
        """By group of what has one number a token."""
        text, name = shown(expr.body), column.id
        named = (f"{name} == v" if column_of(c) == name else shown(c) for c in expr.conditions)
        one = f"{expr.kind}[{text} | {', '.join(named)}]"
        return self.add(
            "CS332",
            f"`{text}` has one number a token, and groups are made of examples",
            expr,
            "tokens, or examples?",
            helps=(
                f"for one rate a value: `forall v in values({name}): {one} ...`, in a metric"
                f" `max({one} for v in values({name}))`",
                "for examples make one number of their tokens first: `max(...)`, `sum(...)`",
            ),
        )

    def which_group(self, expr: Attribute | Index, called: str, other: str) -> Axes:
        """`E[w | k][2]` where a group is called 2 and another one is number 2."""
        text = shown(expr.value)
        return self.add(
            "CS208",
            f"`{called}` has two readings: the group {called}, or group number {called}, which is "
            f"{other}",
            expr,
            "the value, or its number?",
            helps=(f'for the group {called} write `{text}["{called}"]`',
                   f'for group {other} write `{text}["{other}"]`'),
        )  # fmt: skip
