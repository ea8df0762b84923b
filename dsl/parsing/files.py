"""Files to text: what can be wrong with a file before its first word is read."""

from pathlib import Path

from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.mistakes.failure import problem
from cspec.dsl.mistakes.limits import MAX_BYTES
from cspec.dsl.text.regular import NotRegularError, read_regular
from cspec.dsl.text.source import Source, Span

BOM = "\ufeff"


def read(path: Path | str) -> tuple[Source, tuple[Diagnostic, ...]]:
    """The text of a file (UTF-8, with or without byte order mark, any line ends), and findings.

    Never raises: a file that is missing, unreadable, a directory, a pipe, a device, too large, not
    UTF-8 or empty gives an error and an empty source of the file's name.
    """
    place = Path(path)
    name = str(path)
    empty = Source(text="", name=name)
    content = _bytes(place, empty)
    if isinstance(content, Diagnostic):
        return empty, (content,)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        return empty, (_not_utf8(content, error.start, name),)
    text = text.removeprefix(BOM).replace("\r\n", "\n").replace("\r", "\n")
    source = Source(text=text, name=name)
    if not text.strip():
        return source, (
            problem(
                source,
                "CS143",
                f"`{name}` is empty",
                Span(0, 0),
                helps=("the smallest spec is `minimize ce`",),
            ),
        )
    return source, ()


def _bytes(place: Path, empty: Source) -> bytes | Diagnostic:
    try:
        content = read_regular(place, MAX_BYTES + 1)
    except NotRegularError as error:
        return _unreadable(empty, str(error))
    except FileNotFoundError:
        return _unreadable(empty, "does not exist")
    except PermissionError:
        return _unreadable(empty, "may not be read by you")
    except (OSError, ValueError):
        return _unreadable(empty, "can't be read")
    if len(content) > MAX_BYTES:
        return Diagnostic(
            code="CS144",
            message=f"`{empty.name}` is larger than {MAX_BYTES:,} bytes",
            helps=("data belong into a file of their own: `--set mu=mu.csv`",),
        )
    return content


def _unreadable(empty: Source, why: str) -> Diagnostic:
    return Diagnostic(
        code="CS140",
        message=f"`{empty.name}` {why}",
        helps=("give the path of a `.cspec` file; `-` reads standard input",),
    )


def _not_utf8(content: bytes, offset: int, name: str) -> Diagnostic:
    line = content.count(b"\n", 0, offset) + 1
    return Diagnostic(
        code="CS141",
        message=f"`{name}` is not UTF-8 text",
        notes=(f"byte {offset + 1} (line {line}) is 0x{content[offset]:02X}",),
        helps=("save it as UTF-8",),
    )
