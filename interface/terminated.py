"""Ctrl-C, SIGTERM and SIGHUP outside of a run end a command like Ctrl-C ends any, by name."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")
IMPORTING = "<frozen importlib._bootstrap>"
AGAIN = 0.05
"""Seconds after which a signal that met an import comes again."""


class Terminated(KeyboardInterrupt):
    """A signal; the text is its name.

    A class of its own: of a plain KeyboardInterrupt that passed through `exec` Python remembers
    that it happened, and dies of SIGINT at its end, although it was caught.
    """


@contextmanager
def terminated() -> Iterator[None]:
    """Raise Terminated at a signal. A run has handlers of its own meanwhile.

    What somebody ignores (`nohup`) or handles stays with them. Only the main thread is told.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    free = (signal.SIG_DFL, signal.default_int_handler)
    ours = [number for number, handler in before.items() if handler in free]
    try:
        for number in ours:
            signal.signal(number, _raise)
        yield
    finally:
        for number in ours:
            signal.signal(number, before[number])


def interruption(error: KeyboardInterrupt) -> str:
    """What is said of a command that was interrupted outside of a run."""
    by = f" by {error}" if str(error) else ""
    return f"interrupted{by} [CS603]: no training was under way"


def _raise(number: int, frame: FrameType | None) -> None:
    if not _importing(frame):
        raise Terminated(signal.Signals(number).name)
    # Half an import is no state to be in: compiled modules swallow what is raised there.
    timer = threading.Timer(AGAIN, os.kill, (os.getpid(), number))
    timer.daemon = True
    timer.start()


def _importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename == IMPORTING:
            return True
        frame = frame.f_back
    return False
