"""The soft truth of events: comparisons by the stand-in, connectives by its logic."""

from cspec.compiler.expressions.rewrite import call, function_name
from cspec.compiler.surrogates.arithmetic import complement, less, plus, times
from cspec.compiler.surrogates.atoms import moves, share, together
from cspec.compiler.surrogates.base import SoftenerBase
from cspec.compiler.surrogates.folding import links
from cspec.compiler.surrogates.random_means import over_atoms, over_classes
from cspec.dsl.tree import nodes


def event_mean(s: SoftenerBase, event: nodes.Expr, sign: int) -> nodes.Expr:
    """The truth of an event that moves, in [0, 1] (a bound of it, where the stand-in has sides)."""
    if sign == 0:
        s = s.steady()
    match event:
        case nodes.Not(operand=operand):
            return complement(_truth(s, operand, -sign))
        case nodes.And() | nodes.Or():
            return _connective(s, event, sign)
        case nodes.Implies():
            return _implication(s, event, sign)
        case nodes.Compare(operators=(_,)):
            return _comparison(s, event, sign)
        case nodes.Membership() | nodes.Compare():
            written_out = links(event, s.moving)
            if written_out is not event:
                return s.mean(written_out, sign)
    return s.remarks.refuse(event, "no surrogate is known for this form")


# --- comparisons ---------------------------------------------------------------------------------


def _comparison(s: SoftenerBase, event: nodes.Compare, sign: int) -> nodes.Expr:
    (left, right), (operator,) = event.operands, event.operators
    if s.open_flat(left) or s.open_flat(right):
        return over_atoms(s, event, sign)
    left, right = s.mean(left, 0), s.mean(right, 0)
    # In units of their own, but for logits: at temperature 1 what is of size 100 is a step, and
    # what is of size 0.01 a line.
    own = s.word.open and s.varies(event) and not (_logits(s, left) and _logits(s, right))

    def margin(above: nodes.Expr, below: nodes.Expr) -> nodes.Expr:
        return call("in_units", less(above, below)) if own else less(above, below)

    match operator:
        case "==":
            return s.word.equal(margin(left, right), sign)
        case "!=":
            return complement(s.word.equal(margin(left, right), -sign))
        case ">" | ">=":
            return s.word.above(margin(left, right), sign)
    return s.word.above(margin(right, left), sign)


def _logits(s: SoftenerBase, expr: nodes.Expr) -> bool:
    """Whether a side is outputs of models as they are, sums of those and of variables, or 0."""
    match expr:
        case nodes.Number(value=value):
            return value == 0
        case nodes.Name(id=name):
            return name in s.moving
        case nodes.Sum(operands=operands):
            return all(_logits(s, operand) for operand in operands)
        case nodes.Negate(operand=inner) | nodes.Index(value=inner):
            return _logits(s, inner)
        case nodes.Call():
            role = s.setting.inference.known.symbols.role(function_name(expr) or "")
            return role in ("model", "import")
    return False


# --- connectives ---------------------------------------------------------------------------------


def _connective(s: SoftenerBase, event: nodes.And | nodes.Or, sign: int) -> nodes.Expr:
    """Operands about one prediction are one event; what is data stays as it is."""
    operands = _data_together(s, event)
    combine = s.word.both if isinstance(event, nodes.And) else s.word.either
    truths: list[tuple[nodes.Expr, bool]] = []
    for group in together(operands, s.moving):
        if len(group) == 1:
            operand = operands[group[0]]
            truths.append((_truth(s, operand, sign), s.flat(operand)))
            continue
        joint = event.model_copy(update={"operands": tuple(operands[i] for i in group)})
        truths.append((over_classes(s, joint, sign), True))
    result, moving = truths[0]
    for truth, also in truths[1:]:
        result, moving = combine(result, truth, sign, moving and also), moving or also
    return result


def _data_together(s: SoftenerBase, event: nodes.And | nodes.Or) -> tuple[nodes.Expr, ...]:
    """The operands, those that do not move as one, where the first of them stands."""
    data = [operand for operand in event.operands if not moves(operand, s.moving)]
    if len(data) < 2:
        return event.operands
    one = event.model_copy(update={"operands": tuple(data), "span": data[0].span})
    kept = (o for o in event.operands if o is data[0] or moves(o, s.moving))
    return tuple(one if operand is data[0] else operand for operand in kept)


def _truth(s: SoftenerBase, operand: nodes.Expr, sign: int) -> nodes.Expr:
    """The truth of one operand; something true or false that is no event of ours has none."""
    if s.flat(operand) or not moves(operand, s.moving):
        return s.mean(operand, sign)
    return s.remarks.refuse(operand, "moves, and is only true or false")


def _implication(s: SoftenerBase, event: nodes.Implies, sign: int) -> nodes.Expr:
    """1 - a + a b."""
    condition, consequence = event.condition, event.consequence
    if share(condition, consequence, s.moving):
        return over_classes(s, event, sign)
    if s.word.one_sided and s.flat(condition) and s.flat(consequence):
        negated = nodes.Not(operand=condition, span=condition.span)
        return s.mean(nodes.Or(operands=(negated, consequence), span=event.span), sign)
    truth = _truth(s, condition, -sign)
    return plus(complement(truth), times(truth, _truth(s, consequence, sign)))
