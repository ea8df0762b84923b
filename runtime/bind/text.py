"""Names bound by text: `mlp(hidden=[64])`, `net.py:Net`, `digits(split=[0.7, 0.3])`.

The text is parsed by the language's own parser; no part of it is evaluated.
"""

import importlib
import importlib.util
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cspec.compiler.records.program import SourceCall
from cspec.dsl.imports.trust import Refusal, refusal, untrusted
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.messages.wording import closest
from cspec.dsl.parsing.parse import parse_text
from cspec.dsl.settings.sources import SOURCES
from cspec.dsl.tree.nodes import Call, Expr, Model, Name, Negate, Number, String, Vector
from cspec.runtime.bind.imported import elsewhere
from cspec.runtime.files import sha256

EXAMPLE = "write it like mlp(hidden=[64]), digits(split=[0.7, 0.3]) or net.py:Net"
FOUND_FROM = "files are looked for from the folder of the spec; of a compiled loop, where it is run"
PLAN = "plan.json"
"""What the folder of a run holds."""
_OBJECT = re.compile(r"^(?P<module>[^:()\[\]=]+):(?P<rest>[^\W\d]\w*(\(.*\))?)$", re.DOTALL)


def _refuse(text: str, why: str, helps: tuple[str, ...] = ()) -> SpecError:
    message = f"can't bind to `{text}`: {why}"
    return Diagnostic(code="CS221", message=message, helps=helps or (EXAMPLE,)).error()


def _no_call(text: str, wrong: Sequence[Diagnostic] = ()) -> SpecError:
    """Of text that is no name with settings: what is wrong with it, or what reads such a file."""
    table = Path(text.strip("\"' "))
    if (reader := table.suffix[1:].lower()) in ("csv", "parquet"):
        return _refuse(text, "this is a file", (f'write {reader}("{table}", target="y")',))
    if wrong and "(" in text and ":" not in text:
        return _refuse(text, wrong[0].message, wrong[0].helps)
    return _refuse(text, "this is no name with settings")


def plain_value(tree: Expr) -> Any:
    """A literal as a Python value: numbers, text, words, lists.

    Raises:
        ValueError: anything that would have to be computed.
    """
    match tree:
        case Number(value=value):
            return int(value) if value.is_integer() and "%" not in tree.text else value
        case String(value=value):
            return value
        case Name(id="true" | "True"):
            return True
        case Name(id="false" | "False"):
            return False
        case Name(id="none" | "None"):
            return None
        case Name(id=word):
            return word
        case Vector(items=items):
            return [plain_value(item) for item in items]
        case Negate(operand=operand):
            return -plain_value(operand)
    raise ValueError("a setting must be a number, a word, a text or a list of these")


class FolderText(str):
    """Text that a name is bound to by what a run folder says.

    A folder comes from anywhere: modules that it names are trusted no more than those of a spec.
    """


def named_by_user(binding: object) -> bool:
    """Whether the user himself bound a name: what he names needs no trust."""
    return binding is not None and not isinstance(binding, FolderText)


def read_call(text: str) -> SourceCall:
    """`name(setting=value)` or `module:name(setting=value)` as a record.

    Raises:
        SpecError: text that is neither.
    """
    found = _OBJECT.match(text.strip())
    module = found["module"].strip() if found else None
    call = found["rest"] if found else text.strip()
    spec, diagnostics = parse_text(f"model bound = {call}", name="<bind>")
    models = [item for item in spec.items if isinstance(item, Model)]
    if diagnostics or len(spec.items) != 1 or not models or models[0].source is None:
        raise _no_call(text, diagnostics)
    return _call(text, models[0].source, module)


def _call(text: str, tree: Expr, module: str | None) -> SourceCall:
    match tree:
        case Name(id=name):
            return SourceCall(name=name, module=module)
        case Call(function=Name(id=name), arguments=arguments, keywords=keywords):
            try:
                settings = {k.name: plain_value(k.value) for k in keywords}
                values = [plain_value(item) for item in arguments]
            except ValueError as error:
                raise _refuse(text, str(error)) from error
            if module is not None:
                return SourceCall(
                    name=name, module=module, arguments=tuple(values), settings=settings
                )
            names = SOURCES[name].positional if name in SOURCES else ()
            if len(values) > len(names):
                raise _refuse(text, "settings are written with their names")
            settings = {**dict(zip(names, values, strict=False)), **settings}
            return SourceCall(name=name, module=module, settings=settings)
    raise _no_call(text)


def load_object(module: str, name: str, base: Path, *, bound: bool = False) -> Any:
    """An object of a Python file (relative to `base`, within it) or of an importable module.

    A module has to be trusted (`dsl/imports/trust.py`), unless the user himself named it (`bound`).
    What a trusted module has from elsewhere counts as that of its home.

    Raises:
        SpecError: a module that nobody trusts; a file outside the folder, one that can't be
            imported, a name that is not in it.
    """
    where = f"{module}:{name}"
    own = module.endswith(".py")
    if not own and not bound:
        _require(module, name, refusal(module, name))
    try:
        loaded = _load_file(module, base, where) if own else importlib.import_module(module)
    except SpecError:
        raise
    except Exception as error:
        raise _refuse(where, f"importing it raised {type(error).__name__}: {error}") from error
    if not hasattr(loaded, name):
        near = closest(name, vars(loaded))
        helps = (f"did you mean `{module}:{near}`?",) if near else ()
        raise _refuse(where, f"`{module}` defines no `{name}`", helps)
    found = getattr(loaded, name)
    if not own and not bound:
        _require(module, name, elsewhere(module, name, found))
    return found


def _require(module: str, name: str, refused: Refusal | None) -> None:
    """Refuse what nobody trusts.

    Raises:
        SpecError: CS218.
    """
    if refused is not None:
        raise untrusted(module, name, refused).error()


def _load_file(module: str, base: Path, where: str) -> Any:
    folder = base.resolve()
    path = (folder / module).resolve()
    if not path.is_relative_to(folder):
        raise _refuse(where, f"the file lies outside {folder}")
    if not path.is_file():
        raise _refuse(where, f"there is no file {path}", (FOUND_FROM,))
    if any((above / PLAN).is_file() for above in path.parents if above.is_relative_to(folder)):
        raise _refuse(where, "it lies in the folder of a run, and no file of one is ever executed")
    content = path.read_bytes()
    # By content: a file that has changed since it was imported is another module.
    key = f"cspec_bound_{sha256(str(path).encode() + content)[:16]}_{path.stem}"
    if key in sys.modules:
        return sys.modules[key]
    description = importlib.util.spec_from_file_location(key, path)
    if description is None:
        raise _refuse(where, "it can't be imported")
    loaded = importlib.util.module_from_spec(description)
    sys.modules[key] = loaded
    try:
        # Of these very bytes: compiled ones on disk are told apart by seconds only.
        with _importing_from(path.parent, folder):
            exec(compile(content, path, "exec"), loaded.__dict__)
    except BaseException:
        del sys.modules[key]
        raise
    return loaded


@contextmanager
def _importing_from(*folders: Path) -> Iterator[None]:
    """Files of these folders can be imported by name, where no installed module has it.

    They come last: `os.py` beside a spec takes the place of nothing.
    """
    added = [str(folder) for folder in dict.fromkeys(folders) if str(folder) not in sys.path]
    sys.path.extend(added)
    try:
        yield
    finally:
        for folder in added:
            if folder in sys.path:
                sys.path.remove(folder)
