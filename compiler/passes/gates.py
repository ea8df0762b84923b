"""Sizes of models, as training moves them: expected ones of L0 gates, or sets of sparse weights.

density(net) - 0.5   ->   expected_density(net) - 0.5          gates: in canonical parts only
flops(net) - 1M      ->   flops(net, expected=true) - 1M
params(net) <= 4k    ->   all weights of net in sparse(..)     no gates: the largest weights stay

On a model with gates the expected size moves the model; the deployed one moves the multiplier and
is verified. Without gates a size has no gradient: `density`, `params` and `bytes` with a bound are
a set, which a projection keeps; anything else that asks a step to move a size is refused by name.
"""

from collections.abc import Collection, Iterator
from operator import is_

from cspec.compiler.axes.sizes import STORED, other_parameters, prunable_parameters, sized
from cspec.compiler.expressions.rewrite import call, function_name, number, rewrite, with_operands
from cspec.compiler.passes.sides import Beside, beside
from cspec.compiler.records.facts import Facts, ModelFacts
from cspec.compiler.records.problem import Constraint, ParameterRef, Problem, SetMember
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.tree.constants import Values, value_or_none
from cspec.dsl.tree.nodes import Call, Expr, Keyword, Name, walk

EXPECTED = "expected density of the gates"
EXPECTED_SIZES = "expected sizes of the gates"
GATE_SURROGATES = frozenset({EXPECTED, EXPECTED_SIZES})
"""What training moves in place of sizes of a model with gates."""


def gates(
    problem: Problem, facts: Facts, moving: Collection[str], params: Values, width: int = 4
) -> Problem:
    """The problem with sizes of models as something that training can move.

    `moving` are the models that train, `width` the bytes of a number.

    Raises:
        SpecError: CS522, sizes that no step can move or no weights can meet; CS331, operations of
            a model that nobody can count.
    """
    gated = frozenset(name for name, model in facts.models.items() if model.gated)
    bounded = tuple(_as_set(c, facts, gated, params, width) for c in problem.constraints)
    wrong = [
        *_uncounted(problem, facts),
        *_gated_tensors(problem, facts),
        *_stuck(problem, bounded, frozenset(moving) & facts.models.keys() - gated, facts.models),
    ]
    if wrong:
        raise SpecError(sorted(dict.fromkeys(wrong), key=lambda d: d.span))
    constraints = tuple(_expected(c, gated) for c in bounded)
    objective = rewrite(problem.objective, lambda node: _step(node, gated))
    return problem.model_copy(update={"constraints": constraints, "objective": objective})


def _step(node: Expr, gated: frozenset[str]) -> Expr:
    pair = sized(node)
    if pair is None or pair[1] not in gated:
        return node
    assert isinstance(node, Call)
    if pair[0] == "density":
        return call("expected_density", *node.arguments)
    expected = Keyword(name="expected", value=Name(id="true"))
    return node.model_copy(update={"keywords": (expected,)})


def _expected(c: Constraint, gated: frozenset[str]) -> Constraint:
    parts = tuple(rewrite(part, lambda node: _step(node, gated)) for part in c.parts)
    if all(map(is_, parts, c.parts)):
        return c
    words = {p[0] for n in walk_expressions(c.value, c.bound) if (p := sized(n)) is not None}
    text = EXPECTED if words == {"density"} else EXPECTED_SIZES
    return c.model_copy(update={"parts": parts, "surrogate_text": text})


def deployed(problem: Problem, written: Problem, expected: Problem) -> Problem:
    """The problem with true sizes for its own: what moves the model is their expected value.

    Its constraints are those of `written`, and of `expected` what `gates` made of them.
    """
    found = zip(problem.constraints, written.constraints, expected.constraints, strict=True)
    return problem.with_constraints(_true(*c) for c in found)


def _true(c: Constraint, written: Constraint, expected: Constraint) -> Constraint:
    if c.soft is not None or written.parts == expected.parts or c.parts != expected.parts:
        return c
    seen = c.parts if c.gradient_parts is None else c.gradient_parts
    return c.model_copy(update={"parts": written.parts, "gradient_parts": seen})


def walk_expressions(*trees: Expr) -> Iterator[Expr]:
    """The expressions of some trees."""
    return (node for tree in trees for node in walk(tree) if isinstance(node, Expr))


# --- without gates -------------------------------------------------------------------------------


def _alone(value: Expr, bound: Expr, params: Values) -> Beside:
    """A size against a bound, without what stands beside it; of a ramp against both its ends."""
    found = beside(value, bound, lambda side: sized(side, STORED) is not None, params)
    match bound:
        case Call(function=Name(id="ramp"), arguments=(_, _) as ends):
            alone = [_alone(value, end, params).bound for end in ends]
            return found._replace(bound=with_operands(bound, alone))
    return found


def _as_set(
    c: Constraint, facts: Facts, gated: frozenset[str], params: Values, width: int
) -> Constraint:
    """`params(f) <= n` and `bytes(f)/1000 <= b` as a share of the weights that may stay."""
    alone = _alone(c.value, c.bound, params)
    pair = sized(alone.inner, STORED)
    model = None if pair is None else facts.models.get(pair[1])
    above = c.relation != ("<=" if alone.factor > 0 else ">=")
    if pair is None or model is None or pair[1] in gated or above or c.soft:
        return c
    share = _share(alone.bound, model, params, width if pair[0] == "bytes" else 1, c)
    if share is None or model.frozen:
        return c
    member = SetMember(word="sparse", model=pair[1], arguments={"0": share}, recognized=c.text)
    return c.model_copy(update={"set": member})


def _share(bound: Expr, model: ModelFacts, params: Values, unit: int, c: Constraint) -> Expr | None:
    """A bound on all parameters as one on the share of the prunable ones; None if it moves."""
    match bound:
        case Call(function=Name(id="ramp"), arguments=(_, _) as ends):
            shares = [share for e in ends if (share := _share(e, model, params, unit, c))]
            return with_operands(bound, shares) if len(shares) == 2 else None
    value = value_or_none(bound, params)
    total, rest = prunable_parameters(model), other_parameters(model)
    if value is None or not total:
        return None
    if value / unit < rest:
        least = rest * unit
        raise Diagnostic(
            code="CS522",
            message=f"`{c.text}` can't be met: {least:,} are left when every weight is zero",
            span=c.span,
            label="biases and normalization are never pruned",
            helps=(f"choose a bound above {least:,}, or a smaller model",),
        ).error()
    return number(min(1.0, (value / unit - rest) / total))


def _stuck(
    problem: Problem,
    constraints: tuple[Constraint, ...],
    plain: frozenset[str],
    models: Collection[str],
) -> Iterator[Diagnostic]:
    """Sizes of weights without gates where a gradient would have to move them."""
    for c in constraints:
        kept = c.set is not None and c.set.word == "sparse" and c.soft is None
        # Nothing has to move a size up: weights are zero where another requirement asks for it.
        counted = sized(c.value) is not None or function_name(c.value) == "density"
        floor = c.relation == ">=" and counted
        if not kept and not floor:
            yield from _without_gradient((c.value, c.bound), plain, models, f"`{c.label}`")
    yield from _without_gradient((problem.objective,), plain, models, "the objective")


def _without_gradient(
    sides: tuple[Expr, ...], plain: frozenset[str], models: Collection[str], where: str
) -> Iterator[Diagnostic]:
    for node in walk_expressions(*sides):
        pair = sized(node)
        if function_name(node) == "density" and (pair is None or pair[1] not in models):
            yield _tensor(node, where)
            return
        if pair is None or pair[1] not in plain:
            continue
        word, model = pair
        set_ = "" if word == "flops" else f"; `{word}({model}) <= bound` by itself is kept by size"
        yield Diagnostic(
            code="CS522",
            message=f"`{word}({model})` has no gradient in {where}: `{model}` has no gates",
            span=node.span,
            label="counts weights that are exactly zero",
            notes=(f"no step could move a weight to zero for it{set_}",),
            helps=(
                "give the model gates: `mlp(..., gates=hard_concrete)`",
                f"or bound what a projection keeps: `density({model}) <= 10%`",
            ),
        )
        return


def _tensor(node: Expr, where: str) -> Diagnostic:
    """`density(W)` where a gradient would have to move it."""
    return Diagnostic(
        code="CS522",
        message=f"`density` of a tensor has no gradient in {where}",
        span=node.span,
        label="counts entries that are exactly zero",
        notes=("no step could move an entry to zero for it",),
        helps=(
            "by itself it is a set, which a projection keeps: `density(W) <= 10%`, of each weight "
            "`forall W in f.weights: density(W) <= 10%`",
        ),
    )


def _gated_tensors(problem: Problem, facts: Facts) -> Iterator[Diagnostic]:
    """`density(W)` of a weight whose zeros are those of its gates."""
    for c in problem.constraints:
        for subject in _pruned(c):
            known = {p.name: p for p in facts.models[subject.model].parameters}
            if known[subject.name].gated:
                yield Diagnostic(
                    code="CS522",
                    message=f"`{c.text}`: the zeros of `{subject.name}` are those of its gates",
                    span=c.span,
                    label="a projection of the weight would leave its gates open",
                    helps=(f"bound the whole model: `density({subject.model}) {c.relation} 10%`",),
                )
                return


def _pruned(c: Constraint) -> Iterator[ParameterRef]:
    """The weights whose zeros a requirement counts: `W in sparse(10%)`, `density(W) >= 10%`."""
    if c.set is not None and c.set.word == "sparse" and isinstance(c.set.subject, ParameterRef):
        yield c.set.subject
    if function_name(c.value) == "density":
        yield from (node for node in walk(c.value) if isinstance(node, ParameterRef))


def _uncounted(problem: Problem, facts: Facts) -> Iterator[Diagnostic]:
    """`flops` of models whose operations are not known."""
    sides = [side for c in problem.constraints for side in (c.value, c.bound)]
    for node in walk_expressions(*sides, problem.objective, *dict(problem.metrics).values()):
        pair = sized(node, frozenset({"flops"}))
        model = None if pair is None else facts.models.get(pair[1])
        known = None if model is None else model.operations
        if pair is None or model is None or (known is not None and not known.refusal):
            continue
        why = "nothing says what it is called with" if known is None else known.refusal
        yield Diagnostic(
            code="CS331",
            message=f"`flops({pair[1]})` can't be counted: {why}",
            span=node.span,
            label="operations of one example",
            helps=(
                f"bind data that `{pair[1]}` is called with: `{pair[1]}(x)`"
                if known is None
                else f"bound `params({pair[1]})` or `bytes({pair[1]})` instead",
            ),
        )
        return
