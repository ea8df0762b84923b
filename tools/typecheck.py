"""mypy --strict on the package as it is installed.

Type checkers do not see setuptools' mapping of `interface/` to `cspec` and `dsl/` to `cspec.dsl`,
so a tree of links shows them the package as Python does. Run: python tools/typecheck.py
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LAYERS = ("grammars", "dsl", "compiler", "runtime")
TREE = ROOT / ".mypy_cache" / "tree"


def link_tree(tree: Path) -> None:
    """`tree/cspec`: every module of `interface/` and every layer, as links."""
    package = tree / "cspec"
    package.mkdir(parents=True, exist_ok=True)
    for old in package.iterdir():
        old.unlink()
    for entry in sorted((ROOT / "interface").iterdir()):
        if entry.name != "__pycache__":
            (package / entry.name).symlink_to(entry)
    for layer in LAYERS:
        (package / layer).symlink_to(ROOT / layer)


def as_in_repository(line: str) -> str:
    """Paths of mypy's messages as they are in the repository."""
    found = re.match(r"(?:.*/)?cspec/(?P<path>[^:]+)(?P<rest>:.*)", line)
    if found is None:
        return line
    path = found["path"]
    home = path if path.split("/")[0] in LAYERS else f"interface/{path}"
    return f"{home}{found['rest']}"


def main() -> int:
    """mypy's exit code."""
    link_tree(TREE)
    command = [sys.executable, "-m", "mypy", "--strict", "-p", "cspec"]
    command += ["--config-file", str(ROOT / "pyproject.toml")]
    command += ["--cache-dir", str(ROOT / ".mypy_cache"), *sys.argv[1:]]
    run = subprocess.run(
        command,
        cwd=TREE,
        env={**os.environ, "MYPYPATH": str(TREE)},
        capture_output=True,
        text=True,
        check=False,
    )
    for line in run.stdout.splitlines():
        print(as_in_repository(line))
    sys.stderr.write(run.stderr)
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
