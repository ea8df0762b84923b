"""Specs with mutated tokens: what `check` answers, how long it takes, how much it says.

    python benchmarks/fuzz.py [--count 10000] [--seed 0] [--plan] [--strict]
    python benchmarks/fuzz.py --repeated [--count 200] [--seed 0]

Every spec of the examples, the benchmarks and the tests is taken apart into tokens, a few of which
are deleted, doubled, swapped, replaced by words and marks of the language, or by garbage; texts are
joined and cut off. No text may raise an exception, take more than 0.5 s, or get an answer of more
than 100 kB; patterns are compiled before, as at the start of a process, and what takes longer is
timed twice more, of which the shortest counts: machines are shared. `--plan` also plans those
that are free of errors, with a limit of 10 s.

With `--strict` a search for what was meant may raise, which a check survives (`dsl/text/sought`).

With `--repeated`, a line or a few words are written again and again, to 4 and to 16 kB: four times
the text may cost seven times as much where it is dear, and no text 4 s.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cspec.dsl.check import check
from cspec.dsl.messages.diagnostic import SpecError, errors
from cspec.dsl.messages.pages.all import CODES
from cspec.dsl.messages.render import render_text
from cspec.dsl.text.running import STRICT
from cspec.dsl.text.source import Source
from cspec.dsl.text.terminals import keywords
from cspec.dsl.words.functions import SIGNATURES
from cspec.running.plans import plan_of

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 0.5
AGAIN = 2
"""How often what took longer is timed anew."""
PLAN_SECONDS = 10.0
CHARACTERS = 100_000
LONGEST = 4_000
"""Characters of a spec that is mutated: longer ones are about size itself."""

_TOKEN = re.compile(r'"[^"\n]*"|\w+|\s+|[^\w\s]')
MARKS = (*"()[]{}|^*/@+-<>=!&%$'\"\\;:,.#~?", "<=", ">=", "==", "=>", "s.t.", "\n", " ")
GARBAGE = ("\0", "\u202e", "\ufeff", "λ", "²", "≤", "∀", "−", "“", "'''", "//", "||", "\t", "\r\n")
NUMBERS = ("0", "1", "-1", "2.5", "10%", "1e400", "1e9", "0.0", "inf", "9^9^9", "1_000", "64KiB")


class Answer(NamedTuple):
    """What came of one text."""

    text: str
    seconds: float
    characters: int
    failure: str = ""
    """A traceback, of what should never be raised."""
    clean: bool = False


def specs() -> list[str]:
    """The specs of this repository: files, the corpus of wrong ones, the pages of codes."""
    files = sorted(path for path in ROOT.rglob("*.cspec") if ".venv" not in path.parts)
    texts = [path.read_text(encoding="utf-8") for path in files]
    for corpus in sorted((ROOT / "tests" / "dsl" / "corpus").rglob("*.txt")):
        blocks = re.split(r"^=== .*\n", corpus.read_text(encoding="utf-8"), flags=re.MULTILINE)
        texts += [block.split("\n--- ")[0] for block in blocks[1:]]
    texts += [text for code in CODES.values() for text in (code.wrong, code.right)]
    return [text for text in dict.fromkeys(texts) if text.strip() and len(text) <= LONGEST]


PAIRS = ("()", "[]", "{}", "[0]", "[1, 2]", "(x)", "(x, y)", "[[]]", " for i in range(3)", "{ }")


def words() -> tuple[str, ...]:
    """Words and marks of the language, numbers, and what does not belong there."""
    return (*sorted(keywords()), *sorted(SIGNATURES), *MARKS, *GARBAGE, *NUMBERS, *PAIRS)


def mutated(chance: random.Random, texts: Sequence[str], pieces: Sequence[str]) -> str:
    """One spec with one to four changes."""
    tokens = _TOKEN.findall(chance.choice(texts))
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(tokens)) if tokens else 0
        match chance.choice(
            ("delete", "double", "swap", "replace", "insert", "join", "cut", "many", "call")
        ):
            case "delete":
                del tokens[place : place + chance.choice((1, 1, 1, 2, 5))]
            case "double":
                tokens[place:place] = tokens[place : place + chance.choice((1, 2, 10))]
            case "swap" if tokens:
                other = chance.randrange(len(tokens))
                tokens[place], tokens[other] = tokens[other], tokens[place]
            case "replace" if tokens:
                tokens[place] = chance.choice(pieces)
            case "insert":
                tokens[place:place] = chance.choices(pieces, k=chance.choice((1, 1, 2, 3)))
            case "join":
                tokens += _TOKEN.findall(chance.choice(texts))
            case "call":
                word = chance.choice(pieces)
                tokens[place:place] = (word, chance.choice(PAIRS))
            case "cut":
                del tokens[place:]
            case "many":
                tokens[place:place] = chance.choices(pieces, k=2) * chance.choice((5, 50, 200))
    return "".join(tokens)


def texts_of(count: int, seed: int) -> Iterator[str]:
    """So many mutated specs; the same for the same seed."""
    chance = random.Random(seed)
    texts, pieces = specs(), words()
    for _ in range(count):
        yield mutated(chance, texts, pieces)


HEADS = ("", "minimize ce\n", "minimize ", "data train(x, y)\nmodel f\nminimize ce\ns.t. ")
SHORT, TIMES, GROWTH, DEAR, LONGEST_ANSWER = 4_000, 4, 7.0, 0.8, 4.0


def repeated(chance: random.Random, texts: Sequence[str], pieces: Sequence[str]) -> list[str]:
    """One unit written again and again behind one head: a text, and one of four times as many."""
    lines = [line for line in chance.choice(texts).splitlines() if line.strip()]
    words = " ".join(chance.choices(pieces, k=chance.choice((1, 2, 3))))
    unit = chance.choice((chance.choice(lines), words)) + chance.choice(("\n", " ", ";"))
    head, count = chance.choice(HEADS), SHORT // len(unit) + 1
    return [head + unit * count, head + unit * count * TIMES]


def growth(count: int, seed: int) -> int:
    """Print what grows faster than its text; how many there were."""
    chance, texts, pieces = random.Random(seed), specs(), words()
    faults = 0
    for _ in range(count):
        short, long = (answer(text) for text in repeated(chance, texts, pieces))
        steep = long.seconds > max(DEAR, GROWTH * short.seconds) or long.seconds > LONGEST_ANSWER
        if steep or short.failure or long.failure:
            faults += 1
            print(f"{short.seconds:.2f} s, then {long.seconds:.2f} s: {short.text[:200]!r}")
            print("    " + (short.failure or long.failure).strip()[-300:], flush=True)
    print(f"{count:,} repeated units, {faults} faults")
    return faults


def answer(text: str) -> Answer:
    """What `check` says of a text, and what that cost."""
    start = time.process_time()
    try:
        found = check(Source(text=text)).diagnostics
        shown = render_text(found)
    except Exception:
        return Answer(text, time.process_time() - start, 0, traceback.format_exc())
    return Answer(text, time.process_time() - start, len(shown), clean=not errors(found))


def timed(text: str) -> Answer:
    """The answer to a text, and the least that it cost in up to three times."""
    found = answer(text)
    for _ in range(AGAIN):
        if found.failure or found.seconds <= SECONDS:
            break
        found = min(found, answer(text), key=lambda a: a.seconds)
    return found


def planned(text: str) -> Answer:
    """What planning a text without errors comes to."""
    start = time.process_time()
    try:
        plan_of(check(Source(text=text)))
    except SpecError as error:
        return Answer(text, time.process_time() - start, len(str(error)))
    except Exception:
        return Answer(text, time.process_time() - start, 0, traceback.format_exc())
    return Answer(text, time.process_time() - start, 0)


def faulty(found: Answer, seconds: float = SECONDS) -> bool:
    """Whether an answer is none that a text should get."""
    return bool(found.failure) or found.seconds > seconds or found.characters > CHARACTERS


def main() -> None:
    """Print the slowest and the longest answer, and every fault."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--plan", action="store_true", help="plan those without errors, too")
    parser.add_argument("--strict", action="store_true", help="let searches for a fix raise")
    parser.add_argument("--repeated", action="store_true", help="one unit again and again")
    options = parser.parse_args()
    if options.strict:
        os.environ[STRICT] = "1"
    if options.repeated:
        growth(options.count, options.seed)
        return
    answer("minimize ce of\n")
    slowest = longest = Answer("", 0.0, 0)
    clean = faults = 0
    for text in texts_of(options.count, options.seed):
        found = timed(text)
        slowest = max(slowest, found, key=lambda a: a.seconds)
        longest = max(longest, found, key=lambda a: a.characters)
        clean += found.clean
        wrong = faulty(found)
        if found.clean and options.plan and not wrong:
            found = planned(text)
            wrong = faulty(found, PLAN_SECONDS)
        if wrong:
            faults += 1
            last = found.failure.strip().split("\n")[-3:]
            print(f"{found.seconds:.2f} s, {found.characters:,} characters: {text!r}")
            print("    " + "\n    ".join(last), flush=True)
    print(f"{options.count:,} texts, {clean:,} without errors, {faults} faults")
    print(f"slowest {slowest.seconds:.2f} s: {slowest.text[:300]!r}")
    print(f"longest answer {longest.characters:,} characters: {longest.text[:300]!r}")


if __name__ == "__main__":
    main()
