"""Settings that are not `name=value` in `( )`: `fit epochs=3`, `soft(0.1)`, `using sgd lr=0.1`."""

from cspec.dsl.mistakes.endings import FORMS
from cspec.dsl.mistakes.failure import OPERAND_STARTS, Failure, Repair, rewritten, told
from cspec.dsl.settings.usual import usual_shares, usual_value
from cspec.dsl.text.defined_names import defined_data


def fit_without_brackets(f: Failure) -> Repair | None:
    """`fit epochs=3`."""
    if f.first.kind != "FIT" or f.index != 1 or f.token.kind != "NAME":
        return None
    said = ("CS131", "settings of `fit` stand in `( )`")
    pieces = ("fit(", f.span(1), ")")
    return rewritten(f, 0, len(f.tokens), pieces, *said, shown=f.token.span)


def unnamed_setting(f: Failure) -> Repair | None:
    """`soft(0.1)`, `fit(30)`."""
    found = _owner(f)
    if found is None or f.token.kind not in OPERAND_STARTS:
        return None
    owner, example, opener = found
    place = f.token.start
    soft = owner == "soft" and f.at(opener + 1) == f.token
    help_ = f"for example `{example}`"
    if owner == "fit" and f.token.kind == "NUMBER":
        help_ = f"write `fit(epochs={f.token.text})`"
    said = ("CS131", f"`{owner}` takes settings by name", help_)
    if not soft:
        return told(f, f.token.span, *said)
    return rewritten(f, f.index, f.index, ("weight=",), *said, shown=f.token.span, place=place)


def setting_without_value(f: Failure) -> Repair | None:
    """`fit(epochs)`."""
    found = _owner(f)
    if found is None or f.before.kind != "NAME":
        return None
    owner, example, _ = found
    message = f"the setting `{f.before.text}` of `{owner}` has no value"
    help_ = f"write `{f.before.text}=...`, for example `{example}`"
    return told(f, f.before.span, "CS131", message, help_)


def setting_left_open(f: Failure) -> Repair | None:
    """`fit(epochs=, batch_size=64)`: a value that is usual, or the setting is left out."""
    opened = f.depth(f.index)
    if f.before.kind != "EQUAL" or f.token.kind not in {"COMMA", "RPAR"} or not opened:
        return None
    name, owner = f.at(f.index - 2).text, f.at(opened[-1] - 1).text
    count = len(defined_data(f.text(0)))
    value = usual_shares(count) if name == "split" else usual_value(owner, name)
    message = f"`{name}` has no value"
    if value:
        helps = (f"write `{name}={value}`", f"or leave `{name}=` out")
        shown = f.span(f.index - 2, f.index)
        return rewritten(f, f.index, f.index, (value,), "CS131", message, *helps, shown=shown)
    start, end = f.index - 2, f.index + (f.token.kind == "COMMA")
    start -= f.token.kind == "RPAR" and f.at(start - 1).kind == "COMMA"
    said = ("CS131", message, f"leave `{name}=` out, or write what it is behind it")
    return rewritten(f, start, end, (), *said, shown=f.span(f.index - 2, f.index), safe=False)


def _owner(f: Failure) -> tuple[str, str, int] | None:
    """`soft` or `fit` whose brackets are open, an example of it, and where they open."""
    opened = f.depth(f.index)
    if not opened or f.at(opened[-1] - 1).kind not in {"SOFT", "FIT"}:
        return None
    owner = f.at(opened[-1] - 1).text
    return owner, "soft(weight=0.1)" if owner == "soft" else FORMS["FIT"][1], opened[-1]


_SETS = {
    "psd": "psd", "symmetric": "symmetric", "nonneg": "[0, inf]", "pos": "[0, inf]",
    "nonpos": "[-inf, 0]", "neg": "[-inf, 0]", "boolean": "[0, 1]", "binary": "[0, 1]",
    "integer": "[0, inf]", "diag": "diagonal",
}  # fmt: skip
"""Attributes of a variable in cvxpy, and the set that a spec names."""


def _attribute(f: Failure) -> Repair | None:
    """`var X[3, 3] PSD=True`: what a variable is in stands behind `in`."""
    held = _SETS.get(f.token.text.lower())
    if f.first.kind != "VAR" or held is None:
        return None
    said = ("CS136", f"`{f.text(f.index)}`: a set stands behind `in`")
    return rewritten(f, f.index, len(f.tokens), (f"in {held}",), *said)


def setting_outside(f: Failure) -> Repair | None:
    """`using sgd lr=0.1`."""
    if f.token.kind != "NAME" or f.at(f.index + 1).kind != "EQUAL" or f.depth(f.index):
        return None
    if f.before.kind not in {"NAME", "SOFT", "FIT"}:
        return _attribute(f)
    call = f"{f.before.text}({f.text(f.index)})"
    said = ("CS131", f"the setting `{f.token.text}` stands outside of `( )`")
    return told(f, f.token.span, *said, fix=call, fix_span=f.span(f.index - 1), safe=False)
