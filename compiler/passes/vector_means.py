"""Means of vectors, where a vector is wanted: of each entry the mean.

entropy(E[prob])       ->   entropy([E[prob[0]], E[prob[1]], E[prob[2]]])
norm(E[f(x)], 2)       ->   norm([E[f(x)[0]], E[f(x)[1]]], 2)
E[prob][1], E[prob].b  ->   E[prob[1]], E[prob.b]

A mean of several numbers an example that stands for one number stays as it is, and is asked about.
"""

from cspec.compiler.axes.inference import Inference
from cspec.compiler.expressions.rewrite import changed, function_name, number
from cspec.compiler.passes.mapping import map_constraints, map_expressions
from cspec.compiler.records.problem import Constraint, Problem
from cspec.dsl.tree import nodes
from cspec.dsl.tree.rebuild import rebuild
from cspec.dsl.values.shapes import OVER_ENTRIES
from cspec.dsl.words.functions import SIGNATURES

_VECTORS = frozenset({*OVER_ENTRIES, "max", "min", "sum", "norm", "l1", "l2", "sumsq"})
"""Functions that make something of a whole vector."""
MOST = 100
"""Entries that are written out at most."""


def vector_means(problem: Problem, inference: Inference) -> Problem:
    """The problem with the means of vectors written out, entry by entry."""
    if not inference.known.facts.data:
        return problem
    writer = _Writer(inference)

    def parts(c: Constraint) -> Constraint:
        """Canonical functions may be vectors: of `max(v) <= b` it is `v - b`."""
        if not any(function_name(node) in _VECTORS for node in nodes.walk(c.value)):
            return c
        return c.model_copy(update={"parts": tuple(writer.written(p, True) for p in c.parts)})

    return map_constraints(map_expressions(problem, writer.written), parts)


class _Writer:
    def __init__(self, inference: Inference) -> None:
        self.inference = inference

    def written(self, expr: nodes.Expr, vector: bool = False) -> nodes.Expr:
        """An expression that is wanted as one number, or may be a vector."""
        return changed(expr, lambda node: self._visit(node, vector))

    def _visit(self, node: nodes.Node, vector: bool) -> nodes.Node:
        match node:
            case nodes.Expectation() if vector and (size := self._size(node)):
                places = [nodes.Index(value=node.body, indices=(number(k),)) for k in range(size)]
                items = tuple(_of_place(node, place) for place in places)
                return nodes.Vector(items=items, span=node.span)
            case (
                nodes.Index(value=nodes.Expectation() as mean)
                | nodes.Attribute(value=nodes.Expectation() as mean)
            ):
                indices = node.indices if isinstance(node, nodes.Index) else (node,)
                one = len(indices) == 1 and not isinstance(indices[0], nodes.Slice)
                if not one or not self._size(mean):
                    return node
                return _of_place(mean, node.model_copy(update={"value": mean.body}))
            case nodes.Call():
                inside = self._keeps(node, vector)
            case nodes.Product(operators=operators) if "@" in operators:
                inside = True
            case _:
                inside = vector and isinstance(
                    node, nodes.Sum | nodes.Product | nodes.Negate | nodes.Power | nodes.Vector
                )
        return rebuild(node, lambda child: self._visit(child, inside))

    @staticmethod
    def _keeps(call: nodes.Call, vector: bool) -> bool:
        """Whether the arguments of a call are wanted as vectors."""
        word = function_name(call) or ""
        if word in ("max", "min", "sum") and len(call.arguments) > 1:
            return vector
        signature = SIGNATURES.get(word)
        entrywise = signature is not None and signature.family == "elementary"
        return word in _VECTORS or (vector and entrywise)

    def _size(self, mean: nodes.Expectation) -> int:
        """How many numbers an example has that a mean is taken of; 0 where one, or not known."""
        if mean.kind != "E" or mean.binders or mean.dataset is None:
            return 0
        body = self.inference.axes(mean.body, mean.dataset)
        several = body.known and body.each is not None and body.what == "number"
        if not several or len(body.shape or ()) != 1 or self.inference.grouping(mean).columns:
            return 0
        size = (body.shape or (0,))[0]
        return size if size <= MOST else 0


def _of_place(mean: nodes.Expectation, place: nodes.Index | nodes.Attribute) -> nodes.Expectation:
    """The mean of one place of what is averaged, which stands where all of them did."""
    return mean.model_copy(update={"body": place.model_copy(update={"span": mean.body.span})})
