"""Emitted functions compute each operation once: the same values for less work."""

import ast

import pytest

from cspec.compiler.emit.sharing import Shared, Statement, shared


def parsed(text: str) -> list[Statement]:
    found = []
    for line in text.strip().splitlines():
        target, _, value = line.strip().rpartition(" = ")
        found.append(Statement(target, ast.parse(value.removeprefix("return "), mode="eval").body))
    return found


def written(found: Shared) -> str:
    lines = []
    for target, value, *_ in found.statements:
        lines.append(
            f"{target} = {ast.unparse(value)}" if target else f"return {ast.unparse(value)}"
        )
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("before", "after", "operations"),
    [
        ("return log(x + y) * log(x + y)", "shared = log(x + y)\nreturn shared * shared", 3),
        ("return x * y + y * x", "return x * y + y * x", 3),
        ("return -1 * x[0] + -1 * x[1]", "return -1 * x[0] + -1 * x[1]", 4),
        ("a = x + 1\nb = (x + 1) * 2\nreturn b", "a = x + 1\nb = a * 2\nreturn b", 2),
        ("a = (x + 1) * 2\nb = x + 1\nreturn b",
         "shared = x + 1\na = shared * 2\nb = shared\nreturn b", 2),
        ("f = x + 1\nf = f + 2\nreturn (f + 2) * (x + 1)", "f = x + 1\nf = f + 2\n"
         "shared = x + 1\nreturn (f + 2) * shared", 4),
        ("shared = x + 1\nreturn exp(y + 1) + exp(y + 1)",
         "shared = x + 1\nshared_2 = exp(y + 1)\nreturn shared_2 + shared_2", 4),
        ("return g.detach() + g.detach()", "shared = g.detach()\nreturn shared + shared", 2),
        ("return f(x + 1 if x + 1 else 2, x + 1)", "return f(x + 1 if x + 1 else 2, x + 1)", 2),
    ],
)  # fmt: skip
def test_what_is_repeated_is_a_local(before: str, after: str, operations: int) -> None:
    found = shared(parsed(before))
    assert written(found) == after
    assert found.operations == operations


def test_lets_of_lets_are_as_many_operations_as_they_have() -> None:
    # Each line spells the one before out three times: 3^6 additions, 12 operations differ.
    text = "x"
    for _ in range(6):
        text = f"({text} + {text} * {text})"
    found = shared(parsed(f"return {text}"))
    assert found.operations == 12
    assert len(found.statements) <= 12
    space = {"x": 0.3}
    exec("\n".join(written(found).splitlines()[:-1]), space)
    last = found.statements[-1].value
    assert eval(ast.unparse(last), space) == eval(text, {"x": 0.3})
