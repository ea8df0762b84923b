"""How functions are written, and calls with too many, too few or unknown arguments."""

import re

from cspec.dsl.kinds.typer import Typer
from cspec.dsl.messages.diagnostic import Fix, edit, replacing, writing
from cspec.dsl.messages.synonyms import SETTING_WORDS
from cspec.dsl.messages.wording import closest, counted, listing
from cspec.dsl.text.source import line_of
from cspec.dsl.tree.constants import is_whole
from cspec.dsl.tree.nodes import Call, Expectation, Keyword, Name, Number
from cspec.dsl.tree.rebuild import head_name
from cspec.dsl.words.functions import DERIVATIVES, SIGNATURES, Parameter, Signature
from cspec.dsl.words.losses import LOSSES

EXAMPLES = {
    "rank": "rank(8)",
    "sparse": "sparse(10%)",
    "channels": "channels(50%)",
    "nm": "nm(2, 4)",
    "grid": "grid(bits=4)",
    "spectral": "spectral(1)",
    "nuclear": "nuclear(10)",
    "ball": "ball(1, norm=2)",
    "values": "values(column)",
    "cross": "cross(column, other)",
    "range": "range(10)",
    "uniform": "uniform(0, 1)",
    "normal": "normal(0, 1)",
    "gap": "gap(P[pred == 1 | column])",
    "ratio": "ratio(P[pred == 1 | column])",
    "ramp": "ramp(100%, 10%, epochs=20)",
}
"""Words whose form says less than an example."""


def form(signature: Signature) -> str:
    """How a function is written: `norm(v, p)`."""
    if signature.name in EXAMPLES:
        return EXAMPLES[signature.name]
    if not signature.parameters and signature.family == "set":
        return signature.name
    parts = [
        f"{p.name}=..." if p.keyword else p.name
        for p in signature.parameters
        if p.required or p.keyword
    ]
    if signature.variadic:
        parts.append("...")
    return f"{signature.name}({', '.join(parts)})"


def too_many(typer: Typer, call: Call, signature: Signature) -> None:
    """More arguments than a function takes."""
    expected = sum(not p.keyword for p in signature.parameters)
    if signature.name == "range" and len(call.arguments) == 2 and _two_ends(typer, call):
        return
    help_ = _all_of_them(typer, call) or f"write `{form_here(typer, call, signature)}`"
    called = help_.startswith("write `") and "column" not in help_
    meant = help_.removeprefix("write `").rstrip("`") if called else ""
    said = f"`{signature.name}` takes {counted(expected, 'argument')}, not {len(call.arguments)}"
    fixes = edit(call.span, meant, help_) if meant else ()
    typer.report("CS301", said, call.span, signature.doc, helps=(help_,), fixes=fixes)


_OF_ENTRIES = frozenset(
    {"sum", "mean", "median", "std", "variance", "norm", "l1", "l2", "sumsq", "cumsum", "argmax"}
)


def _all_of_them(typer: Typer, call: Call) -> str:
    """How a call with too many arguments says the same; empty where that is not known."""
    word = call.function.id if isinstance(call.function, Name) else ""
    first = call.arguments[0]
    rest = [a.id for a in call.arguments[1:] if isinstance(a, Name)]
    if rest and len(rest) + 1 == len(call.arguments) and rest[0] in typer.symbols.datasets():
        return f"write `{word}({typer.slice(first)}, on={rest[0]})`"
    if word in ("sample", "grid") and len(call.arguments) == 2:
        return f"write `{typer.slice(first)}.{word}({typer.slice(call.arguments[1])})`"
    sized = isinstance(first, Name) and first.id in typer.symbols.models()
    if sized and len(call.arguments) == 2 and isinstance(call.arguments[1], Number):
        bound = typer.slice(call.arguments[1])
        if re.match(r"[ \t]*[<>=]=", typer.source.text[call.span.end :][:_BEFORE]):
            return f"write `{word}({typer.slice(first)})`"  # its bound stands there already
        return f"a bound stands behind the call: `{word}({typer.slice(first)}) <= {bound}`"
    of_rate = word in ("gap", "ratio") and not any(isinstance(a, Number) for a in call.arguments)
    if of_rate and isinstance(first, Expectation):
        rate, given = typer.slice(first), ", ".join(map(typer.slice, call.arguments[1:]))
        return f"write `{word}({rate[:-1].rstrip()}{',' if first.conditions else ' |'} {given}])`"
    if word == "values":
        return f"write `cross({', '.join(map(typer.slice, call.arguments))})`"
    if word in ("prob", "softmax") and len(call.arguments) == 2:
        return f"write `{word}({typer.slice(first)})[{typer.slice(call.arguments[1])}]`"
    if word == "norm" and len(call.arguments) == 3:
        return f"write `norm({typer.slice(first)}, {typer.slice(call.arguments[1])})`"
    parts = [typer.slice(argument) for argument in call.arguments]
    if word == "log" and len(parts) == 2:
        return f"the logarithm to base {parts[1]} is `log({parts[0]})/log({parts[1]})`"
    if word not in _OF_ENTRIES or len(parts) < 2:
        return ""
    if any(typer.value(argument) is not None for argument in call.arguments[1:]):
        return f"it goes over all entries; of one row or column: `{word}({parts[0]}[0, :])`"
    return f"of several numbers write `{word}([{', '.join(parts)}])`"


def _two_ends(typer: Typer, call: Call) -> bool:
    """`range(1, 4)`: the numbers from one to before another."""
    ends = [typer.value(argument) for argument in call.arguments]
    if any(end is None or not is_whole(end) for end in ends) or ends[0] is None or ends[1] is None:
        return False
    first, last = int(ends[0]), int(ends[1])
    few = last - first <= 12
    values = "{" + ", ".join(str(value) for value in range(first, last)) + "}"
    meant = f"range({last})" if first == 0 else values if few and last > first else ""
    shift = f"range({last - first})` with `i + {first}` for `i"
    said = "`range` takes 1 argument, not 2: it begins at 0"
    label = "the whole numbers below n"
    help_ = f"write `{meant}`" if meant else f"write `{shift}`"
    typer.report("CS301", said, call.span, label, helps=(help_,), fixes=replacing(call.span, meant))
    return True


def form_here(typer: Typer, call: Call, signature: Signature) -> str:
    """The form of a function with as many of the arguments given as it takes."""
    expected = sum(not p.keyword for p in signature.parameters)
    shown = signature.name in EXAMPLES and signature.family != "groups"
    if shown or not expected or len(call.arguments) < expected:
        return form(signature)
    given = [typer.slice(argument) for argument in call.arguments]
    if given[0] in typer.symbols.models() and len(given) == expected + 1:
        given[:2] = [f"{given[0]}({given[1]})"]  # `ce(f, x, y)`: the model and what it sees
    kept = given[:expected]
    return f"{signature.name}({', '.join(kept)})"


def missing_arguments(
    typer: Typer, call: Call, signature: Signature, missing: list[Parameter]
) -> None:
    """Fewer arguments than a function needs; norms say which one they are."""
    text = typer.slice(call)
    names = {parameter.name for parameter in missing}
    if signature.name in ("ball", "norm") and names <= {"norm", "p"}:
        ball = signature.name == "ball"
        sized = call.arguments[0] if call.arguments else None
        if not ball and isinstance(sized, Name) and sized.id in typer.symbols.models():
            text = f"{text[:-1]}.weights)"  # of a model, the norm of all its weights
        options = ("norm=2", "norm=inf") if ball else ("2", "1")
        if ball and _WORST.search(typer.source.text[: call.span.start][-_BEFORE:]):
            options = options[::-1]  # changes of an input are bounded entry by entry
        if ball and len(call.arguments) == 2 and isinstance(call.arguments[0], Number):
            # `ball(1, 2)`: a number is a radius, and no centre of a weight
            radius = call.arguments[0 if call.arguments[0].value else 1]
            text = f"ball({typer.slice(radius)})"
        centre = centre_left_out(typer, call) if ball else None
        text = text if centre is None else with_centre(typer, call, centre)
        said = f"{typer.text(call)} does not say which norm"
        said += "" if centre is None else f", and lacks its centre `{centre}`"
        label = "Euclidean, largest entry, sum of entries?"
        note = "norms with different p are different numbers"
        note = "balls in different norms are different sets" if ball else note
        forms = {option: f"{text[:-1]}, {option})" for option in options}
        helps = tuple(f"write `{form_}`" for form_ in forms.values())
        fixes = tuple(fix for o, form_ in forms.items() for fix in edit(call.span, form_, o))
        typer.report("CS324", said, call.span, label, notes=(note,), helps=helps, fixes=fixes)
        return
    given = len(call.arguments)
    needed = sum(p.required for p in signature.parameters)
    around, called = _around(typer, call, signature), _as_called(typer, call, signature)
    meant = around or (called,)
    said = f"`{signature.name}` needs {counted(needed, 'argument')}, not {given}"
    label = f"{listing((p.name for p in missing), 'and')} missing"
    note = f"`{form(signature)}`: {signature.doc}"
    helps = tuple(f"{'or' if i else 'write'} `{text}`" for i, text in enumerate(meant))
    fixes = replacing(call.span, *around) or _filled(typer, call, called)
    typer.report("CS301", said, call.span, label, notes=(note,), helps=helps, fixes=fixes)


_WORST = re.compile(r"\bfor(?:all)?[ \t]+\w+[ \t]+in[ \t]*\Z")
"""What stands before a ball whose points are gone through: inputs that may be changed."""
_BEFORE = 80


def _filled(typer: Typer, call: Call, meant: str) -> tuple[Fix, ...]:
    """The call with all its arguments: none is a placeholder, and none that is given goes."""
    words = re.findall(r"[\w.%]+", meant)
    given = {typer.slice(argument) for argument in call.arguments}
    known = any(value in meant for value in _TYPICAL.values())
    kept = all({*re.findall(r"[\w.%]+", text)} <= {*words} for text in given)
    known = known or (bool(given) and meant == EXAMPLES.get(words[0]))
    return replacing(call.span, meant) if known and kept else ()


def _around(typer: Typer, call: Call, signature: Signature) -> tuple[str, ...]:
    """A call with all but one of its numbers, where that one lies around zero or begins at it.

    `normal(0.2)` has the mean 0, `uniform(0.1)` goes from -0.1 to 0.1 or begins at 0.
    """
    *before, last = map(typer.slice, call.arguments) if call.arguments else ("",)
    ends = {p.name for p in signature.parameters} >= {"lo", "hi"}
    if len(call.arguments) != len(signature.parameters) - 1 or call.keywords:
        return ()
    if signature.name == "normal":
        return (f"normal(0, {last})",)
    if not ends or last.startswith("-") or not re.fullmatch(r"[\w.%]+(?:/[\w.%]+)?", last):
        return ()
    lows = (f"-{last}", "0")
    forms = tuple(f"{signature.name}({', '.join([*before, low, last])})" for low in lows)
    drawn = typer.source.text.startswith(".", call.span.end)
    return forms[::-1] if drawn else forms


_TYPICAL = {"level": "90%", "q": "95%", "lo": "0", "hi": "1", "p": "10%", "temperature": "1"}
"""What an argument is where any of its kind is right."""


_CLOCKS = {"t", "time", "tau"}
"""Axes of time: what spreads in space is derived by none of them."""


def _as_called(typer: Typer, call: Call, signature: Signature) -> str:
    """The form of a call with the names of the spec: `mse(f(x), y)`, `laplacian(u, t, x)`."""
    models = tuple(typer.symbols.models())
    first = call.arguments[0] if call.arguments else None
    head = head_name(first)
    of = typer.symbols.models().get(head.id) if head else None
    if signature.name in DERIVATIVES and of is not None and of.arguments and first is not None:
        axes = of.arguments if signature.name != "diff" else of.arguments[-1:]
        line = typer.source.line(typer.source.position(call.span.start).line)
        others = set(re.findall(rf"\bdiff\({head.id if head else ''}(?:\([^()]*\))?, *(\w+)", line))
        if signature.name == "laplacian":  # a time beside the space
            others = others if set(axes) - others else others & _CLOCKS
            axes = tuple(axis for axis in axes if axis not in others) or axes
        return f"{signature.name}({', '.join([typer.slice(first), *axes])})"
    if signature.name == "diff" and isinstance(first, Expectation) and first.conditions:
        return f"gap({typer.slice(first)})"
    known = {"x", "y"} <= typer.symbols.column_names
    values = [_TYPICAL.get(p.name, "") for p in signature.parameters if p.required]
    given = [typer.slice(argument) for argument in call.arguments]
    if given and len(given) < len(values) and all(values[len(given) :]):
        return f"{signature.name}({', '.join([*given, *values[len(given) :]])})"
    if signature.name not in LOSSES or len(models) != 1 or not known:
        return form(signature)
    return f"{signature.name}({models[0]}(x), y)"


def _without(keyword: Keyword, name: str) -> str:
    """What a setting of other libraries is written as, or that it goes."""
    if keyword.name in ("axis", "dim", "keepdims", "keepdim"):
        return f"for each row or column: `forall i in range(n): {name}(A[i, :]) ...`, or `A[:, i]`"
    if name in LOSSES and keyword.name in ("weight", "class_weight", "pos_weight", "sample_weight"):
        return f"weigh the examples: `where(y == 1, 5, 1)*{name}(f(x), y)`"
    if name == "diff" and keyword.name in ("order", "n", "degree", "times"):
        return "name the variable as often as it is differentiated by: `diff(u, x, x)`"
    return f"remove `{keyword.name}`"


def unknown_keyword(typer: Typer, keyword: Keyword, name: str, known: tuple[str, ...]) -> None:
    """A setting that a function does not have."""
    others = SETTING_WORDS.items()
    meant = next((w for w, o in others if w in known and keyword.name.lower() in o), None)
    own = SIGNATURES.get(name)
    only = known[0] if own and own.family == "set" and len(known) == 1 else None
    guess = meant or closest(keyword.name, known) or only
    span = keyword.name_span
    said = f"`{name}` has no setting `{keyword.name}`"
    takes = f"it takes {listing(known, 'and')}" if known else "it takes no settings"
    help_ = f"did you mean `{guess}`?" if guess else _without(keyword, name)
    typer.report("CS502", said, span, takes, helps=(help_,), fixes=replacing(span, guess))


_BOUND = re.compile(r"\bfor(?:all)?[ \t]+(\w+)[ \t]+in[ \t]*\Z")


def centre_left_out(typer: Typer, call: Call) -> str | None:
    """The column around which `ball(0.1)` lies, where its points are inputs of a model.

    None where it has a centre, or where a change is added to an input: `x + d for d in ball(r)`.
    """
    text = typer.source.text
    start, end = line_of(text, call.span.start)
    bound = _BOUND.search(text[start : call.span.start])
    columns = next(iter(typer.symbols.datasets().values()), ())
    sizes = (*call.arguments, *(k.value for k in call.keywords if k.name == "r"))
    if bound is None or not columns or len(sizes) != 1:
        return None
    given = sizes[0]
    if isinstance(given, Name) and given.id in typer.symbols.column_names:
        return None
    called = re.findall(rf"\b(\w+)\([ \t]*{re.escape(bound[1])}[ \t]*[,)]", text[start:end])
    models = typer.symbols.models()
    inputs = any(name in models and models[name].arguments is None for name in called)
    return columns[0].name if inputs else None


def with_centre(typer: Typer, call: Call, centre: str) -> str:
    """The ball with its centre: `ball(x, 0.1, norm=inf)`."""
    text = typer.slice(call)
    inner = re.sub(r"^\s*(?:r\s*=\s*)?", "", text[text.find("(") + 1 :])
    return f"ball({centre}, {inner}"


def check_centre(typer: Typer, call: Call) -> None:
    """Report `max(ce(net(z), y) for z in ball(8/255, norm=inf))`."""
    centre = centre_left_out(typer, call)
    if centre is None:
        return
    said = f"the ball of a worst case needs its centre: around `{centre}`"
    told = writing(call.span, with_centre(typer, call, centre))
    typer.report("CS301", said, call.span, "around what?", **told)
