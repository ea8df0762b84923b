"""Expressions of the language as LaTeX."""

import re

from cspec.dsl.tree import nodes

IMPLIES, OR, AND, NOT, COMPARE, SUM, PRODUCT, UNARY, POWER, ATOM = range(10)

_RELATIONS = {"<=": r"\le", ">=": r"\ge", "==": "=", "!=": r"\ne", "<": "<", ">": ">"}
_GREEK = frozenset(
    {"alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu",
     "nu", "xi", "pi", "rho", "sigma", "tau", "phi", "chi", "psi", "omega"}
)  # fmt: skip
_NAMED = frozenset({"sin", "cos", "tan", "exp", "log", "tanh", "sinh", "cosh", "max", "min"})


def latex(expr: nodes.Expr) -> str:
    """The LaTeX of an expression, for inside `$...$`."""
    return _at(expr, IMPLIES)


def escape(text: str) -> str:
    """Text for inside `\\text{...}`."""
    return re.sub(r"([#$%&_{}])", r"\\\1", text.replace("\\", r"\textbackslash ")).replace(
        "^", r"\textasciicircum "
    )


def verbatim(text: str) -> str:
    """Text of the language as it is typed, for inside `$...$`."""
    return rf"\texttt{{{escape(text)}}}"


def name_latex(name: str) -> str:
    """A name: one letter as it is, Greek as Greek, longer ones upright."""
    if name == "inf":
        return r"\infty"
    if name in _GREEK:
        return rf"\{name}"
    if len(name) == 1 and name.isalpha():
        return name
    return rf"\mathrm{{{escape(name)}}}"


def _at(expr: nodes.Expr, strength: int) -> str:
    text, own = _of(expr)
    return text if own >= strength else rf"\left({text}\right)"


def _of(expr: nodes.Expr) -> tuple[str, int]:
    match expr:
        case nodes.Number(text=text):
            return escape(text).replace("_", ""), ATOM
        case nodes.String(value=value):
            return rf"\text{{{escape(value)}}}", ATOM
        case nodes.Name(id=name):
            return name_latex(name), ATOM
        case nodes.Negate(operand=operand):
            return f"-{_at(operand, UNARY)}", UNARY
        case nodes.Power(base=base, exponent=exponent):
            return f"{{{_at(base, ATOM)}}}^{{{_at(exponent, IMPLIES)}}}", POWER
        case nodes.Sum() | nodes.Product():
            return _arithmetic(expr)
        case (
            nodes.Compare()
            | nodes.Membership()
            | nodes.And()
            | nodes.Or()
            | nodes.Not()
            | nodes.Implies()
        ):
            return _event(expr)
        case nodes.Vector(param=str() as name) if name:
            return _at(nodes.Name(id=name), ATOM), ATOM
        case nodes.Vector(items=items) | nodes.FiniteSet(items=items):
            inside = ", ".join(_at(item, IMPLIES) for item in items)
            return (f"[{inside}]" if isinstance(expr, nodes.Vector) else rf"\{{{inside}\}}"), ATOM
        case nodes.Interval(lower=lower, upper=upper):
            return f"[{_at(lower, IMPLIES)}, {_at(upper, IMPLIES)}]", ATOM
        case nodes.Call():
            return _call(expr)
        case nodes.Index(value=value, indices=indices):
            inside = ", ".join(_at(index, IMPLIES) for index in indices)
            return f"{{{_at(value, ATOM)}}}_{{{inside}}}", ATOM
        case nodes.Slice(lower=lower, upper=upper):
            ends = ("" if end is None else _at(end, IMPLIES) for end in (lower, upper))
            return ":".join(ends), IMPLIES
        case nodes.Attribute(value=value, name="T"):
            return rf"{{{_at(value, ATOM)}}}^\top", ATOM
        case nodes.Attribute(value=value, name=name):
            return rf"{_at(value, ATOM)}.{name_latex(name)}", ATOM
        case nodes.Expectation() | nodes.Comprehension():
            return _over(expr)
    return rf"\text{{{type(expr).__name__}}}", ATOM


def _arithmetic(expr: nodes.Sum | nodes.Product) -> tuple[str, int]:
    strength = SUM if isinstance(expr, nodes.Sum) else PRODUCT
    text = _at(expr.operands[0], strength)
    for operator, operand in zip(expr.operators, expr.operands[1:], strict=True):
        match operator:
            case "+" | "-":
                text += f" {operator} {_at(operand, PRODUCT)}"
            case "/":
                text = rf"\frac{{{text}}}{{{_at(operand, IMPLIES)}}}"
            case _:
                text += rf" \, {_at(operand, UNARY)}"
    return text, strength


def _event(expr: nodes.Expr) -> tuple[str, int]:
    match expr:
        case nodes.Compare(operands=operands, operators=operators):
            text = _at(operands[0], SUM)
            for operator, operand in zip(operators, operands[1:], strict=True):
                text += f" {_RELATIONS[operator]} {_at(operand, SUM)}"
            return text, COMPARE
        case nodes.Membership(element=element, set=within):
            return rf"{_at(element, SUM)} \in {_at(within, SUM)}", COMPARE
        case nodes.And(operands=operands):
            return r" \land ".join(_at(o, NOT) for o in operands), AND
        case nodes.Or(operands=operands):
            return r" \lor ".join(_at(o, AND) for o in operands), OR
        case nodes.Not(operand=operand):
            return rf"\lnot {_at(operand, NOT)}", NOT
        case nodes.Implies(condition=condition, consequence=consequence):
            return rf"{_at(condition, OR)} \Rightarrow {_at(consequence, IMPLIES)}", IMPLIES
    return "", ATOM


def _call(expr: nodes.Call) -> tuple[str, int]:
    first = expr.arguments[0] if expr.arguments else None
    match expr.function, first:
        case nodes.Name(id="abs"), nodes.Expr():
            return rf"\left|{_at(first, IMPLIES)}\right|", ATOM
        case nodes.Name(id="sqrt"), nodes.Expr():
            return rf"\sqrt{{{_at(first, IMPLIES)}}}", ATOM
        case nodes.Name(id="l1" | "l2" as norm), nodes.Expr():
            return rf"\left\lVert {_at(first, IMPLIES)} \right\rVert_{norm[1]}", ATOM
        case nodes.Name(id="sumsq"), nodes.Expr():
            return rf"\left\lVert {_at(first, IMPLIES)} \right\rVert_2^2", ATOM
        case nodes.Name(id="norm"), nodes.Expr() if len(expr.arguments) == 2:
            order = _at(expr.arguments[1], IMPLIES)
            return rf"\left\lVert {_at(first, IMPLIES)} \right\rVert_{{{order}}}", ATOM
    inside = [_at(argument, IMPLIES) for argument in expr.arguments]
    inside += [rf"\mathrm{{{escape(k.name)}}}={_at(k.value, IMPLIES)}" for k in expr.keywords]
    return f"{_head(expr.function)}({', '.join(inside)})", ATOM


def _head(function: nodes.Expr) -> str:
    match function:
        case nodes.Name(id=name) if name in _NAMED:
            return rf"\{name}"
        case nodes.Name(id=name) if len(name) > 1 and name not in _GREEK:
            return rf"\operatorname{{{escape(name)}}}"
    return _at(function, ATOM)


def _over(expr: nodes.Expectation | nodes.Comprehension) -> tuple[str, int]:
    if isinstance(expr, nodes.Comprehension):
        below = r",\ ".join(map(binder_latex, expr.binders))
        known = {"sum": r"\sum", "max": r"\max", "min": r"\min"}
        symbol = known.get(expr.function, rf"\operatorname*{{{expr.function}}}")
        return rf"{symbol}_{{{below}}} {_at(expr.body, PRODUCT)}", PRODUCT
    symbol = r"\mathbb{E}" if expr.kind == "E" else r"\mathbb{P}"
    over = [] if expr.dataset is None else [rf"\text{{{escape(expr.dataset)}}}"]
    over += map(binder_latex, expr.binders)
    inside = _at(expr.body, IMPLIES)
    if expr.conditions:
        conditions = ", ".join(_at(condition, OR) for condition in expr.conditions)
        inside += rf" \,\middle|\, {conditions}"
    under = f"_{{{', '.join(over)}}}" if over else ""
    return rf"{symbol}{under}\left[{inside}\right]", ATOM


def binder_latex(binder: nodes.Binder, strength: int = OR) -> str:
    """`for (a, b) in S where c`; a condition that binds less is put into brackets."""
    names = ", ".join(name_latex(name) for name in binder.names)
    names = f"({names})" if len(binder.names) > 1 else names
    where = "" if binder.condition is None else rf" : {_at(binder.condition, strength)}"
    return rf"{names} \in {_at(binder.domain, SUM)}{where}"
