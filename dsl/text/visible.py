r"""Text of others (class names, columns, file names, cells) as a terminal may be given it.

    visible_line("a\x1b[2J\nb")      # one line, and nothing for a terminal to obey

What a terminal would obey (escape codes, carriage returns, bells), what reorders text (bidi
controls) and what can't be seen (zero-width spaces, tags) is written as its escape. Joiners of
scripts and emoji stay. Everything that is printed goes through here; JSON keeps the text itself.
"""

import re

_UNSEEN = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b\u200e\u200f"
    "\u2028-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb"
    "\U000e0000-\U000e007f"
)
_ANY = re.compile(f"[{_UNSEEN}]")
_LINE = re.compile(f"[{_UNSEEN}\n]")


def visible(text: str) -> str:
    """Text of several lines; line feeds and tabs stay."""
    return _ANY.sub(_escape, text)


def visible_line(text: str) -> str:
    """Text that stands in one line: a line feed is written `\\n`."""
    return _LINE.sub(_escape, text)


def visible_json(text: str) -> str:
    """JSON with these characters as `\\uXXXX`, which says the same."""
    return _ANY.sub(_json, text)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def _json(found: re.Match[str]) -> str:
    units = found[0].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))
