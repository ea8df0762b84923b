"""Specs in a notebook cell.

    %load_ext cspec

    %%cspec result --set eps=0.3
    minimize ce s.t. density(model) <= eps

Names that the spec leaves open (`model`, `data`, params without a value) are taken from the
notebook. The result lands in the name given, and is shown as a table.
"""

import argparse
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any, NoReturn

import IPython.display
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from cspec.commands.run import natural
from cspec.commands.settings import add_bind, add_set, add_trust, bindings_of, params_of
from cspec.dsl.check import Checked, check
from cspec.dsl.imports.trust import trusting
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.messages.render import render_text
from cspec.reading.sources import inline_source
from cspec.reading.specs import checked_spec
from cspec.render.progress import describe, step_of
from cspec.render.report_html import table_html
from cspec.render.summary import Summary, summarize
from cspec.running.plans import plan_of
from cspec.running.prepare import prepare
from cspec.running.train import train
from cspec.runtime.result.result import Result

NAME = "<cell>"
display: Callable[..., Any] = IPython.display.display


def load_ipython_extension(shell: InteractiveShell) -> None:
    """`%load_ext cspec`: the `%%cspec` magic, and tables for results of `cspec.run`."""

    def magic(line: str, cell: str) -> Result | None:
        return run_cell(shell, line, cell)

    shell.magics_manager.register_function(magic, magic_kind="cell", magic_name="cspec")
    show_results(shell)


def show_results(shell: InteractiveShell) -> None:
    """Render results as tables, as HTML or as text, whatever made them."""
    if shell.display_formatter is None:
        return
    formatters = shell.display_formatter.formatters
    formatters["text/html"].for_type(Result, result_html)
    formatters["text/plain"].for_type(Result, lambda r, p, _: p.text(result_text(r)))


def result_html(result: Result) -> str:
    """The verdict table and what stands below it; plain text where that fails."""
    try:
        summary = summarize(result)
        return f"<b>{escape(summary.headline)}</b>{table_html(summary)}{_below(summary)}"
    except Exception as error:  # a result is never lost to its display
        return f"<pre>{escape(f'{result}{chr(10)}note: no table [CS607]: {error}')}</pre>"


def result_text(result: Result) -> str:
    """The same as plain text."""
    from cspec.render.terminal import plain_text

    try:
        return plain_text(summarize(result))
    except Exception as error:  # a result is never lost to its display
        return f"{result}\nnote: no table [CS607]: {error}"


class _Shown:
    """Something as HTML in a notebook, as text where IPython runs in a terminal."""

    def __init__(self, text: str, html: str) -> None:
        self._text, self._html = text, html

    def __repr__(self) -> str:
        return self._text

    def _repr_html_(self) -> str:
        return self._html


def _findings(diagnostics: tuple[Diagnostic, ...]) -> _Shown:
    return _Shown(render_text(diagnostics), diagnostics_html(diagnostics))


def _line(text: str) -> _Shown:
    return _Shown(text, f"<code>{escape(text)}</code>")


def diagnostics_html(diagnostics: tuple[Diagnostic, ...]) -> str:
    """Findings with their carets, without traceback."""
    text = escape(render_text(diagnostics))
    colored = re.sub(
        r"^(error|warning)(\[CS\d+\])",
        lambda m: f'<b style="color:{"#a40000" if m[1] == "error" else "#8f5902"}">{m[0]}</b>',
        text,
        flags=re.MULTILINE,
    )
    return f'<pre class="cspec-diagnostics">{colored}</pre>'


class _Parser(argparse.ArgumentParser):
    """A line that can't be read is a message in the notebook, not the end of the kernel."""

    def error(self, message: str) -> NoReturn:
        raise UsageError(f"%%cspec: {message}")

    def exit(self, status: int = 0, message: str | None = None) -> NoReturn:
        raise UsageError(message or "%%cspec [NAME] [--set eps=0.3] [--seed 1] [--out DIR]")


def _options(line: str) -> argparse.Namespace:
    parser = _Parser(prog="%%cspec", allow_abbrev=False)
    parser.add_argument("name", nargs="?", help="where the result goes")
    add_set(parser)
    add_bind(parser)
    add_trust(parser)
    parser.add_argument("--seed", type=natural)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--out", metavar="DIR")
    parser.add_argument("--quiet", action="store_true", help="show no table")
    options = parser.parse_args(split(line))
    if options.name is not None and not options.name.isidentifier():
        raise UsageError(f"%%cspec: `{options.name}` is no name for the result")
    if options.data_dir is not None:
        raise UsageError("%%cspec: set the environment variable CSPEC_DATA instead of --data-dir")
    return options


def split(line: str) -> list[str]:
    """Words of the line; brackets and quotes keep theirs together: --bind model=mlp(hidden=[8])."""
    words: list[str] = []
    depth, quote, word = 0, "", ""
    for char in line.strip():
        if quote:
            quote = "" if char == quote else quote
            word += "" if not quote and depth == 0 else char
        elif char in "'\"":
            quote = char
            word += char if depth else ""
        elif char.isspace() and depth == 0:
            words, word = ([*words, word] if word else words), ""
        else:
            depth += (char in "([") - (char in ")]")
            word += char
    return [*words, word] if word else words


def run_cell(shell: InteractiveShell, line: str, cell: str) -> Result | None:
    """Check, train and show one cell; None where it has errors (they are displayed)."""
    options = _options(line)
    with trusting(options.trust):
        return _run_cell(shell, options, cell)


def _run_cell(shell: InteractiveShell, options: argparse.Namespace, cell: str) -> Result | None:
    try:
        source = inline_source(cell, NAME)
        params = params_of(options)
        params = {**_open_params(source.text, shell.user_ns, params), **params}
        checked = checked_spec(source, params)
        if checked.diagnostics:
            display(_findings(checked.diagnostics))
        result = _train(checked, options, params, shell)
    except SpecError as error:
        display(_findings(error.diagnostics))
        return None
    if options.name is not None:
        shell.user_ns[options.name] = result
        if not options.quiet:
            display(result)
        return None
    return None if options.quiet else result


def _open_params(
    text: str, names: Mapping[str, Any], given: Mapping[str, object]
) -> dict[str, object]:
    """Params without a value that the notebook knows."""
    symbols = check(inline_source(text, NAME), given).symbols
    wanted = (u.name for u in symbols.unbound() if u.role == "param")
    return {name: names[name] for name in wanted if name in names and name not in given}


def _train(
    checked: Checked,
    options: argparse.Namespace,
    params: Mapping[str, object],
    shell: InteractiveShell,
) -> Result:
    symbolic = plan_of(checked)
    names = [u.name for u in checked.symbols.unbound() if u.role in ("data", "model")]
    known = {name: shell.user_ns[name] for name in names if name in shell.user_ns}
    bound = {**known, **bindings_of(options)}
    prepared = prepare(symbolic, bound, base=Path(), seed=options.seed, device=options.device)
    if prepared.warnings and not options.quiet:
        display(_findings(prepared.warnings))
    with _live(lambda state: describe(prepared.program, state), options.quiet) as update:
        return train(prepared, out=options.out, on_progress=update, bindings=bound, params=params)


@contextmanager
def _live(
    text: Callable[[Mapping[str, Any]], str], quiet: bool
) -> Iterator[Callable[[Mapping[str, Any]], None] | None]:
    """One line of output that follows the run."""
    if quiet:
        yield None
        return
    handle = display(_line("starting"), display_id=True)

    def update(state: Mapping[str, Any]) -> None:
        handle.update(_line(f"{step_of(state)}  {text(state)}"))

    yield update


def _below(summary: Summary) -> str:
    lines = [*summary.misses, *(f"{key}: {value}" for key, value in summary.facts)]
    lines += [*summary.prices, *(f"note: {note}" for note in summary.notes)]
    return f"<pre>{escape(chr(10).join(lines))}</pre>"
