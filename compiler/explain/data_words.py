"""What was bound, in words: rows, inputs and their scaling, classes in their order."""

from __future__ import annotations

from cspec.compiler.records.facts import DataFacts, Facts

FEW = 8
"""Names listed one by one; of more only the number is said."""


def rows_in_words(data: DataFacts) -> list[str]:
    parts = [f"{data.rows:,} rows"]
    if data.feature_names:
        parts.append(f"inputs {listed(list(data.feature_names))}")
    if data.scaling:
        parts.append(scaling(data))
    for name, column in data.columns.items():
        if column.classes:
            classes = [str(value) for value in column.classes]
            parts.append(f"{name} in {{{listed(classes)}}}, numbered in this order")
        elif column.shape:
            parts.append(f"{name} of shape {' x '.join(str(length) for length in column.shape)}")
    return parts


def scaling(data: DataFacts) -> str:
    """How the model's inputs are scaled; features that a spec names are not."""
    shown = [f"({name} - {center:.4g})/{spread:.4g}" for name, center, spread in data.scaling]
    return f"the model sees {listed(shown)}; named features (`x.age`) keep the units of the data"


def described(facts: Facts) -> dict[str, str]:
    """Each dataset in words: rows, inputs and their scaling, classes."""
    return {name: "; ".join(rows_in_words(data)) for name, data in facts.data.items()}


def listed(names: list[str]) -> str:
    if len(names) <= FEW:
        return ", ".join(names)
    return f"{', '.join(names[:FEW])} and {len(names) - FEW} more"
