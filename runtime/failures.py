"""In whose code something went wrong, and what was said there.

What comes after training costs no result: what fails is named, and the rest goes on.
"""

import sysconfig
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.text.source import NOWHERE, Source, Span

T = TypeVar("T")

_RUNTIME = Path(__file__).parent
_STANDARD = Path(sysconfig.get_path("stdlib"))
_INSTALLED = {"site-packages", "dist-packages"}


def reason_of(error: Exception) -> tuple[str, tuple[str, ...]]:
    """In whose code it went wrong, and what was said there; cspec's own words say both."""
    frames = traceback.extract_tb(error.__traceback__)
    kind, text = type(error).__name__, str(error)
    said = (f"{kind}: {text}",) if text else ()
    own = [frame for frame in frames if _users(frame.filename)]
    if own:
        place = f"{Path(own[-1].filename).name}:{own[-1].lineno}"
        return f"{place} raises {kind}", (*said, f"at {place}: {own[-1].line}")
    last = frames[-1] if frames else None
    ours = last is not None and (
        last.filename.startswith("<cspec") or _RUNTIME in Path(last.filename).parents
    )
    if last is not None and ours and (last.line or "").startswith("raise "):
        return text or kind, ()
    return f"torch raises {kind}" if isinstance(error, RuntimeError) else kind, said


def _users(name: str) -> bool:
    """Whether a file of a traceback is the user's own: no library, no part of cspec."""
    if name.startswith(("<cspec", "<frozen")):
        return False
    path = Path(name)
    library = _STANDARD in path.parents or not _INSTALLED.isdisjoint(path.parts)
    return not library and _RUNTIME not in path.parents


def line_span(source: Source, number: int) -> Span:
    """The text of a line, without what is indented and left over."""
    lines = source.text.split("\n")
    if not 1 <= number <= len(lines):
        return NOWHERE
    start = sum(len(line) + 1 for line in lines[: number - 1])
    text = lines[number - 1]
    return Span(start + len(text) - len(text.lstrip()), start + len(text.rstrip()))


def attempt(notes: list[str], what: str, work: Callable[[], T], otherwise: T) -> T:
    """What `work` gives; where it raises, `otherwise` and a note that names what is missing."""
    try:
        return work()
    except Exception as error:  # the run is over: its result stands, whatever went wrong here
        notes.append(f"{what} [CS607]: {one_line(error)}")
        return otherwise


def one_line(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, SpecError) and error.diagnostics:
        return error.diagnostics[0].message
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    reason, said = reason_of(error)
    return " ".join(f"{reason} ({said[0]})".split() if said else reason.split())
