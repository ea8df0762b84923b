"""Where clauses begin and end, on tokens: newlines separate, indentation continues.

A clause is one item, or one constraint (or group) below `s.t.`. Clauses are cut before they are
parsed, so that an error in one does not hide errors in the others.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple

from cspec.dsl.text.tokens import Token


def _kinds(text: str) -> frozenset[str]:
    return frozenset(text.split())


ITEM_WORDS = _kinds(
    "FROM PARAM LET VAR DATA MODEL DOMAIN GIVEN MINIMIZE MAXIMIZE SATISFY USING FIT VERIFY METRIC"
    " STOP"
)
CONTINUING_WORDS = _kinds("WITH WITHIN SOFT BY ON EVERY WHERE AND OR IN")
CONTINUING_MARKS = _kinds("ARROW RELATION TIMES POWER BAR")
UNFINISHED = _kinds("SIGN TIMES POWER RELATION ARROW EQUAL COMMA COLON BAR AND OR NOT IN LBRACE")
OBJECTIVE_WORDS = _kinds("MINIMIZE MAXIMIZE")
"""Words that never end an item: what is below them on the next line is theirs."""
OPENERS = {"LPAR": "RPAR", "LSQB": "RSQB", "LBRACE": "RBRACE"}
CLOSERS = {closer: opener for opener, closer in OPENERS.items()}


class Clause(NamedTuple):
    """The tokens of one clause; `st` is the `s.t.` directly before it, if any.

    `same_line` is the `;` that stands before it on its line. `signs` are tokens `+` or `-` that
    began a line, which is an error.
    """

    kind: Literal["item", "clause"]
    tokens: tuple[Token, ...]
    st: Token | None = None
    same_line: Token | None = None
    signs: tuple[Token, ...] = ()


def cut(tokens: Sequence[Token]) -> list[Clause]:
    """Cut tokens (with `_NL`) into clauses; newlines stay only where they separate inside `{ }`."""
    cutter = _Cutter(tokens)
    for index, token in enumerate(tokens):
        cutter.take(index, token)
    return cutter.finish()


class _Cutter:
    """One pass over the tokens with a stack of open brackets."""

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.tokens = tokens
        self.clauses: list[Clause] = []
        self.current: list[Token] = []
        self.open: list[str] = []
        self.signs: list[Token] = []
        self.st: Token | None = None
        self.semicolon: Token | None = None
        self.separator: Token | None = None
        self.newline = False

    def take(self, index: int, token: Token) -> None:
        """Place one token."""
        if token.kind == "_NL":
            self.newline = True
            self.separator = self.separator or token
            return
        if token.soft and self._next_kind(index) == "COLON":
            token = token._replace(kind="NAME")
        if self.newline:
            self._after_newline(index, token)
        self.newline = False
        if token.kind == "ST":
            self.close()
            self._drop_empty_st()
            self.st, self.semicolon = token, None
        elif token.kind == "SEMICOLON":
            self._semicolon(token)
        else:
            self._append(token)

    def close(self) -> None:
        """End the current clause."""
        if self.current:
            kind: Literal["item", "clause"]
            kind = "item" if self.current[0].kind in ITEM_WORDS else "clause"
            found = tuple(self.current), self.st, self.semicolon, tuple(self.signs)
            self.clauses.append(Clause(kind, *found))
            self.st = self.semicolon = None
        self.current, self.open, self.signs = [], [], []
        self.separator = None

    def finish(self) -> list[Clause]:
        """End the text."""
        self.close()
        self._drop_empty_st()
        return self.clauses

    def _drop_empty_st(self) -> None:
        """An `s.t.` without constraint is a clause without tokens."""
        if self.st is not None:
            self.clauses.append(Clause("clause", (), self.st))
            self.st = None

    def _semicolon(self, token: Token) -> None:
        if self.open and self.open[-1] == "LBRACE":
            self.separator = token
        elif self.open:
            self.current.append(token)
        else:
            self.close()
            self.semicolon = token

    def _append(self, token: Token) -> None:
        if self.separator is not None:
            inside = self.open and self.open[-1] == "LBRACE"
            if inside and token.kind != "RBRACE" and self.current[-1].kind != "LBRACE":
                self.current.append(self.separator)
            self.separator = None
        if token.kind in OPENERS:
            self.open.append(token.kind)
        elif token.kind in CLOSERS and self.open and self.open[-1] == CLOSERS[token.kind]:
            self.open.pop()
        self.current.append(token)

    def _after_newline(self, index: int, token: Token) -> None:
        """Decide what the newline before `token` means; `separator` survives if it separates."""
        if not self.current:
            self.separator = self.semicolon = None
            return
        if self._starts_clause(index, token):
            if token.kind == "NAME" and "LBRACE" in self.open:
                while self.open[-1] != "LBRACE":
                    self.open.pop()
            else:
                self.close()
            return
        before = self.current[-1]
        if self.open and self.open[-1] != "LBRACE":
            self.separator = None
        elif self.separator is not None and self.separator.kind == "SEMICOLON":
            pass
        elif (
            before.kind in UNFINISHED
            or before.text == "\\"
            or self._continues(token)
            or (self.current[0].kind in OBJECTIVE_WORDS and len(self.current) == 1)
        ):
            self.separator = None
        elif token.kind == "SIGN":
            self.signs.append(token)
            self.separator = None
        elif not self.open:
            self.close()

    def _continues(self, token: Token) -> bool:
        """Whether a line goes on; `for` does so only inside brackets, which need no rule."""
        return token.kind in CONTINUING_MARKS or token.kind in CONTINUING_WORDS

    def _starts_clause(self, index: int, token: Token) -> bool:
        """Whether a clause begins here for sure, though a bracket or an operator is open."""
        following = self._next_kind(index)
        if token.kind == "ST":
            return True
        if token.kind == "FIT":
            return following == "LPAR" and self._next_kind(index, 3) == "EQUAL"
        if token.kind in ITEM_WORDS:
            after = self.tokens[index + 1] if index + 1 < len(self.tokens) else token
            return following in {"NAME", "STRING", "NUMBER", "AVERAGE"} or (
                after.soft and following not in CONTINUING_WORDS
            )
        if token.kind != "NAME" or following != "COLON":
            return False
        if self.open:
            return self.open[-1] != "LBRACE"
        # `forall w in S:` and nothing behind: the line below is its constraint.
        alone = self.current[0].kind == "FORALL" and self.current[-1].kind == "COLON"
        return not alone and not self._quantifier_open()

    def _quantifier_open(self) -> bool:
        for token in reversed(self.current):
            if token.kind == "COLON":
                return False
            if token.kind == "FORALL":
                return True
        return False

    def _next_kind(self, index: int, distance: int = 1) -> str:
        place = index + distance
        return self.tokens[place].kind if place < len(self.tokens) else "$END"
