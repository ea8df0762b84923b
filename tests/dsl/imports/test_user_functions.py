"""Imported Python files are read as text: what a spec learns of its functions, and refuses."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cspec.dsl.check import Checked, check
from cspec.dsl.imports.functions import outline
from cspec.dsl.parsing.files import read

HELPERS = '''
import math
import cspec
from cspec import function as declare
raise RuntimeError("a check never runs this")

@cspec.function(range=(0, 1), gradient=False, surrogate="soft_share")
def share(w):
    """Share of the positive entries."""

def soft_share(w): ...

@cspec.function(range=(0, 1), gradient=False)
def flat(w, scale=1.0): ...

@declare(range=(-math.inf, 0), kinds=("weights",))
def score(w): ...

@cspec.function(range=(0, math.inf))
def size(x): ...

def plain(w): ...

class Net: ...
'''


def checked(folder: Path, constraint: str, imported: str = "share") -> Checked:
    """`from "helpers.py" import IMPORTED` with one constraint, on a vector `w`."""
    if not (folder / "helpers.py").exists():
        (folder / "helpers.py").write_text(HELPERS)
    path = folder / "a.cspec"
    path.write_text(
        f'from "helpers.py" import {imported}\n'
        f"var w[3] = 0.5\nminimize sumsq(w - 1)\ns.t. a: {constraint}\n"
    )
    source, found = read(path)
    assert found == ()
    return check(source)


def codes(found: Checked) -> list[str]:
    return [d.code for d in found.diagnostics]


@pytest.mark.parametrize(
    ("constraint", "imported", "expected"),
    [
        ("share(w) <= 70%", "share", []),
        ("share(w) <= 50", "share", ["CS311"]),
        ("share(w) >= 2", "share", ["CS311"]),
        ("share(w) >= 0", "share", ["CS328"]),
        ("s(w) <= 50", "share as s", ["CS311"]),
        ("score(w) >= 1", "score", ["CS311"]),
        ("score(3) <= -1", "score", ["CS309"]),
        ('score("w") <= -1', "score", ["CS302"]),
        ("share(w, w) <= 50%", "share", ["CS301"]),
        ("flat(w) <= 50%", "flat", ["CS310"]),
        ("flat(w) <= 50% with surrogate sumsq(w)", "flat", []),
        ("flat(w, 2) + sumsq(w) <= 1", "flat", []),
        ("flat() <= 50%", "flat", ["CS301"]),
        ("plain(w) <= 50", "plain", []),
        ("shrae(w) <= 50%", "shrae", ["CS217"]),
    ],
)
def test_what_is_declared_is_checked(
    tmp_path: Path, constraint: str, imported: str, expected: list[str]
) -> None:
    assert codes(checked(tmp_path, constraint, imported)) == expected


def test_nothing_is_imported(tmp_path: Path) -> None:
    before = set(sys.modules)
    checked(tmp_path, "share(w) <= 70%")
    assert not [m for m in set(sys.modules) - before if "helpers" in m]


def test_notes_say_what_is_not_known(tmp_path: Path) -> None:
    found = checked(tmp_path, "plain(w) + share(w) <= 70%", "plain, share")
    meant = {n.written: n.meaning for n in found.notes}
    assert meant["plain"] == "a function of unknown range and gradient"
    assert meant["share"] == "share with the gradient of soft_share"


def test_a_typing_mistake_has_a_fix(tmp_path: Path) -> None:
    (found,) = checked(tmp_path, "shrae(w) <= 50%", "shrae").diagnostics
    assert found.helps == ("did you mean `share`?",)
    assert found.fixes[0].replacement == "share"


@pytest.mark.parametrize(
    ("decorator", "says"),
    [
        ("range=(1, 0)", "is empty"),
        ("range=(0, N)", "`range` would have to be computed"),
        ("rnge=(0, 1)", "no setting `rnge`"),
        ("gradient=0", "neither True nor False"),
        ("surrogate='g'", "a gradient and a surrogate"),
        ("gradient=False, surrogate='nothing'", "`nothing` is not defined"),
        ("gradient=False, surrogate=two", "takes 2 arguments, not 1"),
        ("result='vector'", "`result` is 'vector'"),
        ("kinds=('weights', 'weights')", "2 words for 1 argument"),
    ],
)
def test_decorators_that_say_nothing_sensible(tmp_path: Path, decorator: str, says: str) -> None:
    (tmp_path / "helpers.py").write_text(
        f"import cspec\nN = 3\ndef two(a, b): ...\n@cspec.function({decorator})\ndef f(w): ...\n"
    )
    (found,) = checked(tmp_path, "f(w) <= 1", "f").diagnostics
    assert found.code == "CS214"
    assert says in found.notes[0]
    assert found.helps


@pytest.mark.parametrize("path", ["../helpers.py", "/etc/passwd.py", "sub/../../helpers.py"])
def test_files_outside_the_folder_are_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "helpers.py").write_text("raise SystemExit")
    spec = tmp_path / "inner" / "a.cspec"
    spec.write_text(f'from "{path}" import f\nvar w = 1\nminimize f(w)\n')
    assert codes(check(read(spec)[0])) == ["CS216"]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "helpers.py").write_text("def f(w): ...")
    (tmp_path / "inner" / "here.py").symlink_to(tmp_path / "helpers.py")
    spec = tmp_path / "inner" / "a.cspec"
    spec.write_text('from "here.py" import f\nvar w = 1\nminimize f(w)\n')
    assert codes(check(read(spec)[0])) == ["CS216"]


@pytest.mark.parametrize("content", [b"def (:", b"\x00", b"\xff\xfe", b"(" * 5000])
def test_files_that_are_no_python(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "helpers.py").write_bytes(content)
    assert codes(checked(tmp_path, "f(w) <= 1", "f")) == ["CS214"]


def test_a_missing_file_is_a_warning_until_the_run(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("")
    spec = tmp_path / "a.cspec"
    spec.write_text('from "helper.py" import f\nvar w = 1\nminimize f(w)\n')
    (found,) = check(read(spec)[0]).diagnostics
    assert (found.code, found.severity) == ("CS217", "warning")
    assert found.helps == ("did you mean `helpers.py`?",)


def test_names_behind_a_star_are_not_missed(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("from math import *\n")
    assert codes(checked(tmp_path, "f(w) <= 1", "f")) == []


def test_names_defined_in_branches_are_seen() -> None:
    text = (
        "try:\n  import a.b as c\nexcept E:\n  c = d = None\nif 1:\n  def f(x): ...\nx: int = 1\n"
    )
    assert outline(text).names == {"c", "d", "f", "x"}


def test_an_announced_module_of_a_package_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "site" / "myrates"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise SystemExit")
    (package / "stats.py").write_text(HELPERS)
    info = tmp_path / "site" / "myrates-1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: myrates\nVersion: 1\n")
    (info / "entry_points.txt").write_text("[cspec.functions]\nrates = myrates.stats\n")
    spec = tmp_path / "a.cspec"
    spec.write_text(
        "from myrates.stats import share\nvar w[3] = 1\nminimize sumsq(w)\ns.t. share(w) <= 50\n"
    )
    assert codes(check(read(spec)[0])) == ["CS218"]
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    assert codes(check(read(spec)[0])) == ["CS311"]
    assert "myrates" not in sys.modules
