"""Statements with comments, written as formatted Python text."""

import ast
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from textwrap import wrap

from cspec.compiler.emit.pieces import parsed
from cspec.compiler.emit.sharing import Statement, shared

INDENT = "    "
WIDTH = 100
LOOSE = (ast.BinOp, ast.UnaryOp, ast.Compare, ast.BoolOp)
"""What stands in brackets beside an operator on another line."""


def one_line(text: str) -> str:
    """Text that is safe in a comment or docstring: one line, printable, no quotes that end it."""
    flat = "".join(c if c.isprintable() else " " for c in " ".join(text.split()))
    return flat.replace("\\", "/").replace('"""', "'''").rstrip('"')


MEASURED = (("primal", "batch"), ("primal", "data"))
"""Parameters of functions that measure."""


class Writer:
    """Collects lines of Python. Expressions come as syntax trees, never as text of the spec."""

    def __init__(self) -> None:
        self.follows = False
        """Whether what is measured takes derivatives by columns, wherever it runs."""
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

    def insert(self, place: int, text: str) -> None:
        """A line at the current depth, above those that were written since `place`."""
        self.lines.insert(place, f"{INDENT * self._depth}{text}")
        self.labels = {at + (at >= place): label for at, label in self.labels.items()}

    def comment(self, text: str) -> None:
        """A comment line."""
        self.line(f"# {one_line(text)}")

    def assign(self, target: str, value: ast.expr, comment: str = "", label: str = "") -> None:
        """`target = value`; a comment that does not fit behind it goes above.

        `label` is the constraint whose value it is: its lines are noted in `labels`.
        """
        if self._held is not None:
            self._held.append(Statement(target, value, comment, label))
            return
        before = len(self.lines)
        self._whole_or_broken(f"{target} = ", value, "", comment)
        if label:
            self.labels.update(dict.fromkeys(range(before, len(self.lines)), label))

    def give(self, value: ast.expr) -> None:
        """`return value`."""
        if self._held is not None:
            self._held.append(Statement("", value))
            return
        text = ast.unparse(value)
        text = f"return {text[1:-1] if isinstance(value, ast.Tuple) else text}"
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

    def item(self, value: ast.expr, comment: str = "") -> None:
        """`value,` of a call or a list that is written line by line."""
        self._whole_or_broken("", value, ",", comment)

    def entry(self, key: str | None, value: ast.expr, comment: str = "") -> None:
        """`"key": value,` of a dictionary, a line an entry; without a key `**value,`."""
        self._whole_or_broken("**" if key is None else f"{key!r}: ", value, ",", comment)

    def call(self, text: str, comment: str = "") -> None:
        """An expression of the compiler's own text as a statement, broken where it is long."""
        self._whole_or_broken("", parsed(text), "", comment, text)

    def text_line(self, text: str) -> None:
        """An expression or assignment of the compiler's own text, broken where it is long."""
        match ast.parse(text).body:
            case [ast.Assign(targets=[target], value=value)]:
                self.assign(ast.unparse(target), value)
            case _:
                self.call(text)

    def condition(self, text: str) -> None:
        """`if text:`, broken where it is long."""
        self._whole_or_broken("if ", parsed(text), ":")

    def _whole_or_broken(
        self, before: str, value: ast.expr, after: str, comment: str = "", text: str = ""
    ) -> None:
        """A value as it is written, or as `text`; a comment that does not fit behind goes above."""
        whole = f"{before}{ast.unparse(value)}{after}"
        first = (text or whole) + (f"  # {one_line(comment)}" if comment else "")
        if self._fits(first):
            self.line(first)
            return
        if comment:
            self.comment(comment)
        if self._fits(whole):
            self.line(whole)
        else:
            self._broken(before, value, after)

    def _broken(self, before: str, value: ast.expr, after: str) -> None:
        """A long expression over several lines: by argument, entry, operand or piece of text."""
        match value:
            case ast.Call(func=function, args=arguments, keywords=keywords):
                with self.block(f"{before}{ast.unparse(function)}(", f"){after}"):
                    self._arguments(arguments, keywords)
            case ast.BinOp(left=left, op=sign, right=ast.Call() as right) if self._fits(
                start := f"{before}{_side(left, sign)}{ast.unparse(right.func)}("
            ):
                self._broken(start.removesuffix(f"{ast.unparse(right.func)}("), right, after)
            case ast.BinOp() | ast.BoolOp():
                with self.block(f"{before}(", f"){after}"):
                    self._sides(value)
            case ast.Compare(left=left, ops=(sign,), comparators=(right,)):
                with self.block(f"{before}(", f"){after}"):
                    text = ast.unparse(ast.Compare(ast.Name("a"), [sign], [ast.Name("b")]))
                    self._operand("", left, isinstance(left, LOOSE))
                    self._operand(f"{text[2:-2]} ", right, isinstance(right, LOOSE))
            case ast.List(elts=entries) if len(entries) > 0:
                self._entries(f"{before}[", entries, f"]{after}")
            case ast.Tuple(elts=entries) if len(entries) > 0:
                self._entries(f"{before}(", entries, f"){after}")
            case ast.Dict(keys=keys, values=values):
                with self.block(f"{before}{{", f"}}{after}"):
                    for key, entry in zip(keys, values, strict=True):
                        start = "**" if key is None else f"{ast.unparse(key)}: "
                        self._whole_or_broken(start, entry, ",")
            case ast.Constant(value=str(text)):
                with self.block(f"{before}(", f"){after}"):
                    for piece in _pieces(text, WIDTH - len(INDENT) * self._depth):
                        self.line(piece)
            case _:
                self.line(f"{before}{ast.unparse(value)}{after}")

    def _arguments(self, arguments: Sequence[ast.expr], keywords: Sequence[ast.keyword]) -> None:
        """The arguments of a call on one line, if they fit, else one a line."""
        found = [("", value) for value in arguments]
        found += [(f"{k.arg}=" if k.arg is not None else "**", k.value) for k in keywords]
        together = ", ".join(f"{name}{ast.unparse(value)}" for name, value in found)
        if self._fits(together):
            self.line(together)
            return
        if len(found) == 1 and isinstance(arguments[0] if arguments else None, ast.BinOp):
            self._sides(arguments[0])
            return
        for name, value in found:
            self._whole_or_broken(name, value, ",")

    def _sides(self, value: ast.expr) -> None:
        """The sides of an operator, a line each, within brackets."""
        for sign, operand, loose in _operands(value):
            self._operand(sign, operand, loose)

    def _operand(self, sign: str, value: ast.expr, loose: bool) -> None:
        """One side of an operator that was split: in brackets where it binds less."""
        text = ast.unparse(value)
        text = f"{sign}({text})" if loose else f"{sign}{text}"
        if self._fits(text):
            self.line(text)
        elif loose:
            with self.block(f"{sign}(", ")"):
                if isinstance(value, ast.BinOp | ast.BoolOp):
                    self._sides(value)
                else:
                    self._whole_or_broken("", value, "")
        else:
            self._broken(sign, value, "")

    def _entries(self, before: str, entries: Sequence[ast.expr], after: str) -> None:
        """Entries of a list: as many numbers and words as fit on a line, of others one."""
        with self.block(before, after):
            if all(_is_short(entry) for entry in entries):
                for row in self._rows([ast.unparse(entry) for entry in entries]):
                    self.line(row)
            else:
                for entry in entries:
                    self.item(entry)

    def _rows(self, texts: Sequence[str]) -> Iterator[str]:
        row = ""
        for text in texts:
            longer = f"{row} {text}," if row else f"{text},"
            if row and not self._fits(longer):
                yield row
                longer = f"{text},"
            row = longer
        yield row

    def docstring(self, lines: Iterable[str]) -> None:
        """A docstring of one or more lines."""
        width = WIDTH - len(INDENT) * self._depth - 6
        first, *rest = [
            part
            for text in map(one_line, lines)
            for part in wrap(text, width, break_long_words=False, break_on_hyphens=False) or [""]
        ]
        if not rest:
            self.line(f'"""{first}"""')
            return
        self.line(f'"""{first}')
        for text in rest:
            self.line(text)
        self.line('"""')

    @contextmanager
    def block(self, first: str = "", last: str = "") -> Iterator[None]:
        """`first`, a block one level deeper, `last`: `with writer.block("if late:"): ...`."""
        if first:
            self.line(first)
        self._depth += 1
        try:
            yield
        finally:
            self._depth -= 1
        if last:
            self.line(last)

    @contextmanager
    def when(self, condition: str, comment: str = "") -> Iterator[None]:
        """`if condition:` and its block; without a condition what is written stands here."""
        if not condition:
            yield
            return
        with self.block(f"if {condition}:{comment and f'  # {comment}'}"):
            yield

    @contextmanager
    def function(self, name: str, parameters: Iterable[str], doc: Iterable[str]) -> Iterator[None]:
        """`def name(parameters):` with its docstring; the body goes inside the block."""
        given = tuple(parameters)
        self.line()
        self.line()
        if self.follows and given in MEASURED:
            self.line("@followed")
        with self.block(f"def {name}({', '.join(given)}):"):
            self.docstring(doc)
            yield

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


def _is_short(entry: ast.expr) -> bool:
    """Whether an entry is a number or a word, signed or not."""
    value = entry.operand if isinstance(entry, ast.UnaryOp) else entry
    return (
        isinstance(value, ast.Constant | ast.Name | ast.Attribute)
        and len(ast.unparse(value)) < len(INDENT) * 8
    )


def _operands(value: ast.expr) -> Iterator[tuple[str, ast.expr, bool]]:
    """The sides of an operator, with the sign before each and whether it needs brackets.

    A sum gives all its terms.
    """
    if isinstance(value, ast.BoolOp):
        word = "and " if isinstance(value.op, ast.And) else "or "
        for place, operand in enumerate(value.values):
            yield word if place else "", operand, isinstance(operand, ast.BoolOp)
        return
    assert isinstance(value, ast.BinOp)
    if _alike(value.left, value):
        yield from _operands(value.left)
    else:
        side = _side(value.left, value.op)
        yield "", value.left, side != f"{ast.unparse(value.left)} {_sign(value.op)} "
    whole = ast.unparse(ast.BinOp(ast.Name(id="a"), value.op, value.right))
    sign = f"{_sign(value.op)} "
    yield sign, value.right, whole.removeprefix(f"a {sign}") != ast.unparse(value.right)


def _sign(operator: ast.operator) -> str:
    return ast.unparse(ast.BinOp(ast.Name(id="a"), operator, ast.Name(id="b")))[2:-2]


def _side(left: ast.expr, operator: ast.operator) -> str:
    """`left + `, in brackets where it has to be."""
    return ast.unparse(ast.BinOp(left, operator, ast.Name(id="a")))[:-1]


def _alike(left: ast.expr, value: ast.BinOp) -> bool:
    """Whether both are sums, or chains of the same `|` or `&`."""
    if not isinstance(left, ast.BinOp):
        return False
    sums = ast.Add | ast.Sub
    same = type(left.op) is type(value.op) and isinstance(value.op, ast.BitOr | ast.BitAnd)
    return same or (isinstance(left.op, sums) and isinstance(value.op, sums))


def _pieces(text: str, width: int) -> Iterator[str]:
    """Literals one after another that make up a long text: a line each, broken at spaces."""
    for line in text.splitlines(keepends=True) or [""]:
        words, piece = line.split(" "), ""
        for place, word in enumerate(words):
            longer = piece + word + (" " if place < len(words) - 1 else "")
            if piece and len(repr(longer)) > width:
                yield repr(piece)
                longer = longer[len(piece) :]
            piece = longer
        if piece:
            yield repr(piece)
