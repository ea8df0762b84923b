"""Running emitted programs: what a training loop written by the compiler imports."""

from cspec.runtime.script import main
from cspec.runtime.session import Session

__all__ = ["Session", "main"]
