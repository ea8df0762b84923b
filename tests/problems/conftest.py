"""Problems with known solutions, from text to result."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from training.text import compiled, session_of

from cspec.compiler.plan import Plan, plan
from cspec.dsl.check import check
from cspec.dsl.text.source import Source
from cspec.runtime.result.result import Result
from cspec.runtime.run.execute import run as run_program
from cspec.runtime.session.session import Session


@pytest.fixture
def planned() -> Callable[[str], Plan]:
    """Text -> symbolic plan; warnings are allowed, errors are raised."""
    return lambda text: plan(check(Source(text=text, name="spec.cspec")))


@pytest.fixture
def run() -> Callable[..., Result]:
    """Text and bindings -> result."""

    def start(text: str, **bindings: Any) -> Result:
        return run_program(*compiled(text, bindings))

    return start


@pytest.fixture
def session() -> Callable[..., Session]:
    """Text and bindings -> what the emitted loop trains."""
    return session_of
