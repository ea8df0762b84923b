"""Specs as text: checked, planned, run."""

from collections.abc import Callable
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

import cspec
from cspec.compiler.plan import Plan, plan
from cspec.dsl.check import Checked, check
from cspec.dsl.text.source import Source
from cspec.runtime.result.result import Result

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def checked() -> Callable[[str], Checked]:
    """Text -> checked spec without findings."""

    def make(text: str) -> Checked:
        found = check(Source(text=dedent(text), name="spec.cspec"))
        assert not found.diagnostics, [d.message for d in found.diagnostics]
        return found

    return make


@pytest.fixture
def planned() -> Callable[[str], Plan]:
    """Text -> symbolic plan; warnings are allowed, errors are raised."""
    return lambda text: plan(check(Source(text=dedent(text), name="spec.cspec")))


@pytest.fixture
def run() -> Callable[..., Result]:
    """Text and bindings -> result."""
    return lambda text, **names: cspec.run(dedent(text), **names)


@pytest.fixture
def compiled() -> Callable[..., Any]:
    """Text and bindings -> program."""
    return lambda text, **names: cspec.compile(dedent(text), **names)


@pytest.fixture
def example() -> Callable[[str], str]:
    """The text of an example."""
    return lambda name: (EXAMPLES / name).read_text()
