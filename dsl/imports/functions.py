"""Functions that a spec imports, as far as their text tells: no file is imported for that, or run.

    from "helpers.py" import share        # helpers.py: @cspec.function(range=(0, 1)) def share(w)

`share` then has a range, a gradient and an arity like a function of the language. A module of a
package is read the same way where the package announces it:

    [project.entry-points."cspec.functions"]
    anything = "package.module"

Other imports are of unknown kind.
"""

from __future__ import annotations

import ast
import math
import warnings
from collections.abc import Iterator, Mapping
from os.path import isfile
from pathlib import Path
from typing import NamedTuple

from cspec.dsl.explicit.spec import Note
from cspec.dsl.imports.signatures import RefusedError, signature_of
from cspec.dsl.imports.trust import announced_file, refusal, untrusted
from cspec.dsl.messages.diagnostic import Diagnostic, finding, replacing
from cspec.dsl.messages.wording import closest, counted, listing
from cspec.dsl.text.limits import BYTES, FINDINGS
from cspec.dsl.text.regular import read_regular
from cspec.dsl.text.source import Source, Span
from cspec.dsl.tree.nodes import Data, From, Imported, Model, Spec
from cspec.dsl.words.functions import Signature

GRADIENT_OF = " with the gradient of "
"""In the note on a function that another one stands in for."""


class Described(NamedTuple):
    """Signatures by their names in the spec, callables without one, and what is wrong."""

    functions: dict[str, Signature]
    unknown: frozenset[str]
    diagnostics: tuple[Diagnostic, ...]


def folder_of(source: Source) -> Path:
    """The folder that paths of a spec are relative to: its own; here for text from elsewhere."""
    return Path() if source.name.startswith("<") else Path(source.name).parent


def described(spec: Spec, source: Source) -> Described:
    """What the imports of a spec say about themselves."""
    functions: dict[str, Signature] = {}
    unknown: set[str] = set()
    found: list[Diagnostic] = []
    for item in spec.items:
        if not isinstance(item, From):
            continue
        if len(found) > FINDINGS.most:  # no more are shown, and each reads files
            unknown.update(name.alias for name in item.names)
            continue
        path = _path(item, source, found)
        known = None if path is None else _outline(item, path, source, found)
        for name in item.names:
            signature = None if known is None else _named(name, known, item, found)
            if signature is None:
                unknown.add(name.alias)
            else:
                functions[name.alias] = signature._replace(name=name.alias)
    return Described(functions, frozenset(unknown), tuple(found))


def _path(item: From, source: Source, found: list[Diagnostic]) -> Path | None:
    """The file to read: the one named, or that of an announced module."""
    if not item.path:
        found += _untrusted(item, source)
        return announced_file(item.module)
    if not item.module.endswith(".py"):
        found.append(_no_file(item))
        return None
    folder = folder_of(source).resolve()
    path = (folder / item.module).resolve()
    if path.is_relative_to(folder):
        return path
    said = f"`{item.module}` lies outside the folder of the spec"
    label = "a spec imports from its own folder and those below"
    note = "so a spec that is passed on takes along what it needs, and reaches no other"
    helps = ("move the file beside the spec", "or install it: `from package import name`")
    found.append(finding("CS216", said, item.span, label, notes=(note,), helps=helps))
    return None


def _no_file(item: From) -> Diagnostic:
    said, label = f"`{item.module}` is no Python file", "in quotes stands the path of a file"
    path = f'write the path with its ending: from "{item.module}.py" import ...'
    module = "an installed module is named without quotes: from torch.nn.functional import gelu"
    return finding("CS217", said, item.span, label, helps=(path, module))


def _untrusted(item: From, source: Source) -> Iterator[Diagnostic]:
    """What the user would have to trust, each name of it once."""
    refusals = ((name.name, refusal(item.module, name.name)) for name in item.names)
    asked = {refused.name: (name, refused) for name, refused in refusals if refused is not None}
    file = f"{item.module.replace('.', '/')}.py"
    beside = file if asked and isfile(folder_of(source) / file) else ""
    for name, refused in asked.values():
        yield untrusted(item.module, name, refused, spec=source.name, span=item.span, beside=beside)


def _outline(item: From, path: Path, source: Source, found: list[Diagnostic]) -> Outline | None:
    try:
        return read_outline(path)
    except FileNotFoundError:
        if isfile(source.name):
            found.append(_missing(item, path))
    except SyntaxError as error:
        where = f"line {error.lineno}: " if error.lineno else ""
        found.append(_wrong(item, item.names[0], f"{where}{error.msg}", "the file is no Python"))
    except OSError as error:
        why = error.strerror or str(error)
        found.append(_wrong(item, item.names[0], why, "the file can't be read"))
    return None


def _missing(item: From, path: Path) -> Diagnostic:
    others = sorted(p.name for p in path.parent.glob("*.py")) if path.parent.is_dir() else []
    guess = closest(path.name, others)
    said, label = f"there is no file `{item.module}` beside the spec", "needed to run this spec"
    notes = ("nothing is known about what it would define",)
    told = {"notes": notes, "helps": (f"did you mean `{guess}`?",) if guess else ()}
    return finding("CS217", said, item.span, label, severity="warning", **told)


def _named(name: Imported, known: Outline, item: From, found: list[Diagnostic]) -> Signature | None:
    function = known.functions.get(name.name)
    if function is None or function.settings is None:
        if known.complete and name.name not in known.names:
            found.append(_undefined(name, known, item))
        return None
    try:
        return _signature(function, known)
    except RefusedError as error:
        found.append(_wrong(item, name, f"line {function.line}: {error}", error.help))
    except NotLiteralError as error:
        why = f"line {error.line}: `{error.name}` would have to be computed"
        found.append(_wrong(item, name, why, "write it out, for example range=(0, 1)"))
    return None


def _signature(function: Function, known: Outline) -> Signature:
    settings = dict(function.settings or {})
    if not function.plain:
        raise RefusedError("keyword-only arguments can't be written in a spec", "use plain ones")
    word = settings.pop("name", None)
    if word is not None and not isinstance(word, ast.Constant):
        raise NotLiteralError("name", word.lineno)
    values = literals(settings)
    signature = signature_of(function.name, function.parameters, values, function.doc)
    other = known.functions.get(signature.surrogate or "")
    if signature.surrogate is not None and known.complete:
        if signature.surrogate not in known.names:
            guess = closest(signature.surrogate, known.functions)
            hint = f"did you mean `{guess}`?" if guess else "define it in the same file"
            raise RefusedError(f"its surrogate `{signature.surrogate}` is not defined", hint)
        if other is not None and len(other.parameters) != len(function.parameters):
            raise RefusedError(
                f"its surrogate takes {counted(len(other.parameters), 'argument')}, "
                f"not {len(function.parameters)}",
                "give both the same arguments",
            )
    return signature


def _undefined(name: Imported, known: Outline, item: From) -> Diagnostic:
    public = sorted(n for n in known.names if not n.startswith("_"))
    guess = closest(name.name, public)
    helps = (f"did you mean `{guess}`?",) if guess else ()
    if not helps and known.functions:
        helps = (f"it defines {listing(sorted(known.functions), 'and')}",)
    fixes = replacing(name.span, guess) if name.name == name.alias else ()
    said = f"`{item.module}` defines no `{name.name}`"
    return finding("CS217", said, name.span, "not defined there", helps=helps, fixes=fixes)


def _wrong(item: From, name: Imported, why: str, help_: str) -> Diagnostic:
    said = f"`{name.name}` can't be brought in from `{item.module}`"
    note = f"{item.module}, {why}"
    return finding("CS214", said, name.span, why.split(": ", 1)[-1], notes=(note,), helps=(help_,))


def notes(spec: Spec, known: Described, uses: Mapping[str, tuple[Span, ...]]) -> Iterator[Note]:
    """What is not known about imported callables, and what stands in for those without gradient."""
    made = [i.source.span for i in spec.items if isinstance(i, Data | Model) and i.source]
    for name in sorted(known.unknown):
        for span in uses.get(name, ()):
            if not any(other.start <= span.start < other.end for other in made):
                meaning = "a function of unknown range and gradient"
                yield Note(span=span, written=name, meaning=meaning)
                break
    for name, signature in known.functions.items():
        spans = uses.get(name, ())
        if signature.surrogate is not None and spans:
            meaning = f"{name}{GRADIENT_OF}{signature.surrogate}"
            yield Note(span=spans[0], written=name, meaning=meaning)


MAX_BYTES = BYTES.most


class NotLiteralError(ValueError):
    """A setting that would have to be computed; `name` says which."""

    def __init__(self, name: str, line: int) -> None:
        super().__init__(name)
        self.name = name
        self.line = line


class Function(NamedTuple):
    """A function at the top of a file: (name, needed) of its arguments, and its decorator.

    `settings` are the expressions of `@cspec.function(...)`, None for an undecorated function.
    `plain` is false where arguments are keyword-only or starred, which a spec can't write.
    """

    name: str
    line: int
    parameters: tuple[tuple[str, bool], ...]
    plain: bool
    doc: str
    settings: dict[str, ast.expr] | None


class Outline(NamedTuple):
    """Functions by name, all names at the top, and whether these are all that there can be."""

    functions: dict[str, Function]
    names: frozenset[str]
    complete: bool


def read_outline(path: Path) -> Outline:
    """The outline of a file.

    Raises:
        OSError: it can't be read.
        SyntaxError: it is no Python, no UTF-8 text, or larger than 1 MiB.
    """
    content = read_regular(path, MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        raise SyntaxError(f"larger than {MAX_BYTES:,} bytes")
    return outline(content)


def outline(text: str | bytes) -> Outline:
    """The outline of the text of a file: nothing of it is imported or run.

        outline("@cspec.function(range=(0, 1))\\ndef share(w): ...")

    gives the function `share` with its argument `w` and the settings {"range": (0, 1)}.

    Raises:
        SyntaxError: it is no Python.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text)
    except (ValueError, RecursionError, MemoryError) as error:
        raise SyntaxError(str(error) or "nested too deeply") from error
    statements = list(_top(tree.body))
    decorators = _decorators(statements)
    functions, names, complete = {}, set[str](), True
    for statement in statements:
        names.update(_defined(statement))
        if isinstance(statement, ast.FunctionDef):
            functions[statement.name] = _function(statement, decorators)
        starred = isinstance(statement, ast.ImportFrom) and statement.names[0].name == "*"
        complete = complete and not starred
    return Outline(functions, frozenset(names), complete and "__getattr__" not in names)


def _top(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Statements that run when the file is imported, also those inside `if`, `try` and `with`."""
    for statement in body:
        yield statement
        if isinstance(statement, ast.If | ast.Try | ast.With | ast.For | ast.While):
            for part in ("body", "orelse", "finalbody"):
                yield from _top(getattr(statement, part, []))
            for handler in getattr(statement, "handlers", []):
                yield from _top(handler.body)


def _defined(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Import(names=names) | ast.ImportFrom(names=names):
            for alias in names:
                yield alias.asname or alias.name.split(".")[0]
        case ast.Assign() | ast.AnnAssign() | ast.AugAssign() | ast.For() | ast.With():
            for node in ast.walk(statement):
                if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                    yield node.id
        case _:
            for node in ast.walk(statement):
                if isinstance(node, ast.NamedExpr):
                    yield node.target.id


def _decorators(statements: list[ast.stmt]) -> frozenset[str]:
    """The texts that mean `cspec.function` in this file."""
    found = set()
    for statement in statements:
        match statement:
            case ast.Import(names=names):
                for alias in names:
                    if alias.name == "cspec":
                        found.add(f"{alias.asname or 'cspec'}.function")
            case ast.ImportFrom(module="cspec" | "cspec.functions", names=names):
                found.update(a.asname or a.name for a in names if a.name == "function")
    return frozenset(found)


def _function(made: ast.FunctionDef, decorators: frozenset[str]) -> Function:
    arguments = made.args
    plain = [*arguments.posonlyargs, *arguments.args]
    first_default = len(plain) - len(arguments.defaults)
    settings = None
    for decorator in made.decorator_list:
        head = decorator.func if isinstance(decorator, ast.Call) else decorator
        if ast.unparse(head) in decorators:
            given = decorator.keywords if isinstance(decorator, ast.Call) else []
            settings = {keyword.arg or "**": keyword.value for keyword in given}
    return Function(
        name=made.name,
        line=made.lineno,
        parameters=tuple((a.arg, i < first_default) for i, a in enumerate(plain)),
        plain=not (arguments.kwonlyargs or arguments.vararg or arguments.kwarg),
        doc=(ast.get_docstring(made) or "").split("\n")[0],
        settings=settings,
    )


def literals(settings: dict[str, ast.expr]) -> dict[str, object]:
    """The settings as values; `surrogate` may be the bare name of a function.

    Raises:
        NotLiteralError: one that would have to be computed.
    """
    values: dict[str, object] = {}
    for name, node in settings.items():
        if name == "surrogate" and isinstance(node, ast.Name):
            values[name] = node.id
            continue
        try:
            values[name] = _literal(node)
        except ValueError as error:
            raise NotLiteralError(name, node.lineno) from error
    return values


def _literal(node: ast.expr) -> object:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.Tuple(elts=items) | ast.List(elts=items):
            return tuple(_literal(item) for item in items)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            number = _literal(operand)
            if isinstance(number, int | float):
                return -number
        case ast.Attribute(value=ast.Name(id="math" | "np" | "numpy" | "torch"), attr=attr):
            if attr in ("inf", "pi"):
                return getattr(math, attr)
        case ast.Call(func=ast.Name(id="float"), args=[ast.Constant(value=str() as text)]):
            return float(text)
    raise ValueError(ast.dump(node))
