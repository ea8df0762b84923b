"""Projection: after each step every parameter goes to the nearest member of its set.

    W <- P_S(W)        Bertsekas 1976; counts by a cubic ramp (`compiler/methods/pruning`)

`runtime/steps/projection.py` has the metric, and what several sets on one parameter do.
"""

from collections.abc import Iterable

from cspec.compiler.expressions.rewrite import number
from cspec.compiler.expressions.text import set_expression, text
from cspec.compiler.methods.pruning import Course, course, floor_of, moving
from cspec.compiler.methods.set_targets import set_operation
from cspec.compiler.records.fragment import Around
from cspec.compiler.records.graph import Kind
from cspec.compiler.records.lowered import Lowered, SetAction
from cspec.compiler.records.problem import SetMember
from cspec.compiler.records.program import VariableSetup
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.settings.base import STEP
from cspec.dsl.settings.methods import Projection
from cspec.dsl.tree.nodes import Expr, Name, Negate
from cspec.dsl.words.sets import COUNTS


def projects(action: SetAction) -> bool:
    """Whether an action is a projection."""
    return isinstance(action.settings, Projection)


def projections(actions: Iterable[SetAction]) -> list[SetAction]:
    """The actions that are projections, in order."""
    return [action for action in actions if projects(action)]


def settings_of(action: SetAction) -> Projection:
    """The settings of a projection."""
    assert isinstance(action.settings, Projection)
    return action.settings


def each_step(action: SetAction) -> bool:
    """Whether an action is a projection after every step."""
    return projects(action) and settings_of(action).every == STEP


def course_of(action: SetAction) -> Course:
    """How a projected count comes to its bound; of other methods nothing waits or shrinks."""
    return course(settings_of(action), action.set) if projects(action) else Course()


def way_onto(action: SetAction) -> str:
    """How a projection comes onto `stiefel`, where a spec says another way than the usual."""
    if action.set.word != "stiefel" or not projects(action):
        return ""
    by = settings_of(action).stiefel
    return "" if by == Projection().stiefel else by


def projection(action: SetAction, lowered: Lowered) -> Around:
    """The projection onto the set, after the optimizer's step.

    Raises:
        SpecError: settings that it can't follow.
    """
    settings = settings_of(action)
    _require_schedule(action, settings, lowered)
    found = course(settings, action.set)
    options: dict[str, float] = {"warmup": found.warmup} if found.warmup else {}
    operation = set_operation(
        action,
        Kind.PROJECT,
        "project",
        text(set_expression(action.set)),
        _projection_meaning(found) + floor_of(action),
        trigger=settings.every,
        options=options | ({"freeze": 1.0} if found.freeze else {}),
    )
    return Around(after=(operation,))


def _projection_meaning(found: Course) -> str:
    begun = f"once {found.warmup:.0%} of the run are over, " if found.warmup else ""
    ramp = f", which shrinks to its bound until {found.end:.0%}" if found.ramp else ""
    kept = "; at its bound the entries kept stay the same" if found.freeze else ""
    return f"{begun}W <- the nearest member of the set{ramp}{kept}"


def _require_schedule(action: SetAction, settings: Projection, lowered: Lowered) -> None:
    """A count comes to its bound before the run ends, and only supports can be frozen.

    Raises:
        SpecError: settings under which it would not, or a set without a support.
    """
    word, why, found = action.set.word, "", course(settings, action.set)
    counts = any(a.set.word in COUNTS for a in lowered.actions if a.settings == settings)
    if settings.ramp and not counts:
        why = f"`ramp` is how a count shrinks, and `{word}` is none"
    elif settings.ramp and word in COUNTS and moving(action.set):
        why = f"`{action.constraints[0].text}` says itself how its bound moves"
    elif found.end >= 1:
        why = f"warmup={found.warmup:g} and ramp={found.ramp:g} leave no step at the bound"
    elif settings.freeze and word not in COUNTS:
        why = f"`freeze` keeps the entries of a count, and `{word}` is none"
    elif settings.freeze and settings.every != STEP:
        why = "`freeze` needs a projection on every step"
    elif settings.given("stiefel") and word != "stiefel":
        why = f"`stiefel={settings.stiefel}` is a way onto `stiefel`, and this set is `{word}`"
    if not why:
        return
    label = action.constraints[0].label
    message = f"`{label}` can't be enforced by `projection` as written: {why}"
    span = action.constraints[0].span
    helps = ("leave that setting out: `by projection`",)
    raise Diagnostic(code="CS521", message=message, span=span, helps=helps).error()


def bound_actions(
    variables: Iterable[VariableSetup], taken: Iterable[str]
) -> tuple[SetAction, ...]:
    """One projection onto a box for each bounded variable, after all other projections:
    `var x in [0, 1]` holds at every step.

    `taken` are the names of the other actions.
    """
    names = set(taken)
    found = []
    for variable in variables:
        if variable.lower is None and variable.upper is None:
            continue
        name = f"{variable.name}_bounds"
        while name in names:
            name += "_"
        names.add(name)
        low = Negate(operand=Name(id="inf")) if variable.lower is None else number(variable.lower)
        high: Expr = Name(id="inf") if variable.upper is None else number(variable.upper)
        box = SetMember(word="box", subject=Name(id=variable.name), arguments={"0": low, "1": high})
        found.append(
            SetAction(
                name=name,
                family=variable.name,
                settings=Projection(),
                set=box,
                targets=(Name(id=variable.name),),
                constraints=(),
            )
        )
    return tuple(found)
