"""Whole runs of hand-written programs."""

import json
import math
import signal
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import load_file

from cspec.compiler.emit.setup import WORDS, write_record, write_setup
from cspec.compiler.emit.writer import Writer
from cspec.compiler.records.program import Program, VerifyFacts
from cspec.dsl.messages.diagnostic import SpecError
from cspec.dsl.settings.base import Every
from cspec.dsl.settings.fit import LbfgsOptimizer
from cspec.runtime.bind.bind import bind, inputs_of
from cspec.runtime.run.execute import load_module, resume, run
from cspec.runtime.run.folder import RunFolder
from cspec.runtime.run.script import main
from cspec.runtime.session import checkpoint
from cspec.runtime.session.session import Session

Make = Callable[..., Program]


def go(program: Program, **settings):
    seed = settings.get("seed", program.fit["seed"])
    return run(program, bind(inputs_of(program), seed=seed), **settings)


def go_on(program: Program, out: Path):
    bound = bind(inputs_of(program), seed=0)
    return resume(RunFolder.open(out), program, bound, seed=program.fit["seed"])


def test_variable_reaches_its_optimum_multiplier_and_price(variable_program: Make) -> None:
    result = go(variable_program(steps=3000))
    low = result["low"]
    assert result.last is not None
    assert float(result.last.tensors["x"]) == pytest.approx(1.0, abs=1e-6)
    assert low.multiplier == pytest.approx(2.0, abs=1e-4)
    # Raising the bound 1 by t gives the objective (1 + t)^2: the price is +2.
    assert low.sensitivity == pytest.approx(2.0, abs=1e-4)
    assert low.dual_state == "active"
    assert result.status == "satisfied" and result.exit_code == 0
    assert result.vars["x"] == pytest.approx(1.0, abs=1e-5)
    assert result.termination == "completed" and result.steps == 3000 and result.epochs == 30


def test_far_from_stationary_there_is_no_price_and_no_verdict_in_favor(
    variable_program: Make,
) -> None:
    source = variable_program().source.replace("torch.tensor(1.0))", "torch.tensor(50.0))")
    result = go(variable_program(source, steps=5))
    assert result["low"].sensitivity is None
    assert not result["low"].satisfied
    assert (result.status, result.exit_code) == ("violated", 3)


def test_digits_meet_the_density_and_the_result_is_json(digits_program: Make) -> None:
    result = go(digits_program(epochs=8))
    assert result["c1"].value <= 0.5 and result.status == "satisfied"
    assert result.metrics["accuracy"] > 0.85
    line = json.loads(result.to_json())
    assert line["type"] == "result" and line["constraints"][0]["name"] == "c1"
    assert set(line) >= {"spec", "status", "termination", "objective", "vars", "metrics", "out"}
    density = sum(
        float((layer.weight * layer.deployed_gate() != 0).sum())
        for layer in result.model.modules()
        if hasattr(layer, "log_alpha")
    ) / sum(l.weight.numel() for l in result.model.modules() if hasattr(l, "log_alpha"))
    assert density == result["c1"].value


def test_best_is_feasible_where_the_last_iterate_is_not(variable_program: Make) -> None:
    # The multiplier is switched off after half the run, so x falls back to 0.
    source = variable_program().source.replace(
        "        ascend(state, true)\n",
        "        ascend(state, true)\n"
        "        if session.progress > 0.5:\n"
        '            state["multipliers"] = torch.zeros(1, dtype=torch.float64)\n',
    )
    result = go(variable_program(source, steps=2000))
    assert result.last is not None and result.best is not None
    assert not result.last.feasible and result.best.feasible
    assert result.status == "satisfied" and result.vars["x"] >= 1 - 1e-6
    assert result["low"].multiplier == float(result.best.state["multipliers"])


def test_runs_repeat_to_the_bit_and_progress_changes_nothing(digits_program: Make) -> None:
    seen: list[int] = []
    first = go(digits_program(epochs=2))
    second = go(digits_program(epochs=2), on_progress=lambda p: seen.append(p["step"]))
    assert seen
    assert first.last is not None and second.last is not None
    for name, tensor in first.last.tensors.items():
        assert torch.equal(tensor, second.last.tensors[name]), name


def test_verification_leaves_training_untouched(digits_program: Make) -> None:
    program = digits_program(epochs=2)
    often = program.model_copy(
        update={"verify": (VerifyFacts(dataset="test", every=Every(3, "step")),)}
    )
    source = program.source.replace(
        "        if session.epoch_ended:",
        "        session.verify()\n        if session.epoch_ended:",
    )
    plain, watched = go(program), go(often.model_copy(update={"source": source}))
    assert plain.last is not None and watched.last is not None
    for name, tensor in plain.last.tensors.items():
        assert torch.equal(tensor, watched.last.tensors[name]), name


@pytest.mark.parametrize("step", [1, 17, 33])
def test_interrupted_and_resumed_gives_the_same_bits(
    digits_program: Make, tmp_path: Path, step: int
) -> None:
    program = digits_program(epochs=2)
    whole = go(program)
    stop = program.source.replace(
        "        session.record(f, true)",
        f"        session.record(f, true)\n        if session.step == {step} and STOP:\n"
        "            import os, signal\n            os.kill(os.getpid(), signal.SIGTERM)",
    )
    out = tmp_path / "run"
    before = signal.getsignal(signal.SIGTERM)
    cut = go(program.model_copy(update={"source": "STOP = True\n" + stop}), out=out)
    assert signal.getsignal(signal.SIGTERM) is before
    assert (cut.status, cut.exit_code, cut.steps) == ("interrupted", 130, step)
    assert (out / "report.json").is_file() and (out / "model.safetensors").is_file()
    torch.manual_seed(987)
    again = go_on(program.model_copy(update={"source": "STOP = False\n" + stop}), out)
    assert again.steps == whole.steps and again.status == whole.status
    assert whole.last is not None and again.last is not None
    for name, tensor in whole.last.tensors.items():
        assert torch.equal(tensor, again.last.tensors[name]), name
    assert torch.equal(whole.last.state["multipliers"], again.last.state["multipliers"])
    assert whole.history == again.history
    assert whole["c1"] == again["c1"]


def test_a_damaged_checkpoint_is_refused_and_the_one_before_is_used(
    variable_program: Make, tmp_path: Path
) -> None:
    program, out = variable_program(steps=200), tmp_path / "run"
    whole = go(program, out=out)
    newest = sorted((out / "checkpoints").iterdir())[-1] / "tensors.safetensors"
    content = bytearray(newest.read_bytes())
    content[-1] ^= 1
    newest.write_bytes(content)
    again = go_on(program, out)
    assert any("damaged" in note for note in again.notes)
    assert again.vars == whole.vars
    for folder in (out / "checkpoints").iterdir():
        (folder / "manifest.json").write_text("{")
    with pytest.raises(SpecError, match="no usable checkpoint"):
        go_on(program, out)


@pytest.mark.parametrize(("takes", "written"), [(0.0, 20), (1.0, 2)])
def test_checkpoints_cost_a_small_share_of_a_run(
    variable_program: Make,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    takes: float,
    written: int,
) -> None:
    """One at the first of 20 marks, then as the time allows that one takes; one at the end."""
    now, names = [0.0], []
    save = checkpoint.save

    def slow(folder: Path, tree):
        now[0] += takes
        names.append(folder.name)
        return save(folder, tree)

    clock = SimpleNamespace(monotonic=lambda: now[0])
    monkeypatch.setattr("cspec.runtime.run.folder.time", clock)
    monkeypatch.setattr("cspec.runtime.session.checkpoint.save", slow)
    program = variable_program(steps=200)
    go(program, out=tmp_path / "run")
    assert len(names) == written
    assert (names[0], names[-1]) == ("step-000000010", "step-000000200")


def test_a_few_bad_gradients_are_skipped_and_many_end_the_run(variable_program: Make) -> None:
    source = variable_program().source

    def bad_when(condition: str) -> Program:
        line = "        loss = combine(f, g, true, state)\n"
        return variable_program(
            source.replace(
                line, f"{line}        if {condition}:\n            loss = loss * float('nan')\n"
            )
        )

    few = go(bad_when("session.step in (5, 6, 700)"))
    assert few.skipped_steps == 3 and few.status == "satisfied"
    many = go(bad_when("session.step > 300"))
    assert (many.status, many.exit_code) == ("nonfinite", 5)
    assert many.steps < 330 and math.isfinite(many.vars["x"])


def test_an_unmeasured_constraint_is_not_satisfied(variable_program: Make) -> None:
    source = variable_program().source.replace(
        '(primal["x"].sum(), torch.tensor(1.0))', '(torch.tensor(float("nan")), torch.tensor(1.0))'
    )
    result = go(variable_program(source, steps=100))
    assert not result["low"].satisfied and result.exit_code == 3
    assert any("low" in note and "NaN" in note for note in result.notes)
    assert json.loads(result.to_json())["constraints"][0]["value"] is None


def test_an_error_in_the_model_points_at_its_constraint(variable_program: Make) -> None:
    source = variable_program().source.replace("torch.stack([1.0 - x.sum()])", "x.reshape(3, 5)")
    place = next(i for i, line in enumerate(source.splitlines(), 1) if "x.reshape(3, 5)" in line)
    program = variable_program(source).model_copy(update={"lines": ((place, "low"),)})
    with pytest.raises(SpecError, match="`low` can't be computed") as caught:
        go(program)
    (found,) = caught.value.diagnostics
    assert found.source is not None and found.source.slice(found.span) == "s.t. low: x >= 1"


def _said(program: Program) -> str:
    """`setup` and `record` as a file has them."""
    writer, used = Writer(), set[str]()
    write_setup(program, writer, used, steps=True)
    write_record(program, {}, writer, used)
    return f"from cspec.runtime.setup import {', '.join(sorted(used & WORDS))}\n{writer.text()}"


def test_the_file_run_on_its_own_gives_the_bits_of_run(
    digits_program: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = digits_program(epochs=1)
    path = tmp_path / "train.py"
    program = program.model_copy(update={"source": program.source + _said(program)})
    path.write_text(program.source)
    namespace = {"__name__": "script", "__file__": str(path)}
    exec(compile(program.source, str(path), "exec"), namespace)
    code = main(namespace, ["--json", "--out", str(tmp_path / "own")])
    own = json.loads(capsys.readouterr().out)
    whole = go(program, out=tmp_path / "run")
    assert code == whole.exit_code
    assert own["objective"] == whole.objective
    assert own["constraints"] == json.loads(whole.to_json())["constraints"]
    chosen = (tmp_path / "own/model.safetensors").read_bytes()
    assert chosen == (tmp_path / "run/model.safetensors").read_bytes()


def test_stop_when_ends_early(variable_program: Make) -> None:
    check = "session.feasible(1e-3) and session.stalled(epochs=2)"
    source = variable_program().source.replace(
        "session.verify()", f"session.verify()\n            if {check}:\n                break"
    )
    result = go(variable_program(source, steps=5000))
    assert result.termination == "stop condition" and result.steps < 4000
    assert result.vars["x"] == pytest.approx(1.0, abs=1e-2)


def test_a_run_that_fails_keeps_its_best_parameters(variable_program: Make, tmp_path: Path) -> None:
    fail = "        if session.step == 450:\n            raise OSError('gone')\n"
    line = "        ascend(state, true)\n"
    source = variable_program().source.replace(line, line + fail)
    with pytest.raises(SpecError, match="gone") as caught:
        go(variable_program(source), out=tmp_path / "run")
    assert any("best parameters so far" in note for note in caught.value.diagnostics[0].notes)
    assert load_file(tmp_path / "run/model.safetensors")["x"].item() == pytest.approx(1, abs=0.3)


def test_lbfgs_resumes_to_the_same_bits(variable_program: Make, tmp_path: Path) -> None:
    loop = variable_program().source
    start, end = loop.index("        loss = combine"), loop.index("        session.schedule")
    closure = """        def closure():
            optimizer.zero_grad()
            f, g, true = measure(primal, batch)
            loss = combine(f, g, true, state) + (primal["x"] ** 4).sum()
            loss.backward()
            return loss
        optimizer.step(closure)
        if session.step == 30 and STOP:
            session.interrupted = True
"""
    source = loop[:start] + closure + loop[end:]
    fit = {"optimizer": (LbfgsOptimizer(max_iter=2, lr=0.1),), "steps": 60}
    whole = go(variable_program("STOP = False\n" + source, **fit))
    cut = go(variable_program("STOP = True\n" + source, **fit), out=tmp_path / "run")
    assert cut.steps == 30 and cut.status == "interrupted"
    again = go_on(variable_program("STOP = False\n" + source, **fit), tmp_path / "run")
    assert whole.last is not None and again.last is not None
    assert torch.equal(whole.last.tensors["x"], again.last.tensors["x"])
    assert whole.history == again.history


def test_steps_between_verifications_are_counted_in_steps(variable_program: Make) -> None:
    program = variable_program(steps=250).model_copy(
        update={"verify": (VerifyFacts(every=Every(70, "step")),)}
    )
    session = Session(program, bind(inputs_of(program)), load_module(program), seed=0)
    session.module["train"](session)
    assert [item.step for item in session.measured] == [70, 140, 210, 250]
    assert session.progress == 1.0 and session.epoch == 3
