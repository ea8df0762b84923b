"""What an expression is read in: tables of examples, outputs of models, params, groups.

Plain Python: lists of floats, bools and strings. A table has one entry an example everywhere; a
target or column of shape (n, 1) has been flattened, since it is one number an example.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

Plain = float | int | bool | str
"""What one example holds in one column."""

NOT_MEASURED = float("nan")
"""A mean over nothing, and all that is computed from it."""


@dataclass(frozen=True)
class Table:
    """A data set: its columns, the features of `x`, and what each model puts out for each example.

    `columns[name][i]` is a plain value, or a list of numbers for a target of several numbers.
    `outputs[model][part][i]` is a list of numbers; part is None for a model with one output
    tensor, else the position or the name of the part (tuples, mappings).
    """

    columns: Mapping[str, Sequence[Plain | list[float]]]
    features: Sequence[Sequence[float]]
    feature_names: tuple[str, ...] = ()
    outputs: Mapping[str, Mapping[int | str | None, Sequence[Sequence[float]]]] = field(
        default_factory=dict
    )

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True)
class World:
    """All that a spec is bound to. `classes` are the labels of the target in sorted order, if text.

    `lets` are the bodies of `let` names, `vectors` the numbers of `param mu[2]`, `tables` those of
    `param level[column]`. `weights[model]` are the entries of its parameters of two or more
    dimensions, a list each. `rounding` is how far a mean is off, of the mean size of its values: 0
    but where a test asks how far rounding may reach.
    """

    tables: Mapping[str, Table]
    default: str
    classes: tuple[str, ...] | None = None
    params: Mapping[str, float] = field(default_factory=dict)
    vectors: Mapping[str, Sequence[float]] = field(default_factory=dict)
    levels: Mapping[str, Mapping[Plain, float]] = field(default_factory=dict)
    weights: Mapping[str, Sequence[Sequence[float]]] = field(default_factory=dict)
    rounding: float = 0.0

    def groups(self, column: str) -> list[Plain]:
        """The values of a column in the default data set, in sorted order."""
        return sorted(set(self.tables[self.default].columns[column]))  # type: ignore[type-var, arg-type]


@dataclass(frozen=True)
class Scope:
    """Where an expression stands: in which data set, at which example, with which names bound.

    `over` is the data set of means that name none: the default one, or the one that `verify`, or
    `on D` behind a constraint, measures on.
    """

    world: World
    over: str
    data: str | None = None
    example: int | None = None
    names: Mapping[str, Plain] = field(default_factory=dict)

    @property
    def table(self) -> Table:
        assert self.data is not None, "an expression of examples stands outside of a mean"
        return self.world.tables[self.data]

    @property
    def row(self) -> int:
        assert self.example is not None, "an expression of examples stands outside of a mean"
        return self.example

    def examples(self, data: str | None) -> Iterator[Scope]:
        """The scope at each example of a data set."""
        name = data or self.over
        for i in range(len(self.world.tables[name])):
            yield replace(self, data=name, example=i)

    def bind(self, **names: Plain) -> Scope:
        """The same place with more names bound."""
        return replace(self, names={**self.names, **names})
