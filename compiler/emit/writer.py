"""Statements with comments, written as formatted Python text."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from cspec.compiler.emit.sharing import Statement, shared

INDENT = "    "
WIDTH = 100


def one_line(text: str) -> str:
    """Text that is safe in a comment or docstring: one line, printable, no quotes that end it."""
    flat = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return flat.replace("\\", "/").replace('"""', "'''").rstrip('"')


class Writer:
    """Collects lines of Python. Expressions come as syntax trees, never as text of the spec."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.operations: dict[str, int] = {}
        """Operations that functions do which do none twice, by their names."""
        self.labels: dict[int, str] = {}
        """The constraints that lines compute, by the places of the lines."""
        self._depth = 0
        self._held: list[Statement] | None = None

    def line(self, text: str = "") -> None:
        """One line of the compiler's own text at the current depth."""
        self.lines.append(f"{INDENT * self._depth}{text}".rstrip())

    def comment(self, text: str) -> None:
        """A comment line."""
        self.line(f"# {one_line(text)}")

    def statement(self, node: ast.stmt, comment: str = "") -> None:
        """A statement, with a comment behind its first line."""
        text = ast.unparse(ast.fix_missing_locations(node))
        first, *rest = text.split("\n")
        self.line(first + (f"  # {one_line(comment)}" if comment else ""))
        for other in rest:
            self.line(other)

    def assign(self, target: str, value: ast.expr, comment: str = "", label: str = "") -> None:
        """`target = value`; a comment that does not fit behind it goes above.

        `label` is the constraint whose value it is: its lines are noted in `labels`.
        """
        if self._held is not None:
            self._held.append(Statement(target, value, comment, label))
            return
        before = len(self.lines)
        self._assigned(target, value, comment)
        if label:
            self.labels.update(dict.fromkeys(range(before, len(self.lines)), label))

    def _assigned(self, target: str, value: ast.expr, comment: str) -> None:
        text = f"{target} = {ast.unparse(value)}"
        behind = f"  # {one_line(comment)}" if comment else ""
        if self._fits(text + behind):
            self.line(text + behind)
            return
        if comment:
            self.comment(comment)
        if self._fits(text):
            self.line(text)
            return
        self._broken(f"{target} = ", value, "")

    def give(self, value: ast.expr) -> None:
        """`return value`."""
        if self._held is not None:
            self._held.append(Statement("", value))
            return
        several = isinstance(value, ast.Tuple)
        text = f"return {ast.unparse(value)[1:-1] if several else ast.unparse(value)}"
        if self._fits(text):
            self.line(text)
        else:
            self._broken("return ", value, "")

    @contextmanager
    def shared(self, name: str, parameters: Iterable[str], doc: Iterable[str]) -> Iterator[None]:
        """A function of `assign` and `give` alone, in which no operation is done twice.

        How many it does is kept in `operations`, by its name.
        """
        with self.function(name, parameters, doc):
            self._held = []
            try:
                yield
            finally:
                held, self._held = self._held, None
            found = shared(held)
            self.operations[name] = found.operations
            for statement in found.statements:
                if statement.target:
                    self.assign(*statement)
                else:
                    self.give(statement.value)

    def _fits(self, text: str) -> bool:
        return len(INDENT) * self._depth + len(text) <= WIDTH

    def _broken(self, before: str, value: ast.expr, after: str) -> None:
        """A long expression over several lines: calls by argument, sums by operand."""
        match value:
            case ast.Call(func=function, args=arguments, keywords=keywords):
                self.line(f"{before}{ast.unparse(function)}(")
                with self.indented():
                    for argument in arguments:
                        self._piece("", argument)
                    for keyword in keywords:
                        self._piece(f"{keyword.arg}=", keyword.value)
                self.line(f"){after}")
            case ast.BinOp(left=left, op=operator, right=right):
                self.line(f"{before}(")
                with self.indented():
                    self.line(self._operand(left))
                    sign = ast.unparse(ast.BinOp(ast.Name(id="a"), operator, ast.Name(id="b")))
                    self.line(f"{sign[2:-2]} {self._operand(right)}")
                self.line(f"){after}")
            case _:
                self.line(f"{before}{ast.unparse(value)}{after}")

    def _operand(self, value: ast.expr) -> str:
        """One side of an operator that was split: in brackets where it has an operator itself."""
        text = ast.unparse(value)
        return f"({text})" if isinstance(value, ast.BinOp | ast.UnaryOp | ast.Compare) else text

    def _piece(self, before: str, value: ast.expr) -> None:
        text = f"{before}{ast.unparse(value)},"
        if self._fits(text):
            self.line(text)
        else:
            self._broken(before, value, ",")

    def docstring(self, lines: Iterable[str]) -> None:
        """A docstring of one or more lines."""
        first, *rest = [one_line(text) if text.strip() else "" for text in lines]
        if not rest:
            self.line(f'"""{first}"""')
            return
        self.line(f'"""{first}')
        for text in rest:
            self.line(text)
        self.line('"""')

    def indented(self) -> _Deeper:
        """A block one level deeper: `with writer.indented(): ...`."""
        return _Deeper(self)

    def function(self, name: str, parameters: Iterable[str], doc: Iterable[str]) -> _Deeper:
        """`def name(parameters):` with its docstring; the body goes inside the block."""
        self.line()
        self.line()
        self.line(f"def {name}({', '.join(parameters)}):")
        block = _Deeper(self)
        with block:
            self.docstring(doc)
        return block

    def text(self) -> str:
        """All lines, without blank ones at the ends."""
        return "\n".join(self.lines).strip("\n") + "\n"

    def labels_after(self, text: str) -> tuple[tuple[int, str], ...]:
        """`labels` by line number, where `text` and then `text_after` are one file."""
        blank = next((place for place, line in enumerate(self.lines) if line), 0)
        first = text.count("\n") + 3 - blank
        return tuple((first + place, label) for place, label in sorted(self.labels.items()))

    def text_after(self) -> str:
        """All lines, to stand below other text: two blank lines first."""
        return "\n\n" + self.text()


class _Deeper:
    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    def __enter__(self) -> Writer:
        self._writer._depth += 1
        return self._writer

    def __exit__(self, *_: object) -> None:
        self._writer._depth -= 1
