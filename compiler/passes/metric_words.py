"""Words that only metrics know, once every requirement is known.

violation(dp)    ->   how far dp is from being met: the largest of its members
violations       ->   that of every requirement, in the order of the problem
initial(e)       ->   the value of e before the first step
"""

from collections.abc import Iterable

from cspec.compiler.expressions.rewrite import rewrite
from cspec.compiler.expressions.text import text
from cspec.compiler.records.problem import Constraint, Initial, Problem, Violations
from cspec.dsl.checks.metrics import METRIC_WORDS, label_of
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.nodes import Call, Expr, Name, Node, String
from cspec.dsl.tree.rebuild import rebuild

_SHOWN = 12
"""Names that a message lists at most."""


def labeled_metric(expr: Expr, symbols: Symbols) -> Expr:
    """`violation(dp)` as `violation("dp")`: labels are no names of values."""

    def step(node: Expr) -> Expr:
        if isinstance(node, Call) and _word(node, symbols) == "violation" and node.arguments:
            label = label_of(node.arguments[0])
            assert label is not None
            named = String(value=label, span=node.arguments[0].span)
            return node.model_copy(update={"arguments": (named,)})
        return node

    return rewrite(expr, step)


def metric_words(problem: Problem, symbols: Symbols) -> Problem:
    """The problem with the words of its metrics resolved; its quantifiers are written out.

    Raises:
        SpecError: a label that no requirement has.
    """

    def visit(node: Node) -> Node:
        match _word(node, symbols), node:
            case "violation", Call(arguments=(String() as label,)):
                chosen = _named(label, problem.constraints)
                return _violations(node, chosen, symbols).model_copy(update={"largest": True})
            case "violations", Expr():
                hard = [c for c in problem.constraints if c.soft is None]
                return _violations(node, hard, symbols)
            case "initial", Call(arguments=(body,)):
                return Initial(text=text(body), body=visit(body), span=node.span)
        return rebuild(node, visit)

    metrics = tuple((name, visit(value)) for name, value in problem.metrics)
    return problem.model_copy(update={"metrics": metrics})


def _word(node: Node, symbols: Symbols) -> str | None:
    """The word of metrics that a node is; None of a name that the spec gives to something."""
    word = node.function if isinstance(node, Call) else node
    if not isinstance(word, Name) or word.id not in METRIC_WORDS:
        return None
    taken = symbols.role(word.id) is not None or word.id in symbols.column_names
    return None if taken else word.id


def _named(label: String, constraints: tuple[Constraint, ...]) -> list[Constraint]:
    """The constraints that a label names: itself, its members, the parts of a group or chain."""
    wanted = label.value
    chosen = [
        c
        for c in constraints
        if wanted in (c.label, c.full_label)
        or c.full_label.startswith((f"{wanted}.", f"{wanted}["))
    ]
    if chosen:
        return chosen
    members = [c.full_label for c in constraints if c.label == wanted.partition("[")[0]]
    shown = ", ".join(f'`"{name}"`' for name in members[:_SHOWN])
    raise Diagnostic(
        code="CS206",
        message=f"no constraint is called `{wanted}`",
        span=label.span,
        label="no such member",
        helps=(f"write one of: {shown}",) if members else ("name a constraint by its label",),
    ).error()


def _violations(node: Expr, chosen: Iterable[Constraint], symbols: Symbols) -> Violations:
    labels = tuple((c.full_label, c.relation) for c in chosen)
    keywords = node.keywords if isinstance(node, Call) else ()
    data = next((k.value.id for k in keywords if isinstance(k.value, Name)), None)
    training = symbols.default_dataset
    moved = None if data is None or training is None else (training, data)
    return Violations(labels=labels, moved=moved, span=node.span)
