"""What a spec says that a loop of the user's own decides, and what such a loop leaves open."""

from collections.abc import Iterable, Iterator

from cspec.compiler.choose.schedule import OWN_LOOP_EPOCH, OWN_LOOP_STEPS
from cspec.compiler.choose.strategy import GATE_BUDGET
from cspec.compiler.methods.gate_decisions import DECIDED
from cspec.compiler.methods.projection import course_of
from cspec.compiler.methods.pruning import LAYER_FLOOR
from cspec.compiler.records.facts import Facts, OwnLoop
from cspec.compiler.records.lowered import Lowered
from cspec.dsl.check import Checked
from cspec.dsl.settings.methods import Lagrangian
from cspec.dsl.tree.nodes import Call, Fit, Metric, Stop, Verify
from cspec.dsl.tree.rebuild import calls_of


def loop_notes(checked: Checked, lowered: Lowered, facts: Facts) -> tuple[str, ...]:
    """One line for each clause without effect, and for each length that had to be assumed."""
    loop = facts.own_loop or OwnLoop()
    return (
        *_without_effect(checked),
        *_orders(lowered),
        *_ramps(checked, lowered, loop),
        *_epochs(checked, lowered),
        *_gates(facts, loop),
    )


def _without_effect(checked: Checked) -> Iterator[str]:
    for item in checked.spec.items:
        text = " ".join(checked.source.slice(item.span).split())
        match item:
            case Fit():
                yield f"`{text}` has no effect here: optimizer, batches and steps are your loop's"
            case Verify(dataset=dataset, confidence=confidence):
                data = dataset or "data"
                issued = "" if confidence is None else ", which issues no certificate"
                call = f"`handle.verify({data})`"
                yield f"`{text}` has no effect here: call {call} where it is due{issued}"
            case Stop():
                yield f"`{text}` has no effect here: your loop ends by itself"
            case Metric(name=name):
                yield f"metric `{name}` is not recorded here: `handle.evaluate(data)` computes it"


def _orders(lowered: Lowered) -> Iterator[str]:
    """An order of the players that was asked for, and is another one here."""
    for rule in lowered.rules:
        settings = rule.rule.settings
        if not isinstance(settings, Lagrangian) or not settings.given("order"):
            continue
        if settings.order in ("dual_first", "primal_first"):
            yield (
                f"`order={settings.order}` has no effect here: model and multipliers move from the "
                "same measurement (`order=simultaneous`)"
            )


def _ramps(checked: Checked, lowered: Lowered, loop: OwnLoop) -> Iterator[str]:
    """Counts and bounds that move along the run."""
    ramped = [
        (action.constraints[0].label, found)
        for action in lowered.actions
        if (found := course_of(action)).ramp
    ]
    if loop.steps is None:
        for label, found in ramped:
            yield (
                f"`{label}`: the share that is kept shrinks to its bound between optimizer steps "
                f"{round(found.warmup * OWN_LOOP_STEPS):,} and "
                f"{round(found.end * OWN_LOOP_STEPS):,}, as in a loop of "
                f"{OWN_LOOP_STEPS:,}, and every layer keeps at least {LAYER_FLOOR:.0%} of it; say "
                "how many steps yours takes: bind(..., steps=N)"
            )
        if not ramped and any(not call.keywords for call in _calls(checked, "ramp")):
            yield (
                f"`ramp` spans {OWN_LOOP_STEPS:,} optimizer steps; say how many your loop takes: "
                "bind(..., steps=N)"
            )


def _calls(checked: Checked, word: str) -> Iterable[Call]:
    return (node for item in checked.elaborated.items for node in calls_of(item, (word,)))


def _epochs(checked: Checked, lowered: Lowered) -> Iterator[str]:
    """What waits for the end of an epoch."""
    waiting = [
        rule.rule.name
        for rule in lowered.rules
        for operation in rule.fragment.operations
        if operation.trigger.unit == "epoch"
    ]
    by_epochs = any(k.name == "epochs" for call in _calls(checked, "ramp") for k in call.keywords)
    if not waiting and not by_epochs:
        return
    what = [*dict.fromkeys(waiting), *(["ramp(..., epochs=...)"] if by_epochs else [])]
    yield (
        f"{', '.join(what)}: an epoch is {OWN_LOOP_EPOCH} optimizer steps here; call "
        "`handle.end_epoch()` where yours ends, and it is yours"
    )


def _gates(facts: Facts, loop: OwnLoop) -> Iterator[str]:
    """Gates travel by the learning rate of the loop's own optimizer."""
    if not facts.gated:
        return
    steps = loop.steps or OWN_LOOP_STEPS
    assumed = (
        ""
        if loop.steps
        else ", as in a loop whose length isn't said; with bind(..., steps=N) gates are decided "
        f"at {DECIDED:.0%} of it, as many open as bounds allow"
    )
    yield (
        f"gates travel about 8 to shut: plan for steps x learning rate of {GATE_BUDGET:g} for "
        f"`*log_alpha` (Adam with lr = {GATE_BUDGET / steps:.2g} in {steps:,} steps{assumed})"
    )
