"""See the sets in what people write: a set has a projection, an inequality has only a gradient.

forall W in net.weights: W >= 0      ->   W in nonneg;  min(W) >= 0, too
norm(w, 1) <= r, l2(w) <= r          ->   w in ball(r, norm=p)
sumsq(w) <= r, sum(w^2) <= r         ->   w in ball(sqrt(r), norm=2);  == r: w in sphere(sqrt(r))
norm(net.weights, 2) <= r            ->   all weights together in one ball
spectral(W) <= r, nuclear(W) <= r    ->   W in spectral(r), W in nuclear(r)
W.T @ W == eye, W @ W.T == eye       ->   W in stiefel
lo <= W <= hi, abs(W) <= r, W^2 <= r ->   W in box(lo, hi);  max(W) <= hi, too
W == W.T, norm(W - W.T, 2) == 0      ->   W in symmetric;  W == -W.T: W in skew
sum(w) <= 1, c @ w == b, A @ w <= b  ->   half-space, affine subspace, polyhedron (`rows`)
sum(w) == 1 beside w >= 0            ->   w in simplex, both together (w a vector)
density(net) <= d                    ->   all weights of net in sparse(d);  density(W): W alone

Also scaled, moved to the other side or squared (`normalize`), and by other names of the same
quantity (`quantities`): `2*norm(w, 1) - 2*r <= 0`, `sqrt(sum(w*w)) <= r`.
"""

import math
from typing import Any

from cspec.compiler.algebra.shapes import var_shapes
from cspec.compiler.expressions.rewrite import function_name, method_name, number
from cspec.compiler.passes.normalize import normalized, square_root
from cspec.compiler.passes.sets.entries import (
    Seen,
    Tensors,
    around,
    box,
    is_tensor,
    member,
    mirrored,
    square_box,
)
from cspec.compiler.passes.sets.joint import joint_sets
from cspec.compiler.passes.sets.rows import affine_rows
from cspec.compiler.records.problem import Constraint, Problem, Relation, SetMember, membership
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.constants import Values
from cspec.dsl.tree.nodes import Call, Compare, Expr, Keyword, Name, Number, Sum, Vector
from cspec.dsl.values.sums import orthonormal


def recognize(problem: Problem, symbols: Symbols, params: Values | None = None) -> Problem:
    """The problem with `set` filled in wherever a constraint is a known set of parameters."""
    params = {} if params is None else params
    constraints = tuple(
        c if c.set else c.model_copy(update={"set": set_of(c, symbols, params)})
        for c in problem.constraints
    )
    return problem.with_constraints(joint_sets(constraints, symbols, params))


def set_of(
    c: Constraint, symbols: Symbols, params: Values | None = None, tensors: Tensors | None = None
) -> SetMember | None:
    """The set a constraint confines parameters to, if it is one that is known.

    `tensors` are the names that stand for parameters, with their shapes where they are known.
    """
    params = params or {}
    value, relation, bound = normalized(c.value, c.relation, c.bound, params)
    if tensors is None:
        tensors = _tensors(c, symbols, params)
    seen = Seen(c, value, bound, tensors, symbols, params)
    match relation:
        case "in" if is_tensor(value, tensors):
            return membership(value, bound)
        case "<=":
            found = _upper(seen)
        case ">=":
            found = _lower(seen)
        case "==":
            found = _equal(seen)
        case _:
            return None
    return found or _rows(seen, relation)


def _tensors(constraint: Constraint, symbols: Symbols, params: Values) -> Tensors:
    """Names that stand for parameter tensors, with their shapes where the spec gives them."""
    quantified = {
        name: None
        for binder in constraint.binders
        if (method := method_name(binder.domain)) and method[1] in ("weights", "params")
        for name in binder.names
    }
    return {**quantified, **var_shapes(symbols, params)}


def _upper(seen: Seen) -> SetMember | None:
    value, bound, tensors = seen.value, seen.bound, seen.tensors
    match value:
        case Compare(operands=(first, middle, last), operators=("<=" | ">=" as operator, _)):
            low, high = (first, last) if operator == "<=" else (last, first)
            known = seen.constant(low) and seen.constant(high)
            return box(seen, middle, low, high) if known and is_tensor(middle, tensors) else None
        case Compare():
            return None  # a longer chain is looked at link by link
    if is_tensor(value, tensors) and seen.constant(bound):
        return box(seen, value, None, bound)
    if (squared := square_box(seen)) is not None:
        return squared
    name = function_name(value)
    if not isinstance(value, Call) or not value.arguments:
        return None
    subject = value.arguments[0]
    if name == "density" and isinstance(subject, Name) and seen.constant(bound):
        found = member(seen, "sparse", subject, {"0": bound})
        if seen.symbols.role(subject.id) == "model" and subject.id not in tensors:
            return found.model_copy(update={"subject": None, "model": subject.id})
        return found if subject.id in tensors else None
    if name == "abs":
        return around(seen, subject)
    joint = seen.listed(subject)
    subject, center = _off_center(seen, subject)
    if center is not None and name not in ("norm", "l1", "l2", "sumsq"):
        return None
    if not (is_tensor(subject, tensors) or joint) or not seen.constant(bound):
        return None
    match name:
        case "max" if not joint and len(value.arguments) == 1:
            return box(seen, subject, None, bound)
        case "norm" | "l1" | "l2":
            return _ball(seen, subject, bound, _norm(value), joint, center)
        case "sumsq":
            radius = square_root(bound, seen.params)
            return _ball(seen, subject, radius, number(2), joint, center)
        case "spectral" | "nuclear" if not joint:
            return member(seen, name, subject, {"0": bound})
    return None


def _lower(seen: Seen) -> SetMember | None:
    subject = seen.value
    match subject:
        case Call(function=Name(id="min"), arguments=(inner,)):
            subject = inner
    if not is_tensor(subject, seen.tensors) or not seen.constant(seen.bound):
        return None
    if isinstance(seen.bound, Number) and seen.bound.value == 0:
        return member(seen, "nonneg", subject, {})
    return box(seen, subject, seen.bound, None)


def _equal(seen: Seen) -> SetMember | None:
    relation = Compare(operands=(seen.value, seen.bound), operators=("==",))
    found = orthonormal(relation, seen.params)
    if found is not None and not found.binders and is_tensor(found.weight, seen.tensors):
        return member(seen, "stiefel", found.weight, {})
    if (reflected := mirrored(seen)) is not None:
        return reflected
    if is_tensor(seen.value, seen.tensors) and seen.constant(seen.bound):
        return box(seen, seen.value, seen.bound, seen.bound)
    match seen.value:
        case Call(function=Name(id="norm" | "l2" | "sumsq" as name), arguments=(subject, *_)):
            bound = seen.number(seen.bound)
            if not is_tensor(subject, seen.tensors) or bound is None or bound <= 0:
                return None
            if name == "norm" and seen.number(_norm(seen.value)) != 2:
                return None
            radius = square_root(seen.bound, seen.params) if name == "sumsq" else seen.bound
            return member(seen, "sphere", subject, {"radius": radius, "whole": True})
    return None


def _rows(seen: Seen, relation: Relation) -> SetMember | None:
    """A half-space, an affine subspace or a polyhedron of the entries of one tensor."""
    found = affine_rows(seen.value, relation, seen.bound, seen.tensors, seen.params)
    if found is None:
        return None
    first, bounds = found.coefficients, found.bounds
    one = found.word == "halfspace"
    arguments = {"0": first[0], "1": bounds[0]} if one else {"0": first, "1": bounds}
    return member(seen, found.word, found.subject, arguments)


def _off_center(seen: Seen, expr: Expr) -> tuple[Expr, Expr | None]:
    """W and C of `W - C` and `C - W`, C constant; of anything else itself and None."""
    match expr:
        case Sum(operands=(left, right), operators=("-",)):
            for one, other in ((left, right), (right, left)):
                if is_tensor(one, seen.tensors) and _fixed(seen, other):
                    return one, other
    return expr, None


def _fixed(seen: Seen, expr: Expr) -> bool:
    """Whether an expression is a number or a list of numbers, or a param that is one."""
    match expr:
        case Vector(items=items):
            return all(_fixed(seen, item) for item in items)
        case Name(id=name) if name in seen.params:
            return True
    return seen.number(expr) is not None


def _ball(
    seen: Seen, subject: Expr, radius: Expr, norm: Expr, joint: bool, center: Expr | None = None
) -> SetMember | None:
    order = math.inf if norm == Name(id="inf") else seen.number(norm)
    if order not in (1.0, 2.0, math.inf):
        return None
    arguments: dict[str, Any] = {"0": radius, "norm": norm}
    if center is not None:
        arguments["center"] = center
    if joint and order != math.inf:  # the largest entry of all is that of each alone
        arguments["joint"] = True
    return member(seen, "ball", subject, arguments)


def _norm(value: Call) -> Expr:
    match function_name(value), value.arguments, value.keywords:
        case ("norm", (_, order), _) | ("norm", _, (Keyword(value=order), *_)):
            return order
    return number(1 if function_name(value) == "l1" else 2)
