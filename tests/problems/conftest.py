"""Problems with known solutions, from text to result."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest
from training.text import compiled, session_of

import cspec
from cspec.compiler.plan import Plan, plan
from cspec.compiler.records.program import Program
from cspec.dsl.check import check
from cspec.dsl.text.source import Source
from cspec.runtime.bind.bind import Bound
from cspec.runtime.result.result import Result
from cspec.runtime.session.session import Session

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def planned() -> Callable[[str], Plan]:
    """Text -> symbolic plan; warnings are allowed, errors are raised."""
    return lambda text: plan(check(Source(text=text, name="spec.cspec")))


@pytest.fixture
def run() -> Callable[..., Result]:
    """Text and bindings -> result."""
    return lambda text, **names: cspec.run(dedent(text), **names)


@pytest.fixture
def build() -> Callable[..., tuple[Program, Bound]]:
    """Text and bindings -> program, and what it was bound to."""
    return compiled


@pytest.fixture
def example() -> Callable[[str], str]:
    """The text of an example."""
    return lambda name: (EXAMPLES / name).read_text()


@pytest.fixture
def session() -> Callable[..., Session]:
    """Text and bindings -> what the emitted loop trains."""
    return session_of
