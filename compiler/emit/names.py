"""Python identifiers for the names of a spec: checked, never shadowing what the module uses."""

from __future__ import annotations

import builtins
import keyword
import re

from cspec.compiler.records.lowered import numbered

RESERVED = frozenset(dir(builtins)) | frozenset(keyword.kwlist) | frozenset(keyword.softkwlist)


GENERATED = re.compile(r"(ascend|update|grow|start|play|seen|outputs)_.*|.*_(tensors|split|apart)")
"""Functions and locals that emitted loops name after rules and labels."""


class Names:
    """Hands out identifiers, each once; `taken` are in use already."""

    def __init__(self, taken: frozenset[str] = frozenset()) -> None:
        self._taken = set(taken)

    def fresh(self, wanted: str) -> str:
        """`wanted`, made an identifier and, where it is in use, told apart by a number."""
        base = "".join(c if c.isalnum() or c == "_" else "_" for c in wanted)
        base = base.rstrip("_") or "value"
        base = base if base.isidentifier() else f"_{base}"
        if base in RESERVED or GENERATED.fullmatch(base):
            base += "_"
        name = numbered(base, self._taken)
        self._taken.add(name)
        return name

    def free(self, wanted: str) -> bool:
        """Whether `wanted` can be had as it is."""
        return wanted.isidentifier() and wanted not in RESERVED and wanted not in self._taken

    def copy(self) -> Names:
        """An independent copy: what one function's locals are taken from."""
        return Names(frozenset(self._taken))
