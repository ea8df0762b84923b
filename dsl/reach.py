"""Which expressions reach the examples of a dataset."""

from __future__ import annotations

from cspec.dsl.nodes import (
    Attribute,
    Call,
    Comprehension,
    Expectation,
    Let,
    Name,
    Node,
)
from cspec.dsl.signatures import LOSSES
from cspec.dsl.symbols import Symbols
from cspec.dsl.trees import below, bound_names

_RISK = frozenset({"cvar", "quantile"})


class Reach:
    """Answers, remembered a let at a time, which expressions have one value an example."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self._touching: dict[str, bool] = {}
        self._undecided: dict[str, bool] = {}

    def touches(self, node: Node, local: frozenset[str]) -> bool:
        """Whether a node has one value an example: columns stand outside any `E`, `P`, `sum`."""
        stack = [(node, local)]
        while stack:
            current, bound = stack.pop()
            match current:
                case Expectation():
                    continue
                case Call(function=Name(id=word)) if word in _RISK:
                    continue
                case Comprehension(binders=binders):
                    inner = bound | bound_names(binders)
                    if any(self._dataset(binder.domain) for binder in binders):
                        continue
                    stack.append((current.body, inner))
                    stack.extend((binder.domain, bound) for binder in binders)
                case Attribute(value=Name(id=word)) if self.symbols.role(word) == "model":
                    continue
                case Name(id=word):
                    if word not in bound and self._name(word):
                        return True
                case _:
                    stack.extend((child, bound) for child in below(current))
        return False

    def _dataset(self, node: Node) -> bool:
        return isinstance(node, Name) and node.id in self.symbols.datasets()

    def _name(self, word: str) -> bool:
        role = self.symbols.role(word)
        if role == "let":
            return self._let(word)
        if role is not None:
            return False
        return word in self.symbols.column_names or word in LOSSES or word in ("pred", "prob")

    def _let(self, word: str) -> bool:
        if word not in self._touching:
            self._touching[word] = False
            item = self.symbols.lets()[word]
            self._touching[word] = self.touches(item.value, _parameters(item))
        return self._touching[word]

    def undecided(self, word: str) -> bool:
        """Whether a let holds an expectation (or a bare loss) that names no data."""
        if word not in self._undecided:
            self._undecided[word] = False
            self._undecided[word] = self._leaves_open(self.symbols.lets()[word])
        return self._undecided[word]

    def _leaves_open(self, item: Let) -> bool:
        stack: list[Node] = [item.value]
        while stack:
            current = stack.pop()
            match current:
                case Expectation(dataset=None):
                    return True
                case Expectation():
                    continue
                case Call(function=Name(id=word)) if word in _RISK:
                    return True
                case Call(function=Name(id=word), arguments=arguments):
                    if self.symbols.role(word) == "let" and self.undecided(word):
                        return True
                    stack.extend(arguments)
                case Name(id=word):
                    role = self.symbols.role(word)
                    if role is None and word in LOSSES:
                        return True
                    if role == "let" and self.undecided(word):
                        return True
                case _:
                    stack.extend(below(current))
        return False


def _parameters(item: Let) -> frozenset[str]:
    return frozenset(item.parameters or ())
