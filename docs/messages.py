"""The messages that the pages of codes show where a check alone does not give them.

    python docs/messages.py

runs the commands of `dsl/messages/pages/later_examples.py`, each in a folder of its own, and writes
what they say into `interface/reading/page_messages.py`, which
`tests/interface/reading/test_code_examples.py` holds to the runs.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from blocks import DOCS, Command, output, quiet

from cspec.dsl.messages.pages.all import CODES
from cspec.dsl.messages.pages.later_examples import EXAMPLES

TARGET = DOCS.parent / "interface" / "reading" / "page_messages.py"
_HEAD = '''# ruff: noqa: E501
"""What the wrong examples of run-time codes say: written by `python docs/messages.py`."""

MESSAGES: dict[str, tuple[str, ...]] = {
'''


def message(code: str, text: str) -> tuple[str, ...]:
    """The lines of the message with a code in what a command printed; else those that name it."""
    head = rf"^(?:error|warning|note)\[{code}\].*?(?=\n\n|\n(?:error|warning|note)\[|\Z)"
    found = re.search(head, text, re.DOTALL | re.MULTILINE)
    if found:
        return tuple(found[0].rstrip().split("\n"))
    return tuple(line.strip() for line in text.split("\n") if code in line)


def said(code: str) -> tuple[str, ...]:
    """What the wrong example of a code says."""
    page = CODES[code]
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "spec.cspec").write_text(page.wrong, encoding="utf-8")
        for name, text in page.files.items():
            Path(folder, name).write_text(text, encoding="utf-8")
        text = "\n".join(output(Command(f"cspec {c}", ""), Path(folder)) for c in page.commands)
    return message(code, text)


def write() -> None:
    """Bring the messages up to date."""
    quiet()
    lines = [_HEAD]
    for code in EXAMPLES:
        lines.append(f"    {code!r}: (\n")
        lines += [f"        {line!r},\n" for line in said(code)]
        lines.append("    ),\n")
    lines.append('}\n"""Message lines by code."""\n')
    TARGET.write_text("".join(lines).replace("'CS", '"CS').replace("':", '":'), encoding="utf-8")


if __name__ == "__main__":
    write()
