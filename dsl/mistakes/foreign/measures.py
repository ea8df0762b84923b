"""Measures in prose: `accuracy on val`, `equalized odds across sex`, `sparsity of f`, `density of
each layer`, `P[pred == 1] by sex`."""

import re

from cspec.dsl.messages.synonyms import FAIRNESS, RATES
from cspec.dsl.mistakes.failure import OPERAND_ENDS, Piece
from cspec.dsl.mistakes.foreign.view import Found, View
from cspec.dsl.settings.methods import METHODS
from cspec.dsl.text.clauses import CLOSERS, OPENERS
from cspec.dsl.text.defined_names import defined_names, model_names
from cspec.dsl.text.tokens import Token
from cspec.dsl.words.functions import SIGNATURES

_OVER = frozenset({
    "on", "of", "for", "by", "over", "across", "between", "per", "in", "within", "among", "wrt",
})  # fmt: skip
_EACH = frozenset({"each", "every", "all", "any"})
_LAYERS = frozenset({
    "layer", "layers", "weight", "weights", "matrix", "matrices", "tensor", "tensors",
})  # fmt: skip
_SPLITS = frozenset({"train", "val", "test", "valid", "validation", "holdout"})
_DATA = re.compile(r"^[ \t]*data[ \t]+([^=#\n]*)", re.MULTILINE)
_COLUMNS = re.compile(r"\([^()]*\)")
_BOUNDS = {">=": "<=", ">": "<=", "<=": ">=", "<": ">="}
_PLAIN = re.compile(r"\d+(?:\.\d+)?")


def rate_over(view: View) -> Found | None:
    """`accuracy on val`, `balanced accuracy on val`, `recall per sex`, `precision of f`."""
    word, back = view.at(0).text.lower(), 0
    if view.before.kind == "NAME":
        word, back = f"{view.before.text.lower()}_{word}", 1
    rate = RATES.get(word)
    name = view.at(2)
    if rate is None or view.at(1).text not in _OVER or name.kind != "NAME" or _own(view):
        return None
    rate = rate.format(c=1)
    if name.text in _datasets(view) | _SPLITS:
        meant = rate.replace("]", f" on {name.text}]")
    elif name.text in model_names(view.source.text):
        meant = rate
    else:
        meant = re.sub(r"P\[[^]]*\]", lambda m: _behind_bar(m[0], name.text), rate)
    head = f"{view.before.text} " if back else ""
    message = f"`{head}{view.text(0, 3)}` is written as the fraction that it is"
    return Found(3, (meant,), "CS120", message, back=back, safe=False)


def fairness_over(view: View) -> Found | None:
    """`equalized odds across sex`, `parity(sex)` in two words, `equal opportunity over race`."""
    words = [view.at(index).text.lower() for index in range(3)]
    length = next((n for n in (3, 2, 1) if "_".join(words[:n]) in FAIRNESS), 0)
    if not length or _own(view):
        return None
    form = FAIRNESS["_".join(words[:length])]
    end, column = length, "column"
    place = length + (view.at(length).text in _OVER or view.at(length).kind == "LPAR")
    if place > length and view.at(place).kind == "NAME":
        column, end = view.at(place).text, place + 1
        end += view.at(length).kind == "LPAR" and view.at(end).kind == "RPAR"
    elif length == 1:
        return None  # one word alone is a name, of which more is known later
    message = f"`{view.text(0, end)}` is written as the gap of rates that it is"
    return Found(end, (form.format(g=column),), "CS120", message, safe=False)


def sparsity_of(view: View) -> Found | None:
    """`sparsity of f >= 90%`, `sparsity(f) >= 90%`: a density from above."""
    of = view.at(1).text == "of"
    name = view.at(2)
    end = 3 if of else 4
    if name.kind != "NAME" or not (of or view.at(1).kind == "LPAR") or _own(view):
        return None
    relation, number = view.at(end), view.at(end + 1)
    meant, take = f"density({name.text})", end
    if relation.text in _BOUNDS and number.kind == "NUMBER":
        share = _rest(number.text)
        if share:
            meant, take = f"{meant} {_BOUNDS[relation.text]} {share}", end + 2
    message = "sparsity is the share of zeros; a spec bounds the share of the others, the density"
    return Found(take, (meant,), "CS120", message, safe=False)


def _rest(text: str) -> str:
    """`10%` for `90%`, `0.1` for `0.9`; nothing for what is no share."""
    percent = text.endswith("%")
    if not _PLAIN.fullmatch(text.removesuffix("%")):
        return ""
    number, whole = float(text.removesuffix("%")), 100.0 if percent else 1.0
    return f"{whole - number:.6g}{'%' if percent else ''}" if number <= whole else ""


def function_of(view: View) -> Found | None:
    """`density of f`, `variance of f(x)`: what a function takes stands in brackets."""
    word = view.at(0).text
    if word not in SIGNATURES or view.at(1).text != "of" or _own(view):
        return None
    each = _each_layer(view, 2)
    if each is not None:
        return _quantified(view, each, word)
    if view.at(2).kind == "AVERAGE":
        return _of_mean(view, word)
    end = _name_end(view, 2)
    if view.at(2).kind != "NAME":
        return None
    pieces: tuple[Piece, ...] = (word, "(", view.span(2, end), ")")
    return Found(end, pieces, "CS101", f"what `{word}` takes stands in `( )`")


def _name_end(view: View, place: int) -> int:
    """Behind a name with its parts and its brackets."""
    end = place + 1
    while (
        view.at(end).kind in {"DOT", "LPAR", "LSQB"} and view.at(end).start == view.at(end - 1).end
    ):
        close = end + 1 if view.at(end).kind == "DOT" else view.closer(end)
        if close is None:
            break
        end = close + 1
    return end


def _of_mean(view: View, word: str) -> Found | None:
    """`ratio of P[pred == 1] by sex`."""
    close = view.closer(3)
    if close is None:
        return None
    inner, end = view.text(2, close), close + 1
    if view.at(end).text in _OVER and view.at(end + 1).kind == "NAME":
        inner, end = f"{inner} | {view.at(end + 1).text}", end + 2
    return Found(end, (f"{word}({inner}])",), "CS101", f"what `{word}` takes stands in `( )`")


def article(view: View) -> Found | None:
    """`the density of f`: a spec has no articles."""
    following = view.at(1)
    if following.kind not in {"NAME", "AVERAGE"} or _own(view) or view.before.kind == "VAR":
        return None
    if following.start == view.at(0).end or view.at(2).kind in {"COLON", "RELATION"}:
        return None
    return Found(1, (), "CS101", f"`{view.at(0).text}` means nothing here")


def crossed(view: View) -> Found | None:
    """`P[pred == 1 | sex x age]`: groups of two columns."""
    left, right = view.before, view.at(1)
    if left.kind != "NAME" or right.kind != "NAME" or len(view.done) < 2:
        return None
    if view.done[-2].kind not in {"BAR", "COMMA"}:
        return None
    meant = f"{left.text}, {right.text}"
    message = f"groups of two columns are written `{meant}`"
    return Found(2, (", ", right.span), "CS115", message, f"write `| {meant}`")


def function_of_each(view: View) -> Found | None:
    """`density(each layer)`, `spectral(all weights of f)`."""
    word = view.at(0).text
    if word not in SIGNATURES or view.at(1).kind != "LPAR":
        return None
    each = _each_layer(view, 2)
    if each is None or view.at(each[0]).kind != "RPAR":
        return None
    return _quantified(view, (each[0] + 1, each[1]), word)


def _each_layer(view: View, place: int) -> tuple[int, str] | None:
    """Behind `each layer (of f)`, and the model."""
    if view.at(place).text not in _EACH or view.at(place + 1).text not in _LAYERS:
        return None
    end, models = place + 2, sorted(model_names(view.source.text))
    if view.at(end).text in ("of", "in") and view.at(end + 1).kind == "NAME":
        return end + 2, view.at(end + 1).text
    return (end, models[0]) if models else None


def _quantified(view: View, each: tuple[int, str], word: str) -> Found | None:
    """`forall W in f.weights: density(W)` in place of a term that begins a constraint."""
    if view.before.kind not in {"_NL", "ST", "COLON", "SEMICOLON"}:
        return None
    end, model = each
    meant = f"forall W in {model}.weights: {word}(W)"
    message = f"`{view.text(0, end)}`: a requirement on each weight begins with `forall`"
    return Found(end, (meant,), "CS122", message, f"write `{meant} ...`")


def mean_by(view: View) -> Found | None:
    """`P[pred == 1] by sex`, `gap(P[pred == 1 by sex])`: groups stand behind `|`."""
    name, before = view.at(1), view.before
    if name.kind != "NAME" or name.text in METHODS or before.kind not in OPERAND_ENDS:
        return None
    if view.at(2).kind not in {"RPAR", "RSQB", "RELATION"}:
        return None
    inside = view.at(2).kind == "RSQB"
    opener = _average(view) if inside or before.kind == "RSQB" else None
    if opener is None:
        return None
    word = view.at(0).text
    head = view.source.text[opener.start : before.end if inside else before.start]
    meant = f"{head} | {name.text}]"
    message = f"groups stand behind `|` inside of the brackets, not behind `{word}`"
    pieces: tuple[Piece, ...] = ("| ", name.span) if inside else (" | ", name.span, "]")
    return Found(2, pieces, "CS120", message, f"write `{meant}`", back=0 if inside else 1)


def _average(view: View) -> Token | None:
    """The `E` or `P` of the brackets that the token before stands in, or closes."""
    place = view.opener(0 if view.before.kind == "RSQB" else 1)
    before = view.done[place - 1] if place else None
    return before if before is not None and before.kind == "AVERAGE" else None


def so_many_of(view: View) -> Found | None:
    """`nm(2:4)`, `nm(2/4)`: two numbers of a call."""
    inner = [view.at(i).kind for i in (1, 2, 4, 5)] == ["LPAR", "NUMBER", "NUMBER", "RPAR"]
    if not inner or view.at(3).text not in (":", "/", "of") or _own(view):
        return None
    message = f"the two numbers of `{view.at(0).text}` are separated by `,`"
    return Found(6, (f"{view.at(0).text}({view.at(2).text}, {view.at(4).text})",), "CS115", message)


def index_first(view: View) -> Found | None:
    """`sum(i in range(3), x[i])`: the term first, its index behind `for`."""
    close = view.closer(1) if view.at(1).kind == "LPAR" else None
    if close is None or view.at(2).kind != "NAME" or view.at(3).kind != "IN":
        return None
    depth = 0
    for index in range(4, close):
        kind = view.at(index).kind
        if kind == "COMMA" and not depth and index + 1 < close:
            members, term = view.text(2, index), view.text(index + 1, close)
            message = f"the index of a `{view.at(0).text}` stands behind its term: `for i in S`"
            return Found(close + 1, (f"{view.at(0).text}({term} for {members})",), "CS136", message)
        depth += (kind in OPENERS) - (kind in CLOSERS)
    return None


def extreme_bound(view: View) -> Found | None:
    """`density(f) max 50%`, `accuracy min 90%`: a bound from above, from below."""
    ends = view.before.kind in OPERAND_ENDS
    number = view.at(1)
    if not ends or number.kind != "NUMBER" or number.start == view.at(0).end:
        return None
    meant = "<=" if view.at(0).text.lower().startswith("max") else ">="
    return Found(1, (meant,), "CS110", f"`{view.at(0).text}` of a value is written `{meant}`")


def _behind_bar(rate: str, column: str) -> str:
    return f"{rate[:-1]}, {column}]" if "|" in rate else f"{rate[:-1]} | {column}]"


def _own(view: View) -> bool:
    """Whether the word is a name or a label of the spec itself, or a part of one."""
    word, text = view.at(0).text, view.source.text
    if view.before.kind in {"DOT", "VERIFY", "METRIC"} or word in defined_names(text):
        return True
    return re.search(rf"\b{re.escape(word)}[ \t]*:", text) is not None


def _datasets(view: View) -> frozenset[str]:
    lines = (_COLUMNS.sub(" ", line[1]) for line in _DATA.finditer(view.source.text))
    return frozenset(word.strip() for line in lines for word in line.split(","))
