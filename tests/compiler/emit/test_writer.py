"""However long an expression is, what is written over several lines is that expression."""

import ast
import random

import pytest

from cspec.compiler.emit.writer import WIDTH, Writer

NAMES = ("multipliers", "penalty", "a", "weights_of_all", "true", "x")
SIGNS = (ast.Add, ast.Sub, ast.Mult, ast.Div, ast.Pow, ast.BitOr, ast.BitAnd, ast.MatMult)
RELATIONS = (ast.Lt, ast.GtE, ast.Eq)


def drawn(draw: random.Random, depth: int) -> ast.expr:
    """An expression of any form that is emitted."""
    kind = draw.randrange(9) if depth else 9

    def part() -> ast.expr:
        return drawn(draw, depth - draw.randint(1, 2) if depth > 1 else 0)

    match kind:
        case 0 | 1 | 2 | 3:
            return ast.BinOp(part(), draw.choice(SIGNS)(), part())
        case 4 | 5:
            named = [ast.keyword("where", part())] if draw.random() < 0.3 else []
            many = [part() for _ in range(draw.randint(1, 3))]
            return ast.Call(ast.Name(draw.choice(NAMES)), many, named)
        case 6:
            return ast.Compare(part(), [draw.choice(RELATIONS)()], [part()])
        case 7:
            return ast.UnaryOp(ast.USub(), part())
        case 8:
            joined = draw.choice((ast.And, ast.Or))()
            some = draw.choice((ast.List, ast.Tuple))
            other = some(elts=[part() for _ in range(draw.randint(1, 3))])
            return draw.choice((ast.BoolOp(joined, [part(), part()]), other))
        case _:
            words = " ".join(draw.choice(NAMES) for _ in range(draw.randint(1, 30)))
            return draw.choice((ast.Name(draw.choice(NAMES)), ast.Constant(words)))


@pytest.mark.parametrize("first", range(0, 600, 50))
def test_what_is_written_is_the_expression(first: int) -> None:
    for seed in range(first, first + 50):
        value = drawn(random.Random(seed), 6)
        wanted = ast.dump(ast.parse(ast.unparse(value), mode="eval").body)
        writer = Writer()
        with writer.function("f", (), ["Doc."]):
            writer.assign("result", value)
            writer.call(ast.unparse(value), "a comment")
            writer.condition(ast.unparse(value))
            writer.line("    pass")
            writer.returned(value)
        (function,) = ast.parse(writer.text()).body
        assert isinstance(function, ast.FunctionDef)
        found = [vars(line).get("value") or vars(line)["test"] for line in function.body[1:]]
        assert [ast.dump(one) for one in found] == [wanted] * 4, seed


def test_sums_and_calls_fill_lines_of_the_width() -> None:
    text = " + ".join(f"multipliers[{i}] * (penalty - total(x, {i}))" for i in range(9))
    writer = Writer()
    writer.assign("f", ast.parse(text, mode="eval").body, "the Lagrangian")
    assert all(len(line) <= WIDTH for line in writer.lines)
    assert len(writer.lines) == 12
