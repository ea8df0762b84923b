"""Order of the lets: no recursion, no endless growth when they are written out."""

from __future__ import annotations

from collections.abc import Iterator

from cspec.dsl.messages.diagnostic import Diagnostic, Label, finding
from cspec.dsl.messages.wording import listing
from cspec.dsl.text.limits import LET_CHAIN, LET_TERMS
from cspec.dsl.tree.nodes import Let, Name, walk
from cspec.dsl.words.functions import SIGNATURES

DEEPEST = LET_CHAIN.most
LARGEST = LET_TERMS.most


def check_lets(lets: dict[str, Let]) -> tuple[dict[str, Let], tuple[Diagnostic, ...]]:
    """The lets that can be written out, and findings about the others.

    A let that refers to itself, one that stands on a chain of more than 100 others, and one that
    grows to more than 200,000 terms when written out can't.
    """
    needs = {name: _references(item, lets) for name, item in lets.items()}
    found: list[Diagnostic] = []
    depth: dict[str, int] = {}
    size: dict[str, int] = {}
    bad: set[str] = set()
    for name in _ordered(needs, found, lets, bad):
        inner = needs[name]
        depth[name] = 1 + max((depth.get(other, 0) for other, _ in inner), default=0)
        own = sum(1 for _ in walk(lets[name].value))
        size[name] = own + sum(count * size.get(other, 1) for other, count in inner)
        if depth[name] > DEEPEST or size[name] > LARGEST:
            found.append(_too_large(lets[name], depth[name], size[name]))
            bad.add(name)
            depth[name], size[name] = 1, 1
    return {name: item for name, item in lets.items() if name not in bad}, tuple(found)


def _references(item: Let, lets: dict[str, Let]) -> tuple[tuple[str, int], ...]:
    """Other lets that a let names, and how often."""
    counts: dict[str, int] = {}
    hidden = set(item.parameters or ())
    for node in walk(item.value):
        if isinstance(node, Name) and node.id in lets and node.id not in hidden:
            counts[node.id] = counts.get(node.id, 0) + 1
    return tuple(counts.items())


def _ordered(
    needs: dict[str, tuple[tuple[str, int], ...]],
    found: list[Diagnostic],
    lets: dict[str, Let],
    bad: set[str],
) -> Iterator[str]:
    """Lets after those that they name; cycles become findings."""
    done: set[str] = set()
    for start in needs:
        path: list[str] = []
        stack = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                path.pop()
                done.add(name)
                yield name
                continue
            if name in done:
                continue
            if name in path:
                cycle = path[path.index(name) :]
                if not bad & set(cycle):
                    found.append(_recursive(lets, cycle))
                bad.update(cycle)
                continue
            path.append(name)
            stack.append((name, True))
            stack.extend((other, False) for other, _ in reversed(needs[name]))


def _recursive(lets: dict[str, Let], cycle: list[str]) -> Diagnostic:
    first, *others = sorted(cycle, key=lambda name: lets[name].span.start)
    what = (
        f"let `{first}` refers to itself"
        if not others
        else f"lets {listing((first, *others), 'and')} refer to each other"
    )
    return finding(
        "CS204",
        what,
        lets[first].name_span,
        "defined by itself",
        related=tuple(Label(span=lets[name].name_span, text="and this one") for name in others),
        notes=("a let is a name for an expression and is written out where it is used",),
        helps=(
            f"give it a name of its own: `let {first}_ = ...`, and `{first}_` where it is used"
            if not others and first in SIGNATURES
            else "break the circle: write one of them without the other",
        ),
    )


def _too_large(item: Let, depth: int, size: int) -> Diagnostic:
    why = (
        f"it stands on a chain of more than {DEEPEST} others"
        if depth > DEEPEST
        else f"written out it has {size:,} terms"
    )
    said = f"let `{item.name}` is too large"
    note = f"at most {LARGEST:,} terms and a chain of {DEEPEST} lets can be written out"
    help_ = "use fewer lets, or bring the function in from Python: `from ... import`"
    return finding("CS215", said, item.name_span, why, notes=(note,), helps=(help_,))
