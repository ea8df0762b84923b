"""Whom a spec may import from: what the user named, and what needs no naming."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cspec.dsl.check import check
from cspec.dsl.imports.trust import trusting, user_trust
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.parsing.files import read
from cspec.dsl.text.source import Source


def found(text: str) -> list[Diagnostic]:
    source = Source(text=f"{text}\nvar x = 1\nminimize (x - 1)^2\n", name="q.cspec")
    return [d for d in check(source).diagnostics if d.severity == "error"]


def codes(text: str) -> list[str]:
    return [d.code for d in found(text)]


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current directory without a pyproject.toml of the user."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.mark.parametrize(
    "line",
    [
        "from os import system",
        "from os.path import join",
        "from posix import system",
        "from subprocess import run",
        "from builtins import eval",
        "from builtins import exec as f",
        "from importlib import import_module",
        "from pickle import loads",
        "from sys import exit",
        "from shutil import rmtree",
        "from numpy import load",
        "from runpy import run_path",
        "from __main__ import main",
        "from torch import load",
        "from torch import save",
        "from torch import from_file",
        "from torch import compile",
        "from torch import os",
        "from torch import hub",
        "from torch import CompilationUnit",
        "from torch import _utils",
        "from torch.os import system",
        "from torch.hub import load",
        "from torch.serialization import load",
        "from torch.jit import load",
        "from torch.utils.cpp_extension import load_inline",
        "from torch._inductor.codecache import os",
        "from torch.nn.functional import importlib",
        "from torch.nn.modules.module import torch",
        "from torch.package import PackageImporter",
        "from cspec.cli import main",
        "from cspec.reading.files import write_text",
        "from cspec import run",
    ],
)
def test_what_could_run_a_command_is_refused(line: str) -> None:
    (error,) = found(line)
    module = line.split()[1]
    assert error.code == "CS218"
    assert any(f"cspec run q.cspec --trust {module}" in text for text in error.helps)


@pytest.mark.parametrize(
    "line",
    [
        "from torch import exp, logsumexp, einsum",
        "from torch.nn.functional import gelu, cross_entropy",
        "from torch.nn import Linear, Sequential",
        "from torch.nn.modules.conv import Conv2d",
        "from torch.special import erf",
        "from torch.linalg import svdvals",
        "from torch.distributions import Normal",
    ],
)
def test_what_computes_needs_no_trust(line: str) -> None:
    assert codes(line) == []


def test_a_name_covers_submodules_and_nothing_that_begins_alike() -> None:
    with trusting(["scipy", "os.path", "torch.hub.load"]):
        assert codes("from scipy import f") == []
        assert codes("from scipy.special import erf") == []
        assert codes("from os.path import join") == []
        assert codes("from torch.hub import load") == []
        assert codes("from torch.hub import help") == ["CS218"]
        assert codes("from scipy_extra import f") == ["CS218"]
        assert codes("from os import system") == ["CS218"]
    assert codes("from scipy import f") == ["CS218"]


@pytest.mark.parametrize("name", ["", "o s", "os;", "../x", "nets.py/", 3, "*"])
def test_what_is_no_module_can_not_be_trusted(name: object) -> None:
    with pytest.raises(SpecError) as error, trusting([name]):  # type: ignore[list-item]
        pass
    assert error.value.diagnostics[0].code == "CS219"


def test_one_finding_for_each_name_that_would_have_to_be_trusted() -> None:
    errors = found("from os import system, popen\nfrom torch import load, exp, save")
    assert [d.helps[0].split()[-1] for d in errors] == ["os", "torch.load", "torch.save"]


@pytest.mark.parametrize("path", ["os", "nets", "nets.pyc", "a.so", ".", "nets.py/"])
def test_a_path_in_quotes_is_a_python_file(path: str) -> None:
    assert codes(f'from "{path}" import system') == ["CS217"]


def test_a_file_named_like_a_standard_module_is_that_file_only_in_quotes(elsewhere: Path) -> None:
    (elsewhere / "os.py").write_text("def system(w): ...\n")
    spec = elsewhere / "q.cspec"
    spec.write_text("from os import system\nvar x = 1\nminimize x^2\n")
    (error,) = (d for d in check(read(spec)[0]).diagnostics if d.severity == "error")
    assert error.code == "CS218"
    assert 'from "os.py" import system' in error.helps[0]
    spec.write_text('from "os.py" import system\nvar x = 1\nminimize x^2\n')
    assert not any(d.severity == "error" for d in check(read(spec)[0]).diagnostics)


def test_a_package_announces_itself_and_no_module_of_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "site" / "rates-1.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rates\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[cspec.functions]\na = rates.stats\nb = subprocess\n")
    assert codes("from rates.nets import Net") == ["CS218"]
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert codes("from rates.nets import Net") == []
    assert codes("from subprocess import run") == ["CS218"]


def test_the_users_pyproject_is_the_one_above_the_current_directory(
    tmp_path: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "pyproject.toml").write_text('[tool.cspec]\ntrust = ["os"]\n')
    spec = foreign / "q.cspec"
    spec.write_text("from os import system\nvar x = 1\nminimize x^2\n")
    assert [d.code for d in check(read(spec)[0]).diagnostics if d.code == "CS218"]
    (tmp_path / "pyproject.toml").write_text('[tool.cspec]\ntrust = ["scipy"]\n')
    assert codes("from scipy.special import erf") == []
    (elsewhere / "pyproject.toml").write_text("[project]\nname = 'nearer'\n")
    assert codes("from scipy.special import erf") == ["CS218"]


@pytest.mark.parametrize("content", ["trust = 3", 'trust = "os"', "trust = [1]", "trust = [", "= "])
def test_a_pyproject_that_can_not_be_read_trusts_nobody_and_says_so(
    elsewhere: Path, content: str
) -> None:
    (elsewhere / "pyproject.toml").write_text(f"[tool.cspec]\n{content}\n")
    (error,) = found("from os import system")
    assert any("pyproject.toml" in note for note in error.notes)


@pytest.mark.skipif(os.name != "posix", reason="permissions of posix")
def test_a_pyproject_that_everybody_may_write_is_passed_over(elsewhere: Path) -> None:
    path = elsewhere / "pyproject.toml"
    path.write_text('[tool.cspec]\ntrust = ["os"]\n')
    path.chmod(0o644)
    assert user_trust().names == ("os",)
    path.chmod(0o666)
    assert user_trust().names == ()
    assert "others than you may write" in (user_trust().problem or "")
