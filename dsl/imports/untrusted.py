"""What is said of an import that nobody trusts (CS218)."""

from __future__ import annotations

from cspec.dsl.imports.trust import Refusal
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.text.source import NOWHERE, Span

_WHY = (
    "a spec brings Python in from files of its own folder, from the computations of torch, and from"
    " packages that announce functions for specs; others the user names, so that a spec from"
    " elsewhere runs no command"
)


def untrusted(
    module: str,
    name: str,
    refused: Refusal,
    *,
    spec: str = "",
    span: Span = NOWHERE,
    beside: str = "",
) -> Diagnostic:
    """The finding: `spec` is the file to be run, `beside` a file of that name in its folder."""
    trusted = refused.name
    file = spec if spec and not spec.startswith("<") else "FILE"
    typed = f"cspec run {file} --trust {trusted}" if spec else f"--trust {trusted}"
    helps = (f'a file of the spec\'s folder is named in quotes: from "{beside}" import {name}',)
    allow = (
        f"if you trust it with all that you may do: {typed}",
        f'in Python: trust=["{trusted}"]; for all your specs: trust = ["{trusted}"] below'
        " [tool.cspec] in your pyproject.toml",
    )
    return Diagnostic(
        code="CS218",
        message=f"`{name}` of `{module}` is not brought in: {refused.why}",
        span=span,
        label=f"would import `{module}`",
        notes=(_WHY, *refused.notes),
        helps=(*(helps if beside else ()), *allow),
    )
