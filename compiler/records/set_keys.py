"""What tells sets apart, worked out once for what many members share.

The members of a quantifier that make one set together carry the same arguments, which have an
entry a member: looking through them again for each member would cost the square of their number.
"""

from collections.abc import Hashable

from cspec.compiler.records.problem import SetMember
from cspec.dsl.tree.nodes import shape


class SetKeys:
    """Keys of sets: equal for equal word, arguments, rows and part, whatever they are on."""

    def __init__(self) -> None:
        self._seen: dict[int, tuple[object, int]] = {}
        self._numbers: dict[Hashable, int] = {}

    def arguments(self, member: SetMember) -> Hashable:
        """What stands for the arguments; equal for equal arguments."""
        return self._number(member.arguments)

    def of(self, member: SetMember) -> Hashable:
        """The key of a set."""
        return member.word, self.arguments(member), self._number(member.rows), member.part

    def _number(self, value: dict[str, object] | tuple[object, ...]) -> int:
        seen = self._seen.get(id(value))
        if seen is None:
            said: Hashable = shape(tuple(value.items()) if isinstance(value, dict) else value)
            # The value is kept beside its number: as long as it lives no other has its id.
            seen = value, self._numbers.setdefault(said, len(self._numbers))
            self._seen[id(value)] = seen
        return seen[1]
