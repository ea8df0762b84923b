"""The modules that a spec brings in, from its text and what is bound: nothing is imported here."""

import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.tree.nodes import From
from cspec.runtime.bind.text import read_call


def brought_in(checked: Checked, bindings: Mapping[str, Any]) -> tuple[str, ...]:
    """`net.py`, `package.module`: those of `from ... import` and of names bound to text."""
    found = [item.module for item in checked.spec.items if isinstance(item, From)]
    calls = (read_call(text) for text in bindings.values() if isinstance(text, str))
    found += [call.module for call in calls if call.module is not None]
    return tuple(dict.fromkeys(found))


def require_outside(modules: Iterable[str], base: Path, folder: Path) -> None:
    """Refuse code that lies in a run folder: what others hand on is evidence, not a program.

    Raises:
        SpecError: CS627, by name.
    """
    inside = [m for m in modules if _file(m, base).is_relative_to(folder.resolve())]
    if not inside:
        return
    listed = ", ".join(f"`{name}`" for name in inside)
    message = f"the spec brings in {listed} out of {folder}, and nothing in a run folder is run"
    help_ = "read the code, put it beside your spec, and name that folder with --base"
    raise Diagnostic(code="CS627", message=message, helps=(help_,)).error()


def require_near(modules: Iterable[str], base: Path, folder: Path) -> None:
    """Refuse code from a place that only the folder names: it may be any on this machine.

    Near is where somebody stands, or below, and where the folder lies: beside it, above `runs/`.

    Raises:
        SpecError: CS627, with the option that names the place.
    """
    place, lies = base.resolve(), folder.resolve()
    if place in (lies.parent, lies.parent.parent) or place.is_relative_to(Path.cwd()):
        return
    far = [name for name in modules if _file(name, base).is_relative_to(place)]
    if not far:
        return
    listed = ", ".join(f"`{name}`" for name in far)
    message = f"the spec brings in {listed} from {place}, a place that only the run folder names"
    help_ = f"if that is where your code is, say so: `--base {place}`"
    raise Diagnostic(code="CS627", message=message, helps=(help_,)).error()


def _file(module: str, base: Path) -> Path:
    """Where a module would come from."""
    if module.endswith(".py"):
        return (base.resolve() / module).resolve()
    head = module.partition(".")[0]
    try:
        found = importlib.util.find_spec(head)
    except (ImportError, ValueError):
        found = None
    places = [] if found is None else [found.origin, *(found.submodule_search_locations or ())]
    origin = next((place for place in places if place and Path(place).exists()), "/")
    return Path(origin).resolve()
