"""Which expressions reach the examples of a dataset."""

from __future__ import annotations

from cspec.dsl.names.symbols import Symbols
from cspec.dsl.tree.nodes import Attribute, Call, Comprehension, Expectation, Let, Name, Node
from cspec.dsl.tree.rebuild import bound_names
from cspec.dsl.words.losses import LOSSES

_CLOSED = frozenset({"cvar", "quantile", "values", "cross", "pairs"})
"""Functions that take what examples have and give no value an example."""


class Reach:
    """Answers, remembered a let at a time, which expressions have one value an example."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self._touching: dict[tuple[str, bool], bool] = {}
        self._undecided: dict[str, bool] = {}
        self._losses: dict[str, bool] = {}

    def touches(self, node: Node, local: frozenset[str], inside: bool = False) -> bool:
        """Whether a node has one value an example: columns stand outside any `E`, `P`, `sum`.

        A bare loss has one value an example `inside` an expectation, and is a mean elsewhere.
        """
        stack = [(node, local)]
        while stack:
            current, bound = stack.pop()
            match current:
                case Expectation():
                    continue
                case Attribute(value=Name(id=word)) if self.symbols.role(word) == "model":
                    continue
                case Call(function=Name(id=word), arguments=arguments, keywords=keywords):
                    if word in _CLOSED:
                        continue
                    if self.symbols.role(word) == "let" and self._let(word, inside):
                        return True
                    stack.extend((child, bound) for child in (*arguments, *keywords))
                case Comprehension(binders=binders):
                    inner = bound | bound_names(binders)
                    over = {b.domain.id for b in binders if isinstance(b.domain, Name)}
                    if over & self.symbols.datasets().keys():
                        continue
                    stack.append((current.body, inner))
                    stack.extend((binder.domain, bound) for binder in binders)
                case Name(id=word):
                    if word not in bound and self._name(word, inside):
                        return True
                case _:
                    stack.extend((child, bound) for child in current.children())
        return False

    def _name(self, word: str, inside: bool) -> bool:
        role = self.symbols.role(word)
        if role == "let":
            return self._let(word, inside)
        if role is not None:
            return False
        if word in LOSSES:
            return inside
        return word in self.symbols.column_names or word in ("pred", "prob")

    def _let(self, word: str, inside: bool) -> bool:
        key = (word, inside)
        if key not in self._touching:
            self._touching[key] = False
            item = self.symbols.lets()[word]
            self._touching[key] = self.touches(item.value, frozenset(item.parameters or ()), inside)
        return self._touching[key]

    def holds_loss(self, node: Node) -> bool:
        """Whether a bare loss stands outside every `E`, `P` and tail: one number an example."""
        stack: list[Node] = [node]
        while stack:
            current = stack.pop()
            match current:
                case Expectation():
                    continue
                case Call(function=Name(id=word)) if word in _CLOSED:
                    continue
                case Call(function=Name(id=word), arguments=arguments, keywords=keywords):
                    if self.symbols.role(word) == "let" and self.let_holds_loss(word):
                        return True
                    stack.extend((*arguments, *keywords))
                case Name(id=word):
                    role = self.symbols.role(word)
                    if role is None and word in LOSSES and word not in self.symbols.column_names:
                        return True
                    if role == "let" and self.let_holds_loss(word):
                        return True
                case _:
                    stack.extend(current.children())
        return False

    def let_holds_loss(self, word: str) -> bool:
        """Whether the value of a let has a bare loss outside every expectation."""
        if word not in self._losses:
            self._losses[word] = False
            self._losses[word] = self.holds_loss(self.symbols.lets()[word].value)
        return self._losses[word]

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
                case Call(function=Name(id=word)) if word in _CLOSED:
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
                    stack.extend(current.children())
        return False
