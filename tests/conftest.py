"""What tests of several folders share."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

# How sums are split between threads changes their last bits; torch reads this when it is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# A search for what a text may have meant that raises is a fault here, and seen.
os.environ.setdefault("CSPEC_STRICT", "1")
# Modules that several folders share are imported by their place here: `training.linear`.
sys.path.insert(0, str(Path(__file__).resolve().parent))


def count_calls(work: Callable[[], Any]) -> int:
    """How many Python and C functions a piece of work calls: cost without a clock."""
    count = 0

    def note(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


@pytest.fixture
def calls() -> Callable[[Callable[[], Any]], int]:
    """Count the function calls of a piece of work."""
    return count_calls
