"""The cell magic, in a shell without a kernel; and once in a real one."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from IPython.core.interactiveshell import InteractiveShell

import cspec
from cspec import notebook
from cspec.runtime.result.result import Result

CELL = "minimize ce\ns.t. small: forall W in model.weights: sumsq(W) <= eps\nfit(epochs=1)\n"


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    InteractiveShell.clear_instance()
    made = InteractiveShell.instance()
    shown: list[Any] = []

    def display(item: Any, **_: Any) -> Any:
        shown.append(item)

        class Handle:
            def update(self, again: Any) -> None:
                shown.append(again)

        return Handle()

    monkeypatch.setattr(notebook, "display", display)
    notebook.load_ipython_extension(made)
    x = torch.randn(20, 4, generator=torch.Generator().manual_seed(0))
    made.user_ns |= {"model": torch.nn.Linear(4, 2), "data": {"x": x, "y": (x[:, 0] > 0).long()}}
    made.shown = shown
    yield made
    made.history_manager.end_session()
    InteractiveShell.clear_instance()


def run(shell: Any, line: str, cell: str) -> Any:
    return shell.run_cell_magic("cspec", line, cell)


def html(shell: Any) -> str:
    return "".join(item._repr_html_() for item in shell.shown if hasattr(item, "_repr_html_"))


def test_names_come_from_the_notebook_and_the_result_goes_there(shell: Any) -> None:
    assert run(shell, "result --set eps=0.3", "param eps = 0.1\n" + CELL) is None
    result = shell.user_ns["result"]
    assert isinstance(result, Result) and result.model is shell.user_ns["model"]
    assert result.constraints[0].bound == pytest.approx(0.3)
    assert shell.shown[-1] is result


def test_a_folder_knows_what_it_needs_from_the_notebook(shell: Any, tmp_path: Path) -> None:
    """What `verify` asks for in another session: params as they were, objects by their names."""
    shell.user_ns["eps"] = 0.25
    run(shell, f"--out '{tmp_path / 'run'}'", "param eps\n" + CELL)
    told = json.loads((tmp_path / "run" / "command.json").read_text())
    assert told["params"] == {"eps": 0.25}
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    assert manifest["origins"]["objects"] == ["data", "model"]


def test_a_param_without_a_value_is_a_name_too(shell: Any) -> None:
    shell.user_ns["eps"] = 0.25
    result = run(shell, "", "param eps\n" + CELL)
    assert result.constraints[0].bound == pytest.approx(0.25)


def test_results_render_as_tables(shell: Any) -> None:
    result = run(shell, "--set eps=0.3", "param eps = 0.1\n" + CELL)
    formatters = shell.display_formatter.formatters
    page = formatters["text/html"](result)
    assert "<table>" in page and "small[weight]" in page
    assert "requirement" in formatters["text/plain"](result)


def test_results_of_python_render_too(shell: Any) -> None:
    names = {name: shell.user_ns[name] for name in ("model", "data")}
    result = cspec.run("minimize ce\nfit(epochs=1)", **names)
    assert "no requirements" in shell.display_formatter.formatters["text/html"](result)


def test_mistakes_are_shown_without_traceback(shell: Any) -> None:
    assert run(shell, "", "minimize ce s.t. density(model) <= 50 & <b>") is None
    assert "error" in html(shell) and "&lt;b&gt;" in html(shell)
    assert "Traceback" not in html(shell)
    # IPython in a terminal shows the text.
    assert repr(shell.shown[0]).startswith("error[CS")
    shell.shown.clear()
    del shell.user_ns["model"], shell.user_ns["data"]
    assert run(shell, "", "minimize ce") is None
    assert "`model` is not bound" in html(shell) and "`data` is not bound" in html(shell)


@pytest.mark.parametrize("line", ["--nonsense 3", "1x", "a b", "--seed x", "--help"])
def test_a_bad_line_is_a_usage_error(shell: Any, line: str) -> None:
    with pytest.raises(notebook.UsageError):
        run(shell, line, "minimize ce")


def test_the_line_keeps_brackets_and_quotes_together() -> None:
    assert notebook.split("r --bind model=mlp(hidden=[8, 8])  --out 'a b'") == [
        "r", "--bind", "model=mlp(hidden=[8, 8])", "--out", "a b",
    ]  # fmt: skip


@pytest.mark.slow
def test_a_real_kernel_runs_the_magic() -> None:
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.v4.new_notebook()
    cells = (
        "%load_ext cspec",
        "import torch\nx = torch.randn(20, 4)\ndata = {'x': x, 'y': (x[:, 0] > 0).long()}\n"
        "model = torch.nn.Linear(4, 2)",
        "%%cspec result --set eps=0.3\nparam eps = 0.1\n" + CELL,
        "result.status",
    )
    book.cells = [nbformat.v4.new_code_cell(text) for text in cells]
    NotebookClient(book, timeout=None, kernel_name="python3").execute()
    shown = [output for output in book.cells[2].outputs if "data" in output]
    assert any("<table>" in output["data"].get("text/html", "") for output in shown)
    assert "satisfied" in book.cells[3].outputs[0]["data"]["text/plain"]
