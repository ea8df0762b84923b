"""Runs a spec from its text, end to end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from training.text import compiled, session_of

from cspec.compiler.records.program import Program
from cspec.runtime.bind.bind import Bound
from cspec.runtime.result.result import Result
from cspec.runtime.run.execute import run as run_program
from cspec.runtime.session.session import Session


@pytest.fixture
def build() -> Callable[..., tuple[Program, Bound]]:
    return compiled


@pytest.fixture
def run() -> Callable[..., Result]:
    def start(text: str, **bindings: Any) -> Result:
        return run_program(*compiled(text, bindings))

    return start


@pytest.fixture
def session() -> Callable[..., Session]:
    return session_of
