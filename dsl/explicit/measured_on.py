"""Which datasets an explicit expression is measured on, and whether the spec names them; which
expressions reach the examples of a dataset before they are explicit.
"""

from collections.abc import Callable, Iterator

from cspec.dsl.names.symbols import Symbols
from cspec.dsl.text.source import NOWHERE
from cspec.dsl.tree.nodes import Attribute, Call, Comprehension, Expectation, Let, Name, Node, walk
from cspec.dsl.tree.rebuild import bound_names
from cspec.dsl.words.losses import LOSSES

TAILS = frozenset({"cvar", "quantile"})
"""Statistics of examples that are written as functions: their data are a setting, `on=D`."""


def measured_on(expr: Node) -> Iterator[tuple[str, bool]]:
    """Each dataset of a mean, a fraction or a tail, in order, and whether it is written there.

    `E[ce on val]` and `on val` behind the constraint are written; `E[ce]` got its data from the
    rule "Which data".
    """
    for node in walk(expr):
        match node:
            case Expectation(dataset=str() as name, dataset_span=span):
                yield name, span != NOWHERE
            case Call() if (data := data_of_tail(node)) is not None:
                # What elaboration adds has the span of the call.
                yield data.id, data.span != node.span


def data_of_tail(node: Node) -> Name | None:
    """D of `cvar(.., on=D)`; None of anything else."""
    match node:
        case Call(function=Name(id=word), keywords=keywords) if word in TAILS:
            values = (keyword.value for keyword in keywords if keyword.name == "on")
            return next((value for value in values if isinstance(value, Name)), None)
    return None


_CLOSED = frozenset({"cvar", "quantile", "values", "cross", "pairs"})
"""Functions that take what examples have and give no value an example."""


class Reach:
    """Answers, remembered a let at a time, which expressions have one value an example."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self._answers: dict[tuple[str, str, bool], bool] = {}

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
        def touches(item: Let) -> bool:
            return self.touches(item.value, frozenset(item.parameters or ()), inside)

        return self._of_let(("touches", word, inside), touches)

    def _of_let(self, key: tuple[str, str, bool], answer: Callable[[Let], bool]) -> bool:
        """An answer about a let; no while it is being found, of one that stands on itself."""
        if key not in self._answers:
            self._answers[key] = False
            self._answers[key] = answer(self.symbols.lets()[key[1]])
        return self._answers[key]

    def holds_loss(self, node: Node) -> bool:
        """Whether a bare loss stands outside every `E`, `P` and tail: one number an example."""
        return self._bare(node, False)

    def let_holds_loss(self, word: str) -> bool:
        """Whether the value of a let has a bare loss outside every expectation."""
        return self._of_let(("bare", word, False), lambda item: self._bare(item.value, False))

    def undecided(self, word: str) -> bool:
        """Whether a let holds an expectation (or a bare loss) that names no data."""
        return self._of_let(("bare", word, True), lambda item: self._bare(item.value, True))

    def _bare(self, node: Node, means: bool) -> bool:
        """Whether a bare loss stands outside of means and tails, or, of `means`, one of them that
        names no data."""
        of_let = self.undecided if means else self.let_holds_loss
        stack: list[Node] = [node]
        while stack:
            current = stack.pop()
            match current:
                case Expectation(dataset=data):
                    if means and data is None:
                        return True
                case Call(function=Name(id=word)) if word in _CLOSED:
                    if means:
                        return True
                case Call(function=Name(id=word), arguments=arguments, keywords=keywords):
                    if self.symbols.role(word) == "let" and of_let(word):
                        return True
                    stack.extend(arguments if means else (*arguments, *keywords))
                case Name(id=word):
                    role = self.symbols.role(word)
                    column = not means and word in self.symbols.column_names
                    if role is None and word in LOSSES and not column:
                        return True
                    if role == "let" and of_let(word):
                        return True
                case _:
                    stack.extend(current.children())
        return False
