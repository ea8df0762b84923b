"""Ctrl-C, SIGTERM and SIGHUP during a run: what was computed is kept, whatever the moment.

    with interruptible(session) as signals:
        train(session)                  # a signal is noted: the loop ends after the step in hand
        with signals.at_once():
            conclude(session)           # a signal raises Interruption: measuring is cut short
        write(...)                      # a signal is noted: files are completed

A signal that somebody else ignores (`nohup`, a job in the background) stays ignored. Only Python's
main thread is told of signals; a run in another thread is not interrupted.
"""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from cspec.runtime.session.session import Session

NUMBERS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Interruption(BaseException):
    """A signal while the end of a run is measured; no `except Exception` takes it for an error."""


class Signals:
    """What a signal does at this point of a run."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._at_once = False
        self._in_loop = True

    def __call__(self, number: int, frame: FrameType | None) -> None:
        again, self._session.interrupted = self._session.interrupted, True
        if self._at_once:
            self._at_once = False
            raise Interruption
        if again and self._in_loop and number == signal.SIGINT:
            raise KeyboardInterrupt

    def loop_is_over(self) -> None:
        """From here on a second Ctrl-C does not raise: there is no step to be torn out of."""
        self._in_loop = False

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Within the block a signal raises Interruption."""
        self._at_once = True
        try:
            yield
        finally:
            self._at_once = False


@contextmanager
def interruptible(session: Session) -> Iterator[Signals]:
    """Signals ask the session to end; handlers of before come back afterwards."""
    signals = Signals(session)
    with _handled(signals):
        yield signals


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Signals within the block are let pass: a run that is over is written whole."""
    with _handled(lambda _number, _frame: None):
        yield


@contextmanager
def deferred() -> Iterator[None]:
    """A signal within the block comes after it: what is begun there is no half thing."""
    numbers: list[int] = []
    with _handled(lambda number, _: numbers.append(number)):
        yield
    for number in numbers[:1]:
        signal.raise_signal(number)


@contextmanager
def _handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Signals that nobody ignores go to a handler; those of before come back afterwards."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in NUMBERS}
    ours = [number for number, known in before.items() if known != signal.SIG_IGN]
    try:
        for number in ours:
            signal.signal(number, handler)
        yield
    finally:
        for number in ours:
            # None: a handler that was not made in Python can't be put back.
            signal.signal(number, before[number] or signal.SIG_DFL)
