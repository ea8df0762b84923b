"""cspec: a small language for training under constraints.

    result = cspec.run("minimize ce s.t. density(model) <= 0.5", model=net, data=loader)

Importing this package imports nothing else: every name below is loaded when it is first used.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cspec.api import (
        bind,
        check,
        compare,
        compile,
        explain,
        format,
        load,
        load_weights,
        parse,
        relax,
        resume,
        run,
        verify,
    )
    from cspec.comparing.table import Comparison
    from cspec.compiler.plan import Plan
    from cspec.compiler.records.program import Program
    from cspec.dsl.check import Checked
    from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
    from cspec.evidence.verification import Verification
    from cspec.functions import function
    from cspec.notebook import load_ipython_extension
    from cspec.runtime.result.result import Result
    from cspec.runtime.verdict.why.relaxation import Relaxation

__version__ = "0.1.0"

_HOMES = {
    "Comparison": "cspec.comparing.table",
    "Plan": "cspec.compiler.plan",
    "Program": "cspec.compiler.records.program",
    "Checked": "cspec.dsl.check",
    "Diagnostic": "cspec.dsl.messages.diagnostic",
    "SpecError": "cspec.dsl.messages.diagnostic",
    "function": "cspec.functions",
    "load_ipython_extension": "cspec.notebook",
    "Relaxation": "cspec.runtime.verdict.why.relaxation",
    "Result": "cspec.runtime.result.result",
    "Verification": "cspec.evidence.verification",
}
"""Where the names below come from that are not of `cspec.api`."""

__all__ = [
    "Checked",
    "Comparison",
    "Diagnostic",
    "Plan",
    "Program",
    "Relaxation",
    "Result",
    "SpecError",
    "Verification",
    "__version__",
    "bind",
    "check",
    "compare",
    "compile",
    "explain",
    "format",
    "function",
    "load",
    "load_ipython_extension",
    "load_weights",
    "parse",
    "relax",
    "resume",
    "run",
    "verify",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'cspec' has no attribute {name!r}")
    with import_module("cspec.dsl.text.running").loading():
        value = getattr(import_module(_HOMES.get(name, "cspec.api")), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
