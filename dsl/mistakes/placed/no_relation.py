"""A constraint that relates nothing: `density(f, 10%)`, `E[ce <= 0.3]`, `all(A for i in S)`."""

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.mistakes.failure import problem
from cspec.dsl.text.defined_names import model_names
from cspec.dsl.text.source import Source
from cspec.dsl.tree import nodes
from cspec.dsl.words.functions import SIGNATURES


def no_relation(source: Source, item: nodes.Constraint) -> Diagnostic:
    relation = item.relation
    listed = _listed(source, item)
    if listed is not None:
        return listed
    text = short(source.slice(relation.span))
    inside = _bound_inside(source, relation)
    whole = _without_relation(source, relation)
    member = isinstance(relation, nodes.Call) and " in " in whole
    weighed = (isinstance(relation, nodes.Product) or member) and whole.startswith("write `")
    helps = (inside or whole or f"write `{text} <= bound`, `>= bound` or `== value`, or `in SET`",)
    message = f"`{text}` is not a constraint: it has no relation"
    fix = _only(inside) or (_only(whole) if weighed else None)
    return problem(source, "CS127", message, relation.span, helps=helps, fix=fix, safe=False)


def _listed(source: Source, item: nodes.Constraint) -> Diagnostic | None:
    """`[x <= 2, x >= 0]`: constraints as a list of Python."""
    relation = item.relation
    if not isinstance(relation, nodes.Vector) or not relation.items:
        return None
    if not all(isinstance(part, nodes.Compare | nodes.Membership) for part in relation.items):
        return None
    meant = "; ".join(source.slice(part.span) for part in relation.items)
    message = "constraints stand one a line, not in a list"
    helps = (f"write `{short(meant)}`",)
    return problem(source, "CS127", message, relation.span, helps=helps, fix=meant)


def _bound_inside(source: Source, relation: nodes.Expr) -> str:
    """`E[ce] <= 0.3` for `E[ce <= 0.3]`: the bound stands inside the brackets; else empty."""
    if isinstance(relation, nodes.Call):
        return _of_a_call(source, relation)
    if not isinstance(relation, nodes.Expectation) or relation.dataset or relation.binders:
        return ""
    last = relation.conditions[-1] if relation.conditions else relation.body
    least = 2 if relation.kind == "E" and not relation.conditions else 3
    if not isinstance(last, nodes.Compare) or len(last.operands) < least:
        return ""
    value, operator = last.operands[-1], last.operators[-1]
    if not isinstance(value, nodes.Number) or operator not in ("<=", ">=", "<", ">"):
        return ""
    inside = source.text[relation.span.start : last.operands[-2].span.end]
    return f"write `{inside}] {operator[0]}= {source.slice(value.span)}`"


def _of_a_call(source: Source, call: nodes.Call) -> str:
    """`abs(a - b) <= 5%` for `abs(a - b <= 5%)`, `density(f) <= 10%` for `density(f, 10%)`."""
    word = call.function.id if isinstance(call.function, nodes.Name) else ""
    match call.arguments:
        case (nodes.Compare(operands=(left, right), operators=(operator,)),) if not call.keywords:
            inside = source.text[call.span.start : left.span.end]
            return f"write `{inside}) {operator} {source.slice(right.span)}`"
        case (first, nodes.Number(span=place)):
            signature, bound, member = (
                SIGNATURES.get(word), source.slice(place), source.slice(first.span),
            )  # fmt: skip
            if signature is None:
                return ""
            if word == "sparse" and member in model_names(source.text):
                return f"write `density({member}) <= {bound}`"
            if signature.family == "set":
                return f"write `{member} in {word}({bound})`"
            return f"write `{word}({member}) <= {bound}`" if len(signature.parameters) == 1 else ""
    return ""


def _only(help_: str) -> str | None:
    """What a help says to write, if it says one thing."""
    return help_.removeprefix("write `").rstrip("`") or None


def _without_relation(source: Source, relation: nodes.Expr) -> str:
    """What `all(A for i in S)` or `any(A for i in S)` alone is written as."""
    if isinstance(relation, nodes.Product) and len(relation.operands) == 2:
        weight, inner = relation.operands
        if isinstance(weight, nodes.Number) and isinstance(inner, nodes.Compare):
            text = source.slice(inner.span).strip("()") if "((" not in source.text else ""
            text = text or source.slice(inner.span)
            return f"write `{text} soft(weight={source.slice(weight.span)})`"
    if isinstance(relation, nodes.Call) and isinstance(relation.function, nodes.Name):
        member = _as_member(source, relation, relation.function.id)
        if member:
            return member
        parts = [source.slice(a.span) for a in relation.arguments]
        compared = all(isinstance(a, nodes.Compare | nodes.Membership) for a in relation.arguments)
        if relation.function.id in ("all", "any", "and_", "or_") and parts and compared:
            every = relation.function.id in ("all", "and_")
            return f"write `{('; ' if every else ' or ').join(parts)}`"
    if not isinstance(relation, nodes.Comprehension) or relation.function not in ("any", "all"):
        return ""
    if relation.function == "any":
        return "write the relations out: `A or B`"
    if len(relation.binders) > 1:
        return "write the relation behind `forall ... in ...:`"
    over = source.slice(relation.binders[0].span).removeprefix("for ")
    return f"write `forall {over}: {source.slice(relation.body.span)}`"


def _as_member(source: Source, call: nodes.Call, word: str) -> str:
    """`stiefel(W)`, `psd(A)`: a set as a property of what it is given."""
    signature = SIGNATURES.get(word)
    plain = signature is not None and signature.family == "set" and not signature.parameters
    if not plain or len(call.arguments) != 1:
        return ""
    return f"write `{source.slice(call.arguments[0].span)} in {word}`"


def short(text: str) -> str:
    flat = " ".join(text.split())
    return flat if len(flat) <= 50 else flat[:47] + "..."
