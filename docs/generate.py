"""Write the generated parts of the pages: tables from the code, outputs that are still empty.

    python docs/generate.py

Tables stand between `<!-- generated: NAME -->` and `<!-- end -->`; `tests/docs` fails while one of
them differs from what this writes. A console block that has only commands gets their output.
"""

from __future__ import annotations

import ast
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from blocks import DOCS, Block, blocks, commands, output, pages, quiet

from cspec.dsl.check import check
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.messages.pages.all import CODES
from cspec.dsl.settings.base import Settings
from cspec.dsl.settings.duals import DUALS
from cspec.dsl.settings.fit import OPTIMIZERS, SCHEDULES, FitSettings
from cspec.dsl.settings.methods import MAPS, METHODS, Soft
from cspec.dsl.settings.models import MODELS
from cspec.dsl.settings.solvers import SOLVERS
from cspec.dsl.settings.sources import SOURCES
from cspec.dsl.text.limits import LIMITS
from cspec.dsl.text.source import Source
from cspec.dsl.words.functions import SETS, SIGNATURES, Signature
from cspec.reading.vocabulary import Entry, entries, form, record
from cspec.running.plans import plan_of

_MARKED = re.compile(r"(<!-- generated: ([\w:]+) -->\n).*?(<!-- end -->)", re.DOTALL)
ROOT = DOCS.parent


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table; bars inside cells are escaped."""
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    cells = [[str(cell).replace("|", "\\|").replace("\n", " ") for cell in row] for row in lines]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def functions() -> str:
    """Every function by family, with range and gradient."""
    rows = []
    for s in SIGNATURES.values():
        if s.name not in SETS:
            gradient = "yes" if s.gradient else s.surrogate or "no"
            rows.append((s.family, f"`{form(s)}`", s.doc, _range(s), gradient))
    rows.sort(key=lambda row: row[0])
    return table(("family", "function", "meaning", "range", "gradient"), rows)


def _range(s: Signature) -> str:
    low, high = (f"{end:.4g}".replace("inf", "∞") for end in s.range)
    return f"[{low}, {high}]".replace("[-∞", "(-∞").replace("∞]", "∞)")


def sets() -> str:
    """Every set."""
    rows = [(f"`{e.form}`", e.doc) for e in entries("sets")]
    return table(("set", "members"), rows)


def codes() -> str:
    """Every code with its title."""
    return table(("code", "says"), ((c.code, c.title) for c in CODES.values()))


def limits() -> str:
    """Every limit: what is counted, the most of it, the code, what to write instead."""
    rows = [(limit.what, f"{limit.most:,}", limit.code, limit.instead) for limit in LIMITS]
    return table(("of", "at most", "code", "write instead"), rows)


def words(records: Mapping[str, type[Settings]], kind: str) -> str:
    """Records in a table of one line each: word, meaning, settings with defaults."""
    rows = []
    for entry in _entries(records):
        settings = ", ".join(
            f"`{s['name']}`" + (f" = {s['default']}" if s["default"] else "")
            for s in entry.settings
        )
        rows.append((f"`{entry.word}`", entry.doc, settings))
    return table((kind, "meaning", "settings = default"), rows)


def _entries(records: Mapping[str, type[Settings]]) -> list[Entry]:
    for kind, known in (("methods", METHODS), ("data", SOURCES), ("models", MODELS)):
        if records is known:
            return entries(kind)
    return [record(cls) for cls in records.values()]


def settings(cls: type[Settings]) -> str:
    """One record as a table of its settings."""
    rows = [
        (f"`{s['name']}`", s["default"].replace("(needed)", "needed"), s["doc"])
        for s in record(cls).settings
    ]
    return table(("setting", "default", "meaning"), rows) if rows else "No settings.\n"


def tree() -> str:
    """Every module with the first sentence of its docstring."""
    lines = []
    for layer in ("grammars", "dsl", "compiler", "runtime", "interface"):
        lines.append(f"{layer}/")
        for path in sorted((ROOT / layer).rglob("*.py")):
            said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
            first = " ".join(said.split("\n\n")[0].split())
            if first:
                lines.append(f"  {path.relative_to(ROOT / layer)!s:<32} {first}")
    return "```text\n" + "\n".join(lines) + "\n```\n"


ABOUT = {
    "penalty": "compiler/methods/penalty.py",
    "lagrangian": "compiler/methods/lagrangian.py",
    "dual_steps": "compiler/methods/dual_steps.py",
    "units": "compiler/methods/units.py",
    "open_steps": "compiler/methods/open_steps.py",
    "augmented_lagrangian": "compiler/methods/augmented_lagrangian.py",
    "sal": "compiler/methods/sal.py",
    "sqp": "compiler/methods/sqp.py",
    "spg": "compiler/methods/spg.py",
    "bisection": "compiler/methods/bisection.py",
    "proxy_lagrangian": "compiler/methods/proxy_lagrangian.py",
    "admm": "runtime/methods/admm.py",
    "frank_wolfe": "runtime/methods/frank_wolfe.py",
    "parametrization": "runtime/models/parametrization.py",
    "strategy": "compiler/choose/strategy.py",
}
"""Modules whose docstrings are the mathematics of a method."""


def about(path: str) -> str:
    """The docstring of a module: formulas, sources, defaults, pitfalls."""
    said = ast.get_docstring(ast.parse((ROOT / path).read_text(encoding="utf-8"))) or ""
    return f"```text\n{said.strip()}\n```\n\nFrom [{path}](../{path}).\n"


def compiled() -> str:
    """Methods of the language that compiling still refuses by name."""
    waiting = [word for word in METHODS if word != "auto" and _refused(word)]
    if not waiting:
        return "All of them are compiled.\n"
    listed = ", ".join(f"`{word}`" for word in waiting)
    return f"Not compiled yet, and refused by name (CS520): {listed}.\n"


def _refused(word: str) -> bool:
    text = f"model f\nminimize ce\ns.t. a: P[pred == 1] <= 50% by {word}\n"
    try:
        plan_of(check(Source(text=text)))
    except SpecError as error:
        return any(d.code == "CS520" for d in error.diagnostics)
    return False


TABLES: dict[str, Callable[[], str]] = {
    "functions": functions,
    "sets": sets,
    "codes": codes,
    "limits": limits,
    "tree": tree,
    "methods": lambda: words(METHODS, "method"),
    "optimizers": lambda: words(OPTIMIZERS, "optimizer"),
    "schedules": lambda: words(SCHEDULES, "schedule"),
    "duals": lambda: words(DUALS, "dual step"),
    "sources": lambda: words(SOURCES, "source"),
    "models": lambda: words(MODELS, "model"),
    "solvers": lambda: words(SOLVERS, "solver"),
    "maps": lambda: ", ".join(f"`{word}`" for word in MAPS) + "\n",
    "fit": lambda: settings(FitSettings),
    "soft": lambda: settings(Soft),
    "compiled": compiled,
    **{f"about:{name}": (lambda path=path: about(path)) for name, path in ABOUT.items()},
    **{f"method:{word}": (lambda cls=cls: settings(cls)) for word, cls in METHODS.items()},
    **{f"dual:{word}": (lambda cls=cls: settings(cls)) for word, cls in DUALS.items()},
}  # type: ignore[misc]


def generated(text: str) -> str:
    """A page with its tables as the code has them now."""
    return _MARKED.sub(lambda found: found[1] + TABLES[found[2]]() + found[3], text)


def fill(page: Path) -> None:
    """Give console blocks that have only commands their output."""
    with tempfile.TemporaryDirectory() as folder:
        for block in list(blocks(page)):
            if block.file is not None:
                Path(folder, block.file).write_text(block.text, encoding="utf-8")
            if block.language == "console":
                _fill_block(block, Path(folder))


def _fill_block(block: Block, folder: Path) -> None:
    shown_ = ""
    for command in commands(block):
        got = output(command, folder)
        expected = command.expected or re.sub(r"\b\d+(\.\d+)? s\b", "... s", got)
        shown_ += f"$ {command.line}\n{expected}"
    text = block.page.read_text(encoding="utf-8")
    block.page.write_text(text.replace(block.text, shown_, 1), encoding="utf-8")


def write() -> None:
    """Bring all pages up to date."""
    quiet()
    for page in pages():
        page.write_text(generated(page.read_text(encoding="utf-8")), encoding="utf-8")
        fill(page)


if __name__ == "__main__":
    write()
