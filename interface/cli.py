"""The command line: finds the command, imports it alone, and turns every end into an exit code."""

import argparse
import errno
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import NoReturn

from cspec import __version__
from cspec.commands import exits
from cspec.dsl.text.running import loading
from cspec.terminated import interruption, terminated

COMMANDS = {
    "check": "find every mistake in specs, before anything runs",
    "fmt": "format specs; comments survive",
    "info": "what a spec needs and gives",
    "explain": "the canonical problem, the methods and why; or the page of a code",
    "compile": "write the training loop as a Python file",
    "run": "train, verify, report a verdict for each requirement",
    "compare": "one spec by several methods, one table",
    "resume": "continue an interrupted run to the same bits",
    "verify": "measure the requirements of a finished run again",
    "relax": "how far each bound must give for all requirements to be met",
    "list": "words of the language: functions, sets, methods, ...",
}
"""What each command does; a module of `cspec.commands` has its name."""

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Why output that is a file can't be written."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code. No exception gets out."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in {"-h", "--help", "help"}:
        print(overview())
        return exits.OK if given else exits.USAGE
    if given[0] in {"-V", "--version"}:
        print(f"cspec {__version__}")
        return exits.OK
    name, rest = given[0], given[1:]
    if name not in COMMANDS:
        print(_unknown(_shown(name).replace("\n", "\\n")), file=sys.stderr)
        return exits.USAGE
    return guarded(lambda: _run(name, rest))


def overview() -> str:
    """What `cspec --help` prints."""
    lines = ["usage: cspec COMMAND ...", ""]
    lines += ["Train under constraints: minimize ce s.t. density(model) <= 0.5", "", "commands:"]
    lines += [f"  {name:<9} {summary}" for name, summary in COMMANDS.items()]
    lines += ["", "`cspec COMMAND --help` tells more about one of them."]
    return "\n".join(lines)


def _shown(text: str) -> str:
    from cspec.dsl.text.visible import visible

    return visible(text)


def _unknown(name: str) -> str:
    if name.startswith("-"):
        return f"cspec: `{name}` is an option of no command\nsee `cspec --help`"
    guess = get_close_matches(name, COMMANDS, n=1)
    if os.path.exists(name):
        return f"cspec: `{name}` is a file, not a command; did you mean `cspec run {name}`?"
    hint = f"did you mean `{guess[0]}`?" if guess else "see `cspec --help`"
    return f"cspec: there is no command `{name}`; {hint}"


class _AnsweredError(Exception):
    """argparse has printed help (0) or what is wrong with the command line (2)."""

    def __init__(self, code: int) -> None:
        self.code = code


class _Parser(argparse.ArgumentParser):
    """Ends by its own exception: SystemExit is left to code that a spec brings in."""

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        if message:
            print(_shown(message), end="", file=sys.stderr)
        raise _AnsweredError(status)


def _run(name: str, rest: Sequence[str]) -> int:
    with loading(own=True):
        module = import_module(f"cspec.commands.{name}")
    parser = _Parser(prog=f"cspec {name}", description=module.__doc__, allow_abbrev=False)
    module.arguments(parser)
    options = parser.parse_args(rest)
    # Commands that import this have imported more by now; `cspec --help` has not.
    from cspec.dsl.imports.trust import trusting

    with trusting(getattr(options, "trust", ())):
        code: int = module.main(options)
    sys.stdout.flush()
    return code


def guarded(work: Callable[[], int]) -> int:
    """The exit code of `work`; diagnostics and bugs are printed, a traceback never is."""
    try:
        with terminated():
            return work()
    except _AnsweredError as answered:
        return answered.code
    except KeyboardInterrupt as error:
        print(f"\n{interruption(error)}", file=sys.stderr)
        return exits.INTERRUPTED
    except SystemExit as end:
        # Only code that a spec brings in can ask for this; its number would be taken for a verdict.
        print(f"error: imported Python code ended the program (exit {end.code})", file=sys.stderr)
        return exits.ERRORS
    except BrokenPipeError:
        # `cspec list | head` closes our output; the interpreter must not complain when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return exits.OK
    except OSError as error:
        if error.errno not in NO_ROOM:
            return _report(error)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        reason = (error.strerror or str(error)).lower()
        print(f"error[CS640]: the output can't be written: {reason}", file=sys.stderr)
        print("  = help: what a run has found is in its folder: cspec verify DIR", file=sys.stderr)
        return exits.ERRORS
    except Exception as error:
        return _report(error)


def _report(error: Exception) -> int:
    # Imported here: a command line that is only asked for help needs neither.
    from cspec.dsl.messages.diagnostic import SpecError
    from cspec.render.messages import print_diagnostics

    if isinstance(error, SpecError):
        print_diagnostics(error.diagnostics)
        return exits.ERRORS
    print(_shown(bug_message(error)), file=sys.stderr)
    if os.environ.get("CSPEC_DEBUG") == "1":
        traceback.print_exception(error)
    return exits.BUG


def bug_message(error: Exception) -> str:
    """CS900: says that it is our fault, and what to send."""
    lines = str(error).splitlines()
    where = traceback.extract_tb(error.__traceback__)
    place = f"{where[-1].name} ({os.path.basename(where[-1].filename)}:{where[-1].lineno})"
    return "\n".join(
        [
            f"error[CS900]: a bug in cspec: {lines[0] if lines else 'no message'}",
            f"  = note: {type(error).__name__} in {place}, cspec {__version__}; "
            "your spec is not to blame",
            "  = help: report it with the spec and the output of the same command under "
            "CSPEC_DEBUG=1, which adds the traceback",
        ]
    )
