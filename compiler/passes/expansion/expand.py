"""Expand quantifiers and comprehensions over what binding made known.

forall g in values(sex): e(g)            ->   e[Female], e[Male]
forall W in net.weights("conv*"): e(W)   ->   e[conv1.weight], e[conv2.weight]
sum(sumsq(W) for W in net.weights)       ->   sumsq(conv1.weight) + sumsq(conv2.weight) + ...
"""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import partial
from itertools import product
from types import MappingProxyType
from typing import NamedTuple

from cspec.compiler.algebra.set_forms import rows_fit
from cspec.compiler.expressions.not_compiled import index_set, not_compiled
from cspec.compiler.expressions.rewrite import (
    call,
    function_name,
    method_name,
    number,
    rewrite,
    sum_of,
)
from cspec.compiler.expressions.text import text as shown
from cspec.compiler.passes.canonical import SPLIT, behind, split, total_of
from cspec.compiler.passes.expansion.codes import categories, codes
from cspec.compiler.passes.expansion.each_example import (
    apart,
    of_each_example,
    of_member,
    over_examples,
)
from cspec.compiler.passes.expansion.finite_means import (
    extreme_of_examples,
    mean_of_members,
    sum_over_examples,
)
from cspec.compiler.passes.expansion.noise import is_noise, with_noise
from cspec.compiler.passes.expansion.tables import Tables, tables
from cspec.compiler.passes.expansion.where import holds
from cspec.compiler.passes.expansion.worst_case import is_searched, worst_case
from cspec.compiler.passes.mapping import map_constraint, map_constraints, map_expressions
from cspec.compiler.passes.whole_sums import whole_sum
from cspec.compiler.records.facts import Facts, ModelFacts, ParameterFacts
from cspec.compiler.records.problem import Constraint, ParameterRef, PerExample, Problem
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.messages.wording import some
from cspec.dsl.settings.base import Settings
from cspec.dsl.settings.methods import OutputProjection
from cspec.dsl.text.limits import MEMBERS, TERMS, Limit
from cspec.dsl.tree import nodes
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.rebuild import binders_of, column_of, substitute
from cspec.dsl.words.functions import OF_MEMBERS, SIGNATURES


class Member(NamedTuple):
    """One element of an index set: values of the binder's names, and what people call it."""

    values: dict[str, nodes.Expr]
    text: str


class Expansion(NamedTuple):
    """What expansion needs to know."""

    facts: Facts
    params: Values
    method: Settings | None = None
    """What `using` names: the method of every constraint that names none."""
    tables: Tables = MappingProxyType({})
    """Params that have a number for each value of a column."""
    targets: Mapping[str, str] = {}
    """Model -> the column that it predicts."""
    shapes: Mapping[str, tuple[int, ...]] = MappingProxyType({})
    """Shapes of decision variables."""
    columns: frozenset[str] = frozenset()
    """Declared columns of the data."""


def expand(problem: Problem, context: Expansion) -> Problem:
    """The problem without quantifiers: one constraint a member, comprehensions written out.

    Raises:
        SpecError: all that the data and models do not have, in source order.
    """
    constraints: list[Constraint] = []
    wrong: list[Diagnostic] = []
    for constraint in problem.constraints:
        try:
            constraints += list(_members_of(constraint, context))
        except SpecError as error:
            wrong += error.diagnostics
    expanded = problem.with_constraints(constraints)

    def step(node: nodes.Expr) -> nodes.Expr:
        if isinstance(node, nodes.Expectation) and node.binders:
            return _mean(node, context)
        return _in_full(node, context) if isinstance(node, nodes.Comprehension) else node

    def coded(expr: nodes.Expr) -> nodes.Expr:
        try:
            full = rewrite(expr, step) if any(map(binders_of, nodes.walk(expr))) else expr
            written = tables(full, context.tables, context.facts)
            return codes(written, context.facts, context.targets)
        except SpecError as error:
            wrong.extend(d for d in error.diagnostics if d not in wrong)
            return expr

    def of_rows(c: Constraint) -> Constraint:
        # What holds of an example is about the columns of its dataset, as the example's values are.
        if (rows := c.each) is None:
            return c
        update = {}
        for name, expr in (("event", c.event), ("surrogate", c.surrogate)):
            if expr is not None:
                of_each = coded(rows.model_copy(update={"body": expr, "condition": None}))
                update[name] = of_each.body if isinstance(of_each, PerExample) else expr
        return c.model_copy(update=update)

    expanded = map_constraints(map_expressions(expanded, coded), of_rows)
    if wrong:
        raise SpecError(sorted(wrong, key=lambda d: d.span))

    def settled(c: Constraint) -> Constraint:
        # `max(e(g) for g in S) <= b` in canonical parts, now that its members are known.
        inner = behind(c.value, context.params)
        splits = function_name(inner) in SPLIT or total_of(inner, context.params) is not None
        if c.each is None and len(c.parts) == 1 and splits:
            c = c.model_copy(update={"parts": split(c, context.params)})
        return _with_set(c, context.facts)

    return map_constraints(expanded, settled)


def _with_set(c: Constraint, facts: Facts) -> Constraint:
    """The set on what it is about, shapes known: weights of a list, rows whose entries exist."""
    if c.set is None or c.set.subject is None:
        return c
    subject = c.set.subject
    if (named := named_parameters(subject, facts)) is not None:
        vector = nodes.Vector(items=named, span=subject.span)
        return c.model_copy(update={"set": c.set.model_copy(update={"subject": vector})})
    if isinstance(subject, ParameterRef) and not rows_fit(c.set, subject.shape):
        return c.model_copy(update={"set": None})
    if c.set.word in ("symmetric", "skew") and c.relation != "in":
        # `.T` of a kernel is that of (outputs, rest).
        kernel = isinstance(subject, ParameterRef) and len(subject.shape) > 2
        update = {"arguments": {"matrix": True} if kernel else {}}
        return c.model_copy(update={"set": c.set.model_copy(update=update)})
    return c


def _members_of(constraint: Constraint, context: Expansion) -> Iterator[Constraint]:
    if not constraint.binders:
        yield constraint
        return
    if _in_the_model(constraint, context):
        yield _of_each_example(constraint, context)
        return
    examples, others = apart(constraint.binders, context.facts)
    if not others:
        yield of_each_example(constraint, context.facts)
        return
    found = False
    for member in _product(others, context):
        found = True
        bound = constraint.model_copy(update={"binders": (), "member": member.text})
        one = map_constraint(bound, partial(substitute, values=member.values))
        if not examples:
            yield one
            continue
        rows = one.model_copy(update={"binders": of_member(examples, member.values)})
        yield of_each_example(rows, context.facts)
    if not found:
        raise _without_members(
            f"`{constraint.label}` is about nothing: its quantifier has no member",
            "a requirement on nothing would always be reported as met",
            constraint.binders,
            context.facts,
        ).error()


def _in_the_model(c: Constraint, context: Expansion) -> bool:
    """Whether it is enforced by the model's own outputs, by its `by` or by the spec's `using`."""
    if c.construction:
        return over_examples(c.binders[0]) in context.facts.data
    left = c.method is None and c.soft is None
    return isinstance(context.method if left else c.method, OutputProjection)


def _of_each_example(constraint: Constraint, context: Expansion) -> Constraint:
    """A constraint on every example stays one constraint: its value is a vector over them."""
    binder, *others = constraint.binders
    dataset = over_examples(binder)
    if others or dataset is None or dataset not in context.facts.data:
        raise Diagnostic(
            code="CS521",
            message=f"`{constraint.label}` can't be enforced by `output_projection`: it is not "
            "about the outputs of each example",
            span=binder.domain.span,
            label="the examples of a dataset go here",
            helps=("write `forall (x, y) in train: ...`, or leave the method to cspec",),
        ).error()
    value = PerExample(dataset=dataset, body=constraint.value, span=constraint.value.span)
    return constraint.model_copy(update={"binders": (), "value": value, "parts": ()})


_NOTHING = {
    "sum": "a sum of nothing would be 0 whatever is trained",
    "max": "nothing has no largest value",
    "min": "nothing has no smallest value",
    "any": "`any` of nothing would never hold, whatever is trained",
    "all": "`all` of nothing would always hold, whatever is trained",
    "E": "nothing has no mean",
}


def _of_nothing(function: str, binders: tuple[nodes.Binder, ...], facts: Facts) -> Diagnostic:
    message = f"`{function}` is over nothing: what it goes over has no member"
    why = _NOTHING.get(function, f"of no member there is no `{function}`")
    return _without_members(message, why, binders, facts)


def _without_members(
    message: str, why: str, binders: tuple[nodes.Binder, ...], facts: Facts
) -> Diagnostic:
    for binder in binders:
        if binder.one and (gone := _no_parameter(binder, facts)) is not None:
            return gone
    notes, helps = [why], []
    for binder in binders:
        model, kind = method_name(binder.domain) or ("", "")
        if model in facts.models:
            known = [p.name for p in chosen_parameters(facts.models[model], kind)]
            notes.append(f"`{model}.{kind}` has: {some(known) or 'none'}")
            helps.append("write one of these names, or a pattern of them such as `*.weight`")
    if any(binder.condition is not None for binder in binders):
        helps.append("no element passes its `where`: relax it, or drop the requirement")
    return Diagnostic(
        code="CS525",
        message=message,
        span=binders[0].span,
        label="no member",
        notes=tuple(notes),
        helps=tuple(helps) or ("check what it goes over against the data",),
    )


def _no_parameter(binder: nodes.Binder, facts: Facts) -> Diagnostic | None:
    """A parameter by its way in Python that the model does not have; modules are none."""
    model, _ = method_name(binder.domain) or ("", "")
    if model not in facts.models:
        return None
    path = globs_of(binder.domain)[0]
    known = [p.name for p in chosen_parameters(facts.models[model], "params")]
    inside = [name for name in known if name.startswith(f"{path}.")]
    near = inside or get_close_matches(path, known, n=3)
    return Diagnostic(
        code="CS525",
        message=f"`{model}` has no parameter `{path}`",
        span=binder.span,
        label="a module: its parameters can be named" if inside else "no parameter",
        notes=(f"its parameters are: {some(known) or 'none'}",),
        helps=tuple(f"write `{model}{_way(name)}`" for name in near[:3]),
    )


def _way(name: str) -> str:
    """`.layers[0].weight` for `layers.0.weight`."""
    return "".join(f"[{p}]" if p.isdecimal() else f".{p}" for p in name.split("."))


def _product(
    binders: tuple[nodes.Binder, ...], context: Expansion, limit: Limit = MEMBERS
) -> Iterator[Member]:
    """Members of several binders, left to right; later sets may mention earlier names.

    Raises:
        SpecError: more members than the limit, which only the data told.
    """
    for count, member in enumerate(_combined(binders, context, Member({}, ""))):
        if count >= limit.most:
            raise Diagnostic(
                code=limit.code,
                message=f"this has more than {limit.most:,} members",
                span=binders[0].span,
                label=f"at most {limit.most:,}",
                notes=(f"the limit is {limit.most:,} {limit.what}",),
                helps=(f"write {limit.instead}",),
            ).error()
        yield member


def _combined(
    binders: tuple[nodes.Binder, ...], context: Expansion, done: Member
) -> Iterator[Member]:
    """All members, one after another, behind what is chosen of the binders before."""
    if not binders:
        yield done
        return
    first, condition = binders[0], binders[0].condition
    for member in members(first.names, substitute(first.domain, done.values), context, first):
        own, values = member.values, done.values | member.values
        if condition is None or holds(condition, own, values, context.facts, context.params):
            named = (done.text,) if first.one else (done.text, member.text)
            text = ", ".join(part for part in named if part)
            yield from _combined(binders[1:], context, Member(values, text))


def members(
    names: tuple[str, ...], domain: nodes.Expr, context: Expansion, binder: nodes.Binder
) -> Iterator[Member]:
    """The elements of an index set."""
    facts = context.facts
    if (parameters := named_parameters(domain, facts)) is not None:
        yield from (Member({names[0]: p}, p.name) for p in parameters)
        return
    match domain:
        case nodes.Call(function=nodes.Name(id="values"), arguments=(column,)) if name := column_of(
            column
        ):
            yield from (Member({names[0]: c}, c.text) for c in categories(name, facts, binder))
        case nodes.Call(function=nodes.Name(id="cross"), arguments=columns):
            named = (column_of(column) for column in columns)
            axes = [categories(name, facts, binder) for name in named if name]
            for combination in product(*axes):
                text = ", ".join(c.text for c in combination)
                yield Member(dict(zip(names, combination, strict=True)), text)
        case nodes.Call(function=nodes.Name(id="range"), arguments=bounds):
            limits = [int(value_or_none(b, context.params) or 0) for b in bounds]
            yield from (Member({names[0]: number(i)}, str(i)) for i in range(*limits))
        case nodes.FiniteSet(items=items):
            words = (i.value if isinstance(i, nodes.String) else shown(i) for i in items)
            yield from (Member({names[0]: i}, word) for i, word in zip(items, words, strict=True))
        case _:
            raise not_compiled(
                index_set(binder),
                binder.domain,
                "compiled are `values(column)`, `cross(columns)`, `net.weights`, `net.params`, "
                "`range(n)` and `{a, b}`",
            )


def globs_of(domain: nodes.Node) -> tuple[str, ...]:
    """The patterns of `net.weights("conv*", "fc1*")`; `*` without one."""
    arguments = domain.arguments if isinstance(domain, nodes.Call) else ()
    return tuple(item.value for item in arguments if isinstance(item, nodes.String)) or ("*",)


def named_parameters(expr: nodes.Expr, facts: Facts) -> tuple[ParameterRef, ...] | None:
    """The parameters that `net.weights` and `net.params("glob")` name; None of anything else."""
    model, kind = method_name(expr) or ("", "")
    if model not in facts.models or kind not in ("weights", "params"):
        return None
    chosen = chosen_parameters(facts.models[model], kind, globs_of(expr))
    return tuple(ParameterRef(model=model, name=p.name, shape=p.shape) for p in chosen)


def chosen_parameters(
    model: ModelFacts, kind: str, patterns: Sequence[str] = ("*",)
) -> tuple[ParameterFacts, ...]:
    """What `net.weights("glob", ...)` (two or more dimensions) and `net.params("glob")` name.

    A parameter that several patterns match is named once, in the order of the model.
    """
    return tuple(
        p
        for p in model.parameters
        if not p.gate
        and any(fnmatchcase(p.name, pattern) for pattern in patterns)
        and (kind == "params" or len(p.shape) >= 2)
    )


def _in_full(node: nodes.Comprehension, context: Expansion) -> nodes.Expr:
    """A comprehension over whole vectors, or written out."""
    if is_searched(node):
        worst = worst_case(node, context.params)
        return _in_full(worst, context) if isinstance(worst, nodes.Comprehension) else worst
    if any(map(is_noise, node.binders)):
        found = with_noise(node, context.columns, context.params)
        return _in_full(found, context) if isinstance(found, nodes.Comprehension) else found
    data = context.facts.data.get(over_examples(node.binders[0]) or "")
    if data is not None and len(node.binders) == 1:
        columns = tuple(data.columns)
        if node.function == "sum":
            return sum_over_examples(node, columns, data.rows)
        return extreme_of_examples(node, columns)
    whole = whole_sum(node, context.shapes, context.params)
    left = node if whole is None else whole
    return written_out(left, context) if isinstance(left, nodes.Comprehension) else left


def written_out(node: nodes.Comprehension, context: Expansion) -> nodes.Expr:
    """`sum`, `max`, `min`, `any` or `all` over a finite set, written out.

    `gap`, `ratio`, `mean`, `std` are those of the vector of the members; `any` is `or`, `all` is
    `and`: events of models have surrogates there, as where they are typed.
    """
    found = _product(node.binders, context, TERMS)
    terms = tuple(substitute(node.body, m.values) for m in found)
    # A sum over numbers is 0 where there are none: `for j in range(i)`.
    numbers = any(function_name(binder.domain) == "range" for binder in node.binders)
    if not terms and (node.function != "sum" or not numbers):
        raise _of_nothing(node.function, node.binders, context.facts).error()
    if not terms:
        return number(0)
    if node.function in OF_MEMBERS:
        if len(terms) == 1 and SIGNATURES[node.function].family == "groups":
            raise Diagnostic(
                code="CS526",
                message=f"`{node.function}` compares members, but what it goes over has one only",
                span=node.span,
                label="one member",
                notes=("it would be reported as met, whatever is learned",),
                helps=("let two members or more pass its `where`, or leave the requirement out",),
            ).error()
        return call(node.function, nodes.Vector(items=terms, span=node.span))
    if node.function == "sum" or len(terms) == 1:
        return sum_of(terms, node.span)
    if node.function in ("any", "all"):
        logic = nodes.Or if node.function == "any" else nodes.And
        return logic(operands=terms, span=node.span)
    return call(node.function, *terms)


def _mean(node: nodes.Expectation, context: Expansion) -> nodes.Expr:
    """A mean over a finite set, written out."""
    found = [m.values for m in _product(node.binders, context, TERMS)]
    if not found:
        raise _of_nothing("E", node.binders, context.facts).error()
    return mean_of_members(node, found)
