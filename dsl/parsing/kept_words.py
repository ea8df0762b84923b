"""Whether a line, as it reads after an edit, still says what was written."""

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from itertools import pairwise

from cspec.dsl.kinds.unknown_names import MODULES
from cspec.dsl.messages.synonyms import meant
from cspec.dsl.messages.wording import closest
from cspec.dsl.text.clauses import ITEM_WORDS

SAID = {
    "eq": "==", "is": "==", "equals": "==", "===": "==", "of": "in", "within": "in", "from": "in",
    "if": "|", "given": "|", "when": "|", "where": "|", "maximise": "maximize", "dec": "var",
    "minimise": "minimize", "load": "data", "dataset": "data", "net": "model", "class": "model",
    "evaluate": "verify", "test": "verify", "for": "forall", "each": "forall", "any": "forall",
    "penalty": "soft", "slack": "soft", "with": "using", "method": "using", "solver": "using",
}  # fmt: skip
"""Words that stand where a word or a mark of the language belongs."""
_NEARLY = {"=", "=>", "=<", "==="}
FIXED = frozenset({"*", "+", "-", "/", "^", "@"})
"""Signs that change what is computed where they change places."""
_DEFINING = frozenset({"PARAM", "VAR", "DATA", "MODEL"})
"""Lines that define: no relation stands in them."""
_LOOSE = frozenset(",;:()[]{}")
"""Marks that part what stands on both sides: one that parts nothing may be taken out."""
_RANGING = frozenset({"for", "forall", "each", "every", "sum", "max", "min", "all", "any"})
"""Words before which or behind which something goes over a set."""
RELATIONS = ("<=", ">=", "==")


def keeps(before: str, after: str, own: bool = False) -> bool:
    """Whether a line still says what was written: its kind, words, numbers, texts, relations.

    A word may be spelt anew or be that of another language, marks may part what they parted not,
    and what stands twice may stand once. An edit of a finding's `own` may say more anew.
    """
    old, words, marks = _counted(before)
    new, new_words, new_marks = _counted(after)
    if not old or not new or _kind(old) not in {"", _kind(new)}:
        return False
    lost, gained = _differences(words, new_words)
    if "".join(lost) != "".join(gained):
        if own:
            numbers = [w for w in lost if w[0].isdigit() and ".." not in w]
            texts = {token.strip('"') for token in old if token.startswith('"')}
            return len(lost) <= len(gained) and not numbers and texts.isdisjoint(lost)
        if len(lost) > 1 or len(gained) > 1 or not _respelt("".join(lost), "".join(gained), old):
            return False
    changed = _differences(marks, new_marks)
    if _kind(old) in _DEFINING and (
        {*RELATIONS} & {*changed[1]} or ("=(" in "".join(new) and "=(" not in "".join(old))
    ):
        return False  # what a line defines is no relation, and its size no value
    return own or _marks_kept(old, new, *changed)


_TOKEN = re.compile(r"\"[^\"\n]*\"|s\.t\.|\d[\w.]*%?|\w+|[<>=!:]=+|=[<>:]|[^\w\s]")
_MARK = re.compile(r"[<>=!:]=+|=[<>:]|[^\w\s\"]")


def _kind(tokens: Sequence[str]) -> str:
    """The kind of item that a line begins, where it is one and no label."""
    word = tokens[0].upper()
    return word if word in ITEM_WORDS and tokens[1:2] != [":"] else ""


@lru_cache(maxsize=8)
def _counted(line: str) -> tuple[list[str], Counter[str], Counter[str]]:
    """The words and marks of a line, and how often each word, number or text, and each mark."""
    tokens = _TOKEN.findall(line)
    words = [
        word for token in tokens if (word := token.strip('"'))[:1].isalnum() or word[:1] == "_"
    ]
    return tokens, Counter(words), Counter(_MARK.findall(line))


def _differences(old: Counter[str], new: Counter[str]) -> tuple[list[str], list[str]]:
    return [*(old - new).elements()], [*(new - old).elements()]


def _respelt(word: str, new: str, old: Sequence[str]) -> bool:
    """Whether one word stands for another, twice, or before a `.` as a module of Python does."""
    if not word:
        return new == "s.t." or (new == "in" and not _RANGING.isdisjoint(old))
    if not new:
        return (word, word) in pairwise(old) or word in MODULES or word.lower() in SAID
    if word in old and old.count(word) > 1:
        return False  # a word that stands elsewhere, too, is not misspelt
    known = meant(word)
    said = {SAID.get(word.lower()), known.word if known else None}
    return not word[0].isdigit() and (new in said or closest(word, (new,)) is not None)


def _marks_kept(
    old: Sequence[str], new: Sequence[str], lost: Sequence[str], gained: Sequence[str]
) -> bool:
    """Whether marks that are lost part nothing, and those that are gained relate nothing anew."""
    if not lost and not gained:
        return True
    if ":" in gained and _kind(old) and "s.t." not in old:
        return False
    if any(mark in FIXED and (mark, mark) not in pairwise(old) for mark in lost):
        return False
    if {*gained} & {*RELATIONS} and not {*lost} & _NEARLY:
        return any(SAID.get(word.lower()) in gained for word in old)
    if ("=" in gained and "," in lost) or ("," in gained and {":", "."} & {*lost}):
        return False
    if "." in lost and not gained:
        return bool(MODULES.keys() & ({*old} - {*new}))
    whole = ["".join(side) for side in (old, new)]
    if "(," in whole[0] and "(," not in whole[1] and "," in lost:
        return False  # what stood before the comma is missing
    if any(pair in whole[1] and pair not in whole[0] for pair in ("()", "[]")):
        return False
    return gained != [] or all(m in _LOOSE or (m, m) in pairwise(old) for m in lost)
