"""The terminals of the grammar: its keywords, and the regular expressions of all else."""

from functools import cache

from cspec.grammars.stored import terminals


@cache
def keywords() -> dict[str, str]:
    """The terminal of each word that is a keyword somewhere."""
    return {word: name for name, words, _ in _terminals() for word in words}


@cache
def marks() -> tuple[tuple[str, str], ...]:
    """Names and regular expressions of what is no word, in the order in which they are tried."""
    return tuple((name, "|".join(others)) for name, _, others in _terminals() if others)


def _terminals() -> list[tuple[str, list[str], list[str]]]:
    """Name, words and other alternatives of each terminal: `IN` is the word `in`, and `∈`."""
    found = []
    for terminal in terminals():
        pattern = terminal.pattern.to_regexp()
        choices = pattern.removeprefix("(?:").removesuffix(")").split("|")
        words = [choice for choice in choices if choice.isidentifier()]
        others = [choice for choice in choices if choice not in words] if words else [pattern]
        found.append((terminal.name, words, others))
    return found
