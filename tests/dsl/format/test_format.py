"""The canonical layout: idempotent, same tree, nothing lost."""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cspec.dsl.format.expressions import format_expression
from cspec.dsl.format.spec import format_text
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.parsing.parse import parse_text
from cspec.dsl.tree.nodes import (
    And,
    Attribute,
    Binder,
    Call,
    Compare,
    Comprehension,
    Expectation,
    Expr,
    Implies,
    Index,
    Keyword,
    Membership,
    Name,
    Negate,
    Not,
    Number,
    Or,
    Power,
    Product,
    String,
    Sum,
    Vector,
    shape,
)

COMMENTED = """
# head

# second
minimize ce # objective


s.t. # heading
  # lead
  a: x <= 1 # after a
  longer: forall i in range(3): { # header

    x1: x[i] <= 2; y: x[i] >= 3  # both

    # tail
  } within 1e-3 # close

  c: f(x,  # inner
     y) <= 3
using lagrangian   # method

# foot
"""

CANONICAL = """\
# head

# second
minimize ce  # objective

# heading
# lead
s.t. a:      x <= 1  # after a
     longer: forall i in range(3): {  # header
       x1: x[i] <= 2
       y:  x[i] >= 3  # both

       # tail
     } within 1e-3  # close

     # inner
     c: f(x, y) <= 3
using lagrangian  # method

# foot
"""


def value(text: str) -> Expr:
    spec, found = parse_text(f"let v = {text}")
    assert found == (), [d.message for d in found]
    return spec.items[0].value


def test_comments_and_blank_lines_survive() -> None:
    assert format_text(COMMENTED) == CANONICAL
    assert format_text(CANONICAL) == CANONICAL
    assert re.findall(r"# (\w+)", CANONICAL).sort() == re.findall(r"# (\w+)", COMMENTED).sort()


@pytest.mark.parametrize(
    ("typed", "written"),
    [
        ("((a))+b", "a + b"),
        ("a -(b+c)", "a - (b + c)"),
        ("a-(b*c)", "a - b*c"),
        ("(a^2)^3", "(a^2)^3"),
        ("2 ** -x", "2^-x"),
        ("-(a*b)", "-(a*b)"),
        ("(-a) * b", "-a*b"),
        ("not (a<=b)", "not a <= b"),
        ("(a and b) or c", "a and b or c"),
        ("a and (b or c)", "a and (b or c)"),
        ("P[ x==1|y ≥ 2 on test ]", "P[x == 1 | y >= 2 on test]"),
        ("f( x ,k = 2 )", "f(x, k=2)"),
        ("W . T@W", "W.T @ W"),
        ("(E)[0]", "(E)[0]"),
        ("(5).T", "(5).T"),
        ("10_000 + 5.0%", "10_000 + 5.0%"),
        (r'f("a\b")', r'f("a\\b")'),
    ],
)
def test_expressions(typed: str, written: str) -> None:
    tree = value(typed)
    assert format_expression(tree) == written
    assert shape(value(written)) == shape(tree)


def test_long_lines_break_where_the_language_reads_on() -> None:
    terms = " + ".join(f"alpha_{i}*beta_{i}" for i in range(30))
    text = (
        f"minimize {terms}\ns.t. c: f({', '.join(f'x{i}' for i in range(60))}) <= 1 within 1e-3\n"
    )
    written = format_text(text)
    assert max(map(len, written.splitlines())) <= 100
    assert shape(parse_text(written)[0].items) == shape(parse_text(text)[0].items)
    assert format_text(written) == written


def test_what_does_not_parse_is_not_formatted() -> None:
    with pytest.raises(SpecError):
        format_text("minimize x +")


OVER_A_SET = st.sampled_from(["sum", "max", "min", "any", "all"])
NAMES = st.sampled_from(["x", "y", "net", "by", "on", "forall_", "E", "P", "λ", "all", "in_"])
NUMBERS = st.sampled_from([("10%", 0.1), ("2", 2.0), ("1e-3", 1e-3), ("5k", 5000.0), (".5", 0.5)])
LEAVES = st.one_of(
    NAMES.map(lambda n: Name(id=n)),
    NUMBERS.map(lambda n: Number(text=n[0], value=n[1])),
    st.text('ab "\\', max_size=4).map(lambda s: String(value=s)),
)


def many(items: st.SearchStrategy) -> st.SearchStrategy:
    return st.lists(items, min_size=2, max_size=3).map(tuple)


def chain(kind: type, items: st.SearchStrategy, operators: list[str]) -> st.SearchStrategy:
    def build(pair):
        operands, chosen = pair
        return kind(operands=operands, operators=tuple(chosen[: len(operands) - 1]))

    marks = st.lists(st.sampled_from(operators), min_size=2, max_size=2)
    return st.tuples(many(items), marks).map(build)


def grow(items: st.SearchStrategy) -> st.SearchStrategy:
    callee = st.one_of(
        NAMES.map(lambda n: Name(id=n)),
        st.builds(lambda v, n: Attribute(value=v, name=n), items, NAMES),
    )
    keywords = st.lists(
        st.builds(lambda n, v: Keyword(name=n, value=v), NAMES, items),
        max_size=2,
        unique_by=lambda k: k.name,
    ).map(tuple)
    binders = st.lists(
        st.builds(
            lambda n, d, c: Binder(names=n, domain=d, condition=c),
            st.sampled_from([("i",), ("a", "b")]),
            items.filter(lambda e: not isinstance(e, Vector)),
            st.none() | items,
        ),
        min_size=1,
        max_size=2,
    ).map(tuple)
    some = st.lists(items, max_size=2).map(tuple)
    return st.one_of(
        items.map(lambda e: Negate(operand=e)),
        items.map(lambda e: Not(operand=e)),
        chain(Sum, items, ["+", "-"]),
        chain(Product, items, ["*", "/", "@"]),
        chain(Compare, items, ["<", "<=", ">", ">=", "==", "!="]),
        many(items).map(lambda e: And(operands=e)),
        many(items).map(lambda e: Or(operands=e)),
        st.builds(lambda a, b: Implies(condition=a, consequence=b), items, items),
        st.builds(lambda a, b: Power(base=a, exponent=b), items, items),
        st.builds(
            lambda a, b: Membership(element=a, set=b),
            items,
            items.filter(lambda e: not isinstance(e, Vector)),
        ),
        some.map(lambda e: Vector(items=e)),
        st.builds(
            lambda f, a, k: Call(function=f, arguments=a, keywords=k), callee, some, keywords
        ),
        st.builds(lambda v, i: Index(value=v, indices=i), items, many(items)),
        st.builds(
            lambda f, e, b: Comprehension(function=f, body=e, binders=b), OVER_A_SET, items, binders
        ),
        st.builds(
            lambda k, e, c, d, b: Expectation(kind=k, body=e, conditions=c, dataset=d, binders=b),
            st.sampled_from(["E", "P"]),
            items,
            st.just(()) | some,
            st.none() | NAMES,
            st.just(()) | binders,
        ),
    )


TREES = st.recursive(LEAVES, grow, max_leaves=12)


@settings(
    max_examples=300,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
@given(TREES)
def test_any_tree_is_read_back(tree: Expr) -> None:
    written = format_expression(tree)
    assert shape(value(written)) == shape(tree)
    laid_out = format_text(f"let v = {written}\n")
    assert shape(parse_text(laid_out)[0].items[0].value) == shape(tree)
    assert format_text(laid_out) == laid_out
