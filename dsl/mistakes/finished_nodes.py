"""What the grammar lets through and the language does not: checks on the finished nodes.

`<` in a constraint, mixed chains, no relation at all, settings before arguments, intervals with
three ends. Only the form is judged here; names and kinds come later.
"""

from collections.abc import Iterator

from cspec.dsl.messages.diagnostic import Diagnostic, Fix, replacing
from cspec.dsl.mistakes.failure import problem
from cspec.dsl.mistakes.placed.no_relation import no_relation, short
from cspec.dsl.text.source import Source, Span
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import value_or_none
from cspec.dsl.tree.rebuild import head_word
from cspec.dsl.words.functions import OF_MEMBERS

WEAK = {"<": "<=", ">": ">="}
ARITHMETIC = (
    nodes.Number,
    nodes.Sum,
    nodes.Product,
    nodes.Negate,
    nodes.Power,
    nodes.Vector,
    nodes.String,
)


def check_item(source: Source, item: nodes.Item, deep: bool) -> tuple[nodes.Item, list[Diagnostic]]:
    """The item, with weak relations for strict ones, and what is wrong with its form.

    `deep` looks at each of its nodes.
    """
    found: list[Diagnostic] = list(_nodes(source, item)) if deep else []
    if isinstance(item, nodes.From) and not item.path and item.module.endswith(".py"):
        found.append(_file_without_quotes(source, item))
    if isinstance(item, nodes.Verify):
        found += _verify(source, item)
    if isinstance(item, nodes.Constraint | nodes.Group):
        checked, more = _constraints(source, item)
        return checked, found + more
    return item, found


def _file_without_quotes(source: Source, item: nodes.From) -> Diagnostic:
    start = source.text.find(item.module, item.span.start)
    message = f"the path `{item.module}` stands between quotes"
    span = Span(start, start + len(item.module))
    notes = ("without quotes it is a module of Python, with dots between packages",)
    helps = (f'write `from "{item.module}" import ...`',)
    return problem(source, "CS105", message, span, notes=notes, helps=helps, fix=f'"{item.module}"')


def _constraints(
    source: Source, item: nodes.Constraint | nodes.Group
) -> tuple[nodes.Constraint | nodes.Group, list[Diagnostic]]:
    found: list[Diagnostic] = []
    if item.label == "all":
        notes, helps = ("`verify all` means every constraint",), ("choose another name",)
        said = ("CS126", "`all` can't be a label", item.label_span)
        found.append(problem(source, *said, notes=notes, helps=helps))
    if isinstance(item, nodes.Group):
        members = []
        for member in item.constraints:
            checked, more = _constraints(source, member)
            members.append(checked)
            found += more
        if tuple(members) != item.constraints:
            item = item.model_copy(update={"constraints": tuple(members)})
        return item, found
    relation, more = _relation(source, item)
    if relation is not item.relation:
        item = item.model_copy(update={"relation": relation})
    return item, found + more


def _relation(source: Source, item: nodes.Constraint) -> tuple[nodes.Expr, list[Diagnostic]]:
    relation = item.relation
    if isinstance(relation, nodes.Membership | nodes.Or | nodes.Not):
        return relation, []
    if isinstance(relation, nodes.Compare):
        ends = _ends_of_an_interval(source, relation)
        return (relation, [ends]) if ends else _compare(source, relation)
    if isinstance(relation, nodes.Implies):
        return _implies(source, relation)
    if isinstance(relation, nodes.And):
        return relation, [_conjunction(source, relation, item.binders)]
    return relation, [no_relation(source, item)]


def _ends_of_an_interval(source: Source, relation: nodes.Compare) -> Diagnostic | None:
    """`P[pred == 1] == [20%, 30%]`: one number is not equal to two."""
    left, right = relation.operands[0], relation.operands[-1]
    two = isinstance(right, nodes.Vector) and [type(end) for end in right.items] == [
        nodes.Number,
        nodes.Number,
    ]
    if not two or not isinstance(left, nodes.Expectation) or relation.operators != ("==",):
        return None
    meant = f"{source.slice(left.span)} in {source.slice(right.span)}"
    message = "an interval stands behind `in`: one number is not equal to two"
    return problem(source, "CS110", message, relation.span, fix=meant, safe=False)


def _compare(source: Source, relation: nodes.Compare) -> tuple[nodes.Expr, list[Diagnostic]]:
    found: list[Diagnostic] = []
    operators = list(relation.operators)
    for place, operator in enumerate(relation.operators):
        span = operator_span(source, relation, place)
        if operator in WEAK:
            operators[place] = WEAK[operator]
            found.append(_strict(source, operator, span))
        elif operator == "!=":
            message = "`!=` has no meaning as a constraint"
            notes = ("almost every point satisfies it, and no step leads there",)
            helps = ("say on which side: `x >= 0.1`", "or keep a distance: `abs(x - a) >= 0.1`")
            found.append(problem(source, "CS109", message, span, notes=notes, helps=helps))
    if found:
        return relation.model_copy(update={"operators": tuple(operators)}), found
    if len(set(relation.operators)) > 1:
        found.append(_mixed(source, relation))
    return relation, found


def _strict(source: Source, operator: str, span: Span) -> Diagnostic:
    meant = WEAK[operator]
    return problem(
        source,
        "CS108",
        f"a constraint can't be strict: write `{meant}`",
        span,
        label=f"`{operator}` excludes the bound itself",
        notes=("numbers come arbitrarily close to a bound, so only `<=` can be met",),
        helps=(f"write `{meant}`; for a margin move the bound",),
        fix=meant,
    )


def _mixed(source: Source, relation: nodes.Compare) -> Diagnostic:
    parts = [source.slice(operand.span) for operand in relation.operands]
    pairs = [
        f"{parts[i]} {operator} {parts[i + 1]}" for i, operator in enumerate(relation.operators)
    ]
    one, each = f" {_one_way(relation)} ".join(parts), "; ".join(pairs)
    one = _turned(relation, parts) or one
    label = f"this one mixes {' and '.join(f'`{o}`' for o in dict.fromkeys(relation.operators))}"
    said = "CS111", "a chain goes in one direction", relation.span
    if _interval_meant(relation) or _turned(relation, parts):
        helps = (f"write `{one}`", f"or one constraint each: `{each}`")
        fixes = replacing(relation.span, one, each)
        return problem(source, *said, label=label, helps=helps, fixes=fixes)
    help_ = "write one constraint each: " + ", ".join(f"`{pair}`" for pair in pairs)
    helps = (help_, f"or one direction throughout: `{one}`")
    return problem(source, *said, label=label, helps=helps, fix=each, safe=False)


def _turned(relation: nodes.Compare, parts: list[str]) -> str:
    """`1 <= x <= 5` for `x >= 1 <= 5`: two bounds behind what they bound."""
    if len(parts) != 3 or "==" in relation.operators:
        return ""
    first, *ends = (value_or_none(operand, {}) for operand in relation.operands)
    if first is not None or None in ends or ends[0] == ends[1]:
        return ""
    rising = ends[0] < ends[1]  # type: ignore[operator]
    if rising != (relation.operators[0][0] == ">"):
        return ""
    low, high = parts[1:] if rising else parts[:0:-1]
    return f"{low} <= {parts[0]} <= {high}"


def _interval_meant(relation: nodes.Compare) -> bool:
    """Whether `0 <= x >= 5` is an interval with one sign turned round: one of two bounds from the
    same side would be idle."""
    ends = [value_or_none(relation.operands[place], {}) for place in (0, -1)]
    between = len(relation.operands) == 3 and "==" not in relation.operators
    return between and None not in ends and ends[0] != ends[1]


def _one_way(relation: nodes.Compare) -> str:
    """The direction of the ends of an interval, else that which a chain begins with; of equalities
    and bounds the bounds'."""
    if _interval_meant(relation):
        low, high = (value_or_none(relation.operands[place], {}) for place in (0, -1))
        return "<=" if low < high else ">="  # type: ignore[operator]
    return next((o for o in relation.operators if o != "=="), "==")


def operator_span(source: Source, relation: nodes.Compare, place: int) -> Span:
    """Where operator number `place` of a chain stands."""
    start = relation.operands[place].span.end
    end = relation.operands[place + 1].span.start
    gap = source.text[start:end]
    written = relation.operators[place]
    for form in (written, "≠", "≤", "≥"):
        offset = gap.find(form)
        if offset >= 0:
            return Span(start + offset, start + offset + len(form))
    return Span(start, max(end, start + 1))


def _implies(source: Source, relation: nodes.Implies) -> tuple[nodes.Expr, list[Diagnostic]]:
    if not isinstance(relation.consequence, ARITHMETIC):
        return relation, []
    gap = Span(relation.condition.span.end, relation.consequence.span.start)
    offset = source.slice(gap).find("=>")
    span = Span(gap.start + offset, gap.start + offset + 2) if offset >= 0 else gap
    if isinstance(
        relation.condition, nodes.Compare | nodes.Membership | nodes.And | nodes.Or | nodes.Not
    ):
        value = relation.consequence.span
        message = f"`{source.slice(value)}` can't follow from anything: it is a value"
        notes = ("`A => B` says: where A holds, B holds",)
        helps = ("write a comparison behind `=>`",)
        return relation, [problem(source, "CS127", message, value, notes=notes, helps=helps)]
    sides = (relation.condition, relation.consequence)
    meant = nodes.Compare(span=relation.span, operands=sides, operators=(">=",))
    message = "`=>` means implies; at least is written `>=`"
    return meant, [problem(source, "CS110", message, span, fix=">=")]


def _conjunction(
    source: Source, relation: nodes.And, binders: tuple[nodes.Binder, ...]
) -> Diagnostic:
    each = ""
    if binders:
        each = source.text[binders[0].span.start : relation.span.start]
        each = f"forall {each.removeprefix('forall').strip()} "
    parts = [_with_bound(source, relation, part) for part in relation.operands]
    meant = "; ".join([parts[0], *(f"{each}{part}" for part in parts[1:])])
    said = ("CS113", "each constraint stands alone: no `and` between them", relation.span)
    notes = ("each has a multiplier and a verdict of its own",)
    helps = (f"separate them by `;` or a new line: `{meant}`",)
    return problem(source, *said, notes=notes, helps=helps, fix=meant, safe=False)


def _with_bound(source: Source, relation: nodes.And, part: nodes.Expr) -> str:
    """A part as typed; `x` of `x and y <= 2` with the bound that all of them share."""
    text, last = source.slice(part.span), relation.operands[-1]
    alone = isinstance(
        part,
        nodes.Name
        | nodes.Sum
        | nodes.Product
        | nodes.Call
        | nodes.Index
        | nodes.Expectation
        | nodes.Power,
    )
    if not alone or not isinstance(last, nodes.Compare) or len(last.operands) != 2:
        return text
    return text + source.text[last.operands[0].span.end : last.span.end]


def _verify(source: Source, item: nodes.Verify) -> Iterator[Diagnostic]:
    if item.every is None:
        return
    count, unit = item.every
    if unit not in {"epoch", "step"} or count < 1:
        message = "`every` counts whole epochs or steps, from 1 on"
        helps = ("write `every epoch`, `every 5 epochs` or `every 500 steps`",)
        yield problem(source, "CS132", message, item.span, helps=helps)


def _nodes(source: Source, item: nodes.Item) -> Iterator[Diagnostic]:
    for node in nodes.walk(item):
        if isinstance(node, nodes.Call):
            yield from _call(source, node)
        elif isinstance(node, nodes.Comprehension) and node.function not in OVER_SETS:
            yield _over_a_set(source, node)
        elif isinstance(node, nodes.Membership):
            yield from _ends(source, node.set)
        elif isinstance(node, nodes.Binder | nodes.Param | nodes.Var):
            yield from _ends(source, node.domain)


OVER_SETS = ("sum", "max", "min", "any", "all", *OF_MEMBERS)
"""What is taken over a set: `sum(... for i in S)`."""


def _over_a_set(source: Source, node: nodes.Comprehension) -> Diagnostic:
    """`norm(... for i in S)`: every word may stand before a parenthesis, few go over a set."""
    inside = source.slice(node.span)[len(node.function) :].strip().removeprefix("(")
    meant = ""
    term, mark, over = inside.removesuffix(")").partition(" for ")
    product = node.function in ("prod", "product")
    if product and mark:
        meant = f"exp(sum(log({term.strip()}) for {over.strip()}))"
    example = "for example `sum(norm(W, 1) for W in net.weights)`"
    message = (
        f"`for` stands inside {', '.join(f'`{word}`' for word in OVER_SETS)}, `E[...]` or `P[...]`"
    )
    label = f"`{node.function}` does not go over a set" if node.function else ""
    notes = (
        ("for terms above 0; a few of any sign are written out: `x[0]*x[1]`",) if product else ()
    )
    helps = (f"write `{meant}`" if meant else example,)
    return problem(source, "CS101", message, node.span, label=label, notes=notes, helps=helps)


def _ends(source: Source, domain: nodes.Node | None) -> Iterator[Diagnostic]:
    if isinstance(domain, nodes.Vector):
        inner = source.slice(domain.span)[1:-1].strip()
        message = f"an interval has two ends, this one has {len(domain.items)}"
        helps = (f"for a set of values write `{{{inner}}}`",) if inner else ("write `[lo, hi]`",)
        fix = Fix(span=domain.span, replacement=f"{{{inner}}}", title="the set of values")
        fixes = (fix,) if inner else ()
        yield problem(source, "CS123", message, domain.span, helps=helps, fixes=fixes)


def made_by_call(function: nodes.Expr) -> bool:
    """`nn.CrossEntropyLoss()(f(x), y)`: what is called is an object as Python makes them.

    Which word of the language it stands for, the checks of names know.
    """
    if not isinstance(function, nodes.Call):
        return False
    return not function.arguments or isinstance(function.function, nodes.Attribute)


def _group_called(source: Source, node: nodes.Call) -> Diagnostic:
    """`P[pred == 1 | sex]("F")`: a group is picked in square brackets."""
    meant = f"[{source.slice(node.arguments[0].span)}]"
    return problem(
        source,
        "CS124",
        "one group is picked in square brackets",
        Span(node.function.span.end, node.span.end),
        helps=(f"write `{source.slice(node.function.span)}{meant}`",),
        fix=meant,
        safe=isinstance(node.arguments[0], nodes.String),
    )


def _is_modifier(node: nodes.Call) -> bool:
    """Whether brackets behind a number hold one setting that a modifier gives."""
    return len(node.keywords) == 1 and not node.arguments and node.keywords[0].name in _MODIFIERS


_MODIFIERS = {
    **dict.fromkeys(("method", "by", "solver", "algorithm"), "by {}"),
    **dict.fromkeys(("weight", "priority", "soft", "penalty"), "soft(weight={})"),
    **dict.fromkeys(("tol", "tolerance", "within", "eps", "atol"), "within {}"),
    "surrogate": "with surrogate {}",
}
"""What stands behind a constraint, by the names that people give it in brackets."""


def _modifier_in_brackets(source: Source, node: nodes.Call) -> Diagnostic:
    """`density(f) <= 50% (method=admm)`."""
    keyword = node.keywords[0]
    meant = _MODIFIERS[keyword.name].format(source.slice(keyword.value.span))
    span = Span(node.function.span.end, node.span.end)
    message = f"`{source.slice(span).strip()}` is written `{meant}`"
    return problem(source, "CS120", message, span, fix=f" {meant}")


def _copy_called(source: Source, node: nodes.Call) -> Diagnostic:
    """`frozen(f)(x)`: a copy is a model with a name."""
    copy = source.slice(node.function.span)
    called = f"start{source.text[node.function.span.end : node.span.end]}"
    helps = (f"write `model start = {copy}` on a line of its own, and `{called}` here",)
    return problem(source, "CS124", f"`{copy}` is a model without a name", node.span, helps=helps)


def _call(source: Source, node: nodes.Call) -> Iterator[Diagnostic]:
    if isinstance(node.function, nodes.Expectation) and len(node.arguments) == 1:
        yield _group_called(source, node)
    elif isinstance(node.function, nodes.Number) and _is_modifier(node):
        yield _modifier_in_brackets(source, node)
    elif head_word(node.function) == "frozen" and isinstance(node.function, nodes.Call):
        yield _copy_called(source, node)
    elif not isinstance(node.function, nodes.Name | nodes.Attribute) and not made_by_call(
        node.function
    ):
        yield problem(
            source,
            "CS124",
            f"`{short(source.slice(node.function.span))}` can't be called",
            node.span,
            helps=("for a product write `*` before the `(`",),
            fix="*",
            fix_span=Span(node.function.span.end, node.function.span.end),
            safe=False,
        )
    seen: set[str] = set()
    for keyword in node.keywords:
        if keyword.name in seen:
            message = f"the setting `{keyword.name}` stands twice"
            yield problem(source, "CS131", message, keyword.name_span, helps=("keep one of them",))
        seen.add(keyword.name)
    if node.keywords and node.arguments:
        last, first = node.arguments[-1], node.keywords[0]
        if last.span.start > first.span.start:
            message = "arguments stand before settings"
            helps = (f"put `{source.slice(last.span)}` before `{source.slice(first.span)}`",)
            yield problem(source, "CS131", message, last.span, helps=helps)
