"""Running emitted programs: what a training loop written by the compiler imports."""

from cspec.runtime.run.script import main
from cspec.runtime.session.session import Session

__all__ = ["Session", "main"]
