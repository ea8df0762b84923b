"""Untrusted text: limits, files, no hanging, no big integers."""

from pathlib import Path

import pytest

from cspec.dsl.format.spec import format_text
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.mistakes.limits import MAX_BYTES
from cspec.dsl.parsing.parse import parse_text, read
from cspec.dsl.tree.nodes import shape


def assert_linear(calls, start: str, unit: str, count: int) -> None:
    """Three times the text costs about three times the calls, and not nine times."""
    small = calls(lambda: parse_text(start + unit * count))
    assert calls(lambda: parse_text(start + unit * 3 * count)) < 3.5 * small


def codes(text: str) -> list[str]:
    return [d.code for d in parse_text(text)[1]]


@pytest.mark.parametrize(("left", "right"), ["()", "[]", ("f(", ")"), ("-(", ")"), ("x[", "]")])
def test_two_hundred_levels_are_read_and_more_are_refused(left: str, right: str) -> None:
    text = "minimize " + left * 199 + "x" + right * 199
    spec, found = parse_text(text)
    assert found == ()
    assert shape(parse_text(format_text(text))[0].items) == shape(spec.items)
    assert codes("minimize " + left * 201 + "x" + right * 201) == ["CS134"]


@pytest.mark.parametrize(
    "text",
    ["-" * 5000 + "x", "not " * 5000 + "x", "^".join("9" * 5000), " => ".join("a" * 5000)],
    ids=["minus", "not", "power", "implies"],
)
def test_nesting_without_brackets_is_refused(text: str) -> None:
    assert codes(f"minimize {text}") == ["CS134"]


def test_a_hundred_thousand_brackets(calls) -> None:
    assert codes("minimize " + "(" * 100_000) == ["CS134"]
    assert codes("minimize " + ")" * 100_000)
    assert codes("s.t. c: " + "{" * 50_000)
    for start, bracket in (("minimize ", "("), ("minimize ", ")"), ("s.t. c: ", "{")):
        assert_linear(calls, start, bracket, 5_000)


def test_towers_of_powers_are_only_a_tree() -> None:
    assert codes("minimize 9^9^9^9") == []
    assert codes("minimize 9**9**9**9 s.t. x <= 9^9^9^9^9^9") == []


@pytest.mark.parametrize(
    "number", ["1e400", "9" * 5000, "1e-400", "1e999999999999", "0." + "3" * 5000, "1e308k"]
)
def test_numbers_out_of_range(number: str) -> None:
    assert codes(f"minimize {number}") == ["CS133"]


def test_number_of_constraints() -> None:
    lines = ["x<=1"] * 10_000
    assert codes("minimize x s.t. " + ";".join(lines)) == []
    assert codes("minimize x s.t. " + ";".join([*lines, "x<=1"])) == ["CS135"]
    members = "; ".join(["x <= 1"] * 5_001)
    groups = "\n".join(f"g{i}: forall a in S: {{ {members} }}" for i in range(2))
    assert codes(f"minimize x s.t. {groups}") == ["CS135"]


def test_size_of_a_text() -> None:
    assert codes("#" * MAX_BYTES) == []
    assert codes("#" * (MAX_BYTES + 1)) == ["CS144"]


@pytest.mark.parametrize(
    "unit", ["a ", "a,", "a:", "'", '"', "\\", "|", "&", "s.t. ", "forall ", "x²", "\n+", "{", "$"]
)
def test_repeated_mistakes_stay_linear(unit: str, calls) -> None:
    assert codes("minimize " + unit * 3000)
    assert_linear(calls, "minimize ", unit, 1000)


def of(path: Path) -> tuple[str, tuple[Diagnostic, ...]]:
    source, found = read(path)
    return source.text, found


def test_files(tmp_path: Path) -> None:
    path = tmp_path / "a.cspec"
    path.write_bytes(b"\xef\xbb\xbfminimize ce\r\n# \xce\xbb\r\n")
    assert of(path) == ("minimize ce\n# λ\n", ())
    path.write_bytes(b"minimize ce\n\xff\n")
    ((found,), text) = (of(path)[1], of(path)[0])
    assert (found.code, text) == ("CS141", "")
    assert "line 2" in found.notes[0]


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "CS143"), (b" \n\n", "CS143"), (b"#" * (MAX_BYTES + 1), "CS144")]
)
def test_files_that_are_no_specs(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "a.cspec"
    path.write_bytes(content)
    assert [d.code for d in of(path)[1]] == [code]


@pytest.mark.parametrize("name", [".", "missing.cspec", "a\0b"])
def test_paths_that_are_no_files(tmp_path: Path, name: str) -> None:
    assert [d.code for d in read(f"{tmp_path}/{name}")[1]] == ["CS140"]


def test_invisible_characters_are_found_in_comments_too() -> None:
    assert codes("minimize ce # \u202e\n") == ["CS142"]
    assert codes("minimize \0ce\n") == ["CS142"]
    assert codes("minimize \0" + "\0" * 500 + "ce\n") == ["CS142"] * 5
