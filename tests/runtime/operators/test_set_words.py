"""The records of sets beside the operators that are the sets."""

from __future__ import annotations

import pytest
import torch

from cspec.dsl.words.functions import SIGNATURES
from cspec.dsl.words.sets import SET_WORDS
from cspec.runtime import operators
from cspec.runtime.operators import OPERATORS

PARTS = {"on_part", "on_rows", "jointly", "intersection", "sparse_simplex"}
"""Operators that are no words: others on a part of a tensor, or made of several sets."""
ARGUMENTS = {"box": (0.0, 1.0), "ball": (1.0,), "spectral": (1.0,), "nuclear": (1.0,)}


def test_every_operator_has_a_record() -> None:
    assert set(OPERATORS) - PARTS == set(SET_WORDS)


def test_every_set_of_the_language_has_a_record() -> None:
    words = {name for name, found in SIGNATURES.items() if found.family == "set"}
    words -= {"cross", "pairs", "range", "sample", "values", "normal", "uniform"}  # of examples
    assert words <= set(SET_WORDS)


@pytest.mark.parametrize("word", SET_WORDS)
def test_records_say_of_sets_what_operators_are(word: str) -> None:
    record, operator = SET_WORDS[word], OPERATORS[word]
    assert operator.convex == record.convex
    assert record.maps == () or operator.maps == record.maps


@pytest.mark.parametrize("word", [w for w, s in SET_WORDS.items() if s.functions])
def test_sets_as_functions_are_of_the_relation_that_is_said(word: str) -> None:
    operator = operators.get(word, *ARGUMENTS.get(word, ()))
    assert operator.equality == SET_WORDS[word].equality


@pytest.mark.parametrize("word", [w for w, s in SET_WORDS.items() if s.convex and s.functions])
def test_convex_sets_hold_the_middle_of_two_members(word: str) -> None:
    generator = torch.Generator().manual_seed(0)
    operator = operators.get(word, *ARGUMENTS.get(word, ()))
    for _ in range(20):
        a, b = (torch.randn(4, 4, generator=generator, dtype=torch.float64) for _ in range(2))
        middle = (operator.project(a) + operator.project(b)) / 2
        assert torch.allclose(operator.project(middle), middle, atol=1e-6)
