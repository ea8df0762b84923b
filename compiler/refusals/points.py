"""Pairs of examples in a loop of somebody else's: nobody draws them there."""

from __future__ import annotations

from cspec.compiler.expressions.not_compiled import not_compiled
from cspec.compiler.records.facts import Facts
from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.settings.points import Pairs
from cspec.dsl.tree.nodes import Call, Data, Name


def check_own_loop(checked: Checked, facts: Facts) -> None:
    """Refuse pairs in a loop of one's own, whose batches come from there.

    Raises:
        SpecError: CS520, one finding a set of pairs.
    """
    if facts.own_loop is None:
        return
    found = [
        diagnostic
        for item in checked.elaborated.items
        if isinstance(item, Data)
        and isinstance(item.source, Call)
        and isinstance(item.source.function, Name)
        and isinstance(checked.sources.get(item.targets[0].name), Pairs)
        for diagnostic in not_compiled(
            f"`{item.targets[0].name}` in a loop of your own",
            item.source,
            "the batches of such a loop come from it: bind them as data, `E[... on points]`",
        ).diagnostics
    ]
    if found:
        raise SpecError(found)
