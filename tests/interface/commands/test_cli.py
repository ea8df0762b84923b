"""The command line in process: output, exit codes, and that nothing heavy is imported."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest

from cspec import cli

GOOD = "minimize ce s.t. density(model) <= 0.5\n"
WRONG = "minimize ce s.t. density(model) <= 50\n"


class Run(SimpleNamespace):
    """What a command did."""

    code: int
    out: str
    err: str


@pytest.fixture
def cspec(capsys: pytest.CaptureFixture[str]):
    def call(*arguments: str) -> Run:
        try:
            code = cli.main(arguments)
        except SystemExit as end:
            code = int(end.code or 0)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return Run(code=code, out=out, err=err)

    return call


@pytest.fixture
def spec(tmp_path: Path):
    def write(text: str, name: str = "a.cspec") -> str:
        path = tmp_path / name
        path.write_text(text)
        return str(path)

    return write


def test_help_and_usage(cspec) -> None:
    assert cspec("--help").code == 0 and "explain" in cspec("--help").out
    assert cspec().code == 2
    assert cspec("--version").out.startswith("cspec ")
    typo = cspec("chekc")
    assert typo.code == 2 and "did you mean `check`" in typo.err
    assert cspec("run").code == 2
    assert cspec("run", "--nonsense", "x.cspec").code == 2
    assert cspec("check").code == 2


def test_a_file_in_place_of_a_command_says_what_to_type(cspec, spec) -> None:
    name = spec(GOOD)
    assert f"cspec run {name}" in cspec(name).err


@pytest.mark.parametrize("command", list(cli.COMMANDS))
def test_every_command_has_help(cspec, command: str) -> None:
    found = cspec(command, "--help")
    assert found.code == 0 and f"cspec {command}" in found.out


def test_check_reports_and_exits(cspec, spec) -> None:
    assert cspec("check", spec(GOOD)).code == 0
    wrong = cspec("check", spec(WRONG))
    assert wrong.code == 1 and "error[CS311]" in wrong.err and "a.cspec:1:36" in wrong.err
    assert cspec("check", spec(GOOD), "nowhere.cspec").code == 1


def test_check_json_is_machine_readable(cspec, spec) -> None:
    found = cspec("check", "--json", spec(WRONG), "nowhere.cspec")
    assert found.code == 1
    first, second = json.loads(found.out)["files"]
    assert first["errors"] == 1 and first["diagnostics"][0]["code"] == "CS311"
    assert first["diagnostics"][0]["column"] == 36
    assert second["diagnostics"][0]["code"] == "CS140"


def test_warnings_fail_only_under_strict(cspec, spec) -> None:
    name = spec("param unused = 1\nvar x = 1\nminimize x^2\n")
    relaxed = cspec("check", name)
    assert relaxed.code == 0 and "warning[" in relaxed.err and "1 warning" in relaxed.out
    assert cspec("check", "--strict", name).code == 1


def test_fix_applies_safe_fixes_and_keeps_the_rest(cspec, spec) -> None:
    name = spec("# keep me\nminimize ce s.t. density(model) < 0.5\n")
    before = json.loads(cspec("check", "--json", name).out)["files"][0]["diagnostics"]
    safe = [fix for d in before for fix in d["fixes"] if fix["safe"]]
    assert safe
    found = cspec("check", "--fix", name)
    assert "1 fix applied" in found.out
    assert Path(name).read_text() == "# keep me\nminimize ce s.t. density(model) <= 0.5\n"


def test_fmt_writes_checks_and_reads_stdin(cspec, spec, monkeypatch) -> None:
    name = spec("minimize ce   s.t.  density( model )<=50%   # why\n")
    assert cspec("fmt", "--check", name).code == 1
    assert cspec("fmt", name).code == 0
    text = Path(name).read_text()
    assert text == "minimize ce s.t. density(model) <= 50%  # why\n"
    assert cspec("fmt", "--check", name).code == 0
    stdin = SimpleNamespace(buffer=io.BytesIO(b"minimize  ce\r\n"))
    monkeypatch.setattr(sys, "stdin", stdin)
    assert cspec("fmt", "-").out == "minimize ce\n"


def test_fmt_leaves_a_broken_file_alone(cspec, spec) -> None:
    name = spec("minimize ce s.t. density(model <= 0.5\n")
    assert cspec("fmt", name).code == 1
    assert Path(name).read_text() == "minimize ce s.t. density(model <= 0.5\n"


def test_fmt_keeps_permissions(cspec, spec) -> None:
    name = spec("minimize   ce\n")
    os.chmod(name, 0o640)
    assert cspec("fmt", name).code == 0
    assert Path(name).stat().st_mode & 0o777 == 0o640


def test_stdin_that_is_no_text(cspec, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"minimize \xff")))
    found = cspec("check", "-")
    assert found.code == 1 and "CS141" in found.err


def test_info_names_what_is_unbound(cspec) -> None:
    found = cspec("info", "-e", GOOD)
    assert found.code == 0 and "bind from outside" in found.out and "c1" in found.out
    plain = json.loads(cspec("info", "-e", GOOD, "--json").out)
    assert {u["name"] for u in plain["unbound"]} == {"model", "data"}


def test_explain_code_shows_the_message_of_its_own_example(cspec) -> None:
    found = cspec("explain", "cs311")
    assert found.code == 0 and "error[CS311]" in found.out and "Right:" in found.out
    assert json.loads(cspec("explain", "CS311", "--json").out)["code"] == "CS311"
    assert "```cspec" in cspec("explain", "CS311", "--markdown").out
    assert cspec("explain", "CS399").code == 2
    assert cspec("explain", "CS311", "--mermaid").code == 2


@pytest.mark.parametrize(
    "kind", ["functions", "sets", "methods", "optimizers", "data", "models", "codes"]
)
def test_list_prints_the_tables(cspec, kind: str) -> None:
    text = cspec("list", kind)
    words = [entry["word"] for entry in json.loads(cspec("list", kind, "--json").out)[kind]]
    assert text.code == 0 and words and all(word in text.out for word in words)


def test_list_without_a_kind_is_an_overview(cspec) -> None:
    found = cspec("list")
    assert "augmented_lagrangian" in found.out and "stiefel" in found.out
    assert cspec("list", "nonsense").code == 2


@pytest.mark.parametrize("stage", ["tree", "problem"])
def test_compile_dumps_what_needs_no_data(cspec, stage: str) -> None:
    found = cspec("compile", "-e", GOOD, "--dump", stage)
    assert found.code == 0 and json.loads(found.out)["kind"]


def test_unexpected_exceptions_are_bugs_of_ours_without_traceback(cspec, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("1/0\nmore")

    monkeypatch.setattr("cspec.commands.check.check", broken)
    monkeypatch.delenv("CSPEC_DEBUG", raising=False)
    found = cspec("check", "-e", GOOD)
    assert found.code == 70 and "error[CS900]" in found.err and "report it" in found.err
    monkeypatch.setenv("CSPEC_DEBUG", "1")
    with pytest.raises(AssertionError, match="Traceback"):
        cspec("check", "-e", GOOD)


def test_ctrl_c_is_130(cspec, monkeypatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cspec.commands.check.check", interrupted)
    assert cspec("check", "-e", GOOD).code == 130


LONG = "var x = 0\nminimize x^2\ns.t. " + "\n".join(f"c{i}: x >= {i}" for i in range(27)) + "\n"


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("arguments", "forbidden"),
    [
        (["check", "-e", LONG], "torch sympy numpy scipy rich IPython asyncio"),
        (["fmt", "--check", "FILE"], "torch sympy numpy scipy rich IPython"),
        (["explain", "CS311"], "torch sympy numpy scipy rich IPython"),
        (["list", "methods"], "torch sympy numpy scipy rich IPython"),
        (["info", "-e", LONG], "torch sympy numpy scipy rich IPython"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_nothing_heavy_is_imported(arguments: Sequence[str], forbidden: str, spec) -> None:
    given = [spec(GOOD) if a == "FILE" else a for a in arguments]
    found = python(
        f"import sys; from cspec.cli import main; code = main({given!r})\n"
        f"print(code, sorted(set({forbidden.split()!r}) & set(sys.modules)))"
    )
    assert found.stdout.splitlines()[-1] == "0 []", found.stdout + found.stderr


def test_importing_cspec_imports_nothing_of_it() -> None:
    found = python(
        "import sys; before = set(sys.modules); import cspec\n"
        "new = {m for m in set(sys.modules) - before if m.startswith(('cspec.', 'pydantic'))}\n"
        "print(sorted(new), cspec.run.__module__)"
    )
    assert found.stdout.split("\n")[0] == "[] cspec.api", found.stderr
