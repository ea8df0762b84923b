"""What a method file gets and gives.

A method turns a *rule* (constraints that share one method and settings, stacked into one vector)
into a *fragment* of the update graph: state and operations. Formulas name

    g       the rule's constraints with gradient (surrogates where there are any)
    true    the true constraints, detached; NaN where a batch measured nothing
    floor   0 for inequalities, -inf for equalities: `maximum(m, floor)` is the dual projection

and the rule's own state and constants. `known` state (dual and penalty steps) keeps its old entries
wherever `true` is NaN.
"""

from collections.abc import Sequence
from typing import Any, NoReturn

from pydantic import BaseModel

from cspec.compiler.records.graph import Kind, Operation, StateFacts, assigned
from cspec.compiler.records.problem import Constraint
from cspec.dsl.messages.diagnostic import Diagnostic, SpecError
from cspec.dsl.settings.base import Every


class Rule(BaseModel, frozen=True, extra="forbid", arbitrary_types_allowed=True):
    """Constraints that one method handles together."""

    name: str
    """Unique in the program: `lagrangian`, `lagrangian_2`, ..."""
    settings: Any
    labels: tuple[str, ...]
    size: int
    """Entries of the rule's vector."""
    equalities: tuple[bool, ...]
    """One flag an entry."""
    total_steps: int
    steps_per_epoch: int
    deterministic: bool = False
    """No data and no model: a nonlinear program, whose scale can be measured at its start."""
    jumps: tuple[bool, ...] = ()
    """One flag an entry where some count outputs of models: a surrogate leads, and what is measured
    jumps from one example to the next, on whole data as well."""
    own_loop: bool = False
    """Whether the steps are those of somebody's own loop."""
    full: float = 0.0
    """What the objective is with every weight in use, where it is a size on gates; else 0."""
    by_value: bool = False
    """Whether the optimizer looks at the loss's value: each step is a whole minimization."""

    @property
    def batched(self) -> bool:
        """Whether a step sees a part of the data: what it measures is noisy."""
        return self.steps_per_epoch > 1

    @property
    def lags(self) -> bool:
        """Whether the weight of g is a mean of late steps (`scaled_augmented_lagrangian`)."""
        return (self.batched or bool(self.jumps)) and not self.own_loop

    @property
    def relation(self) -> str:
        """`<=`, `==` or `mixed`."""
        if all(self.equalities):
            return "=="
        return "mixed" if any(self.equalities) else "<="

    def steps(self, every: Every) -> int:
        """Steps from one turn of a trigger to the next."""
        return every.count * (self.steps_per_epoch if every.unit == "epoch" else 1)

    def open(self, setting: str) -> bool:
        """Whether the problem says how large a setting is: data move the model step by step."""
        return not (self.deterministic or self.by_value or self.settings.given(setting))

    def state(self, name: str, meaning: str, start: float | tuple[float, ...] = 0.0) -> StateFacts:
        """State with a number an entry."""
        return StateFacts(name=name, size=self.size, start=start, meaning=meaning)

    def weighed(
        self, weight: str, value: str, meaning: str, constants: dict[str, float] | None = None
    ) -> Operation:
        """COMBINE: `value` is added to the loss, with the gradient of `weight` g."""
        lines = (f"weight <- {weight}", f"value <- {value}")
        found = constants or {}
        return self.operation(Kind.COMBINE, self.name, meaning, *lines, constants=found)

    def operation(self, kind: Kind, name: str, meaning: str, *lines: str, **more: Any) -> Operation:
        """An operation of the rule, its updates as lines: `"moves <- moves + 1"`."""
        updates = assigned(*lines)
        return Operation(
            kind=kind, name=name, rule=self.name, updates=updates, meaning=meaning, **more
        )

    def either(self, equal: str, below: str) -> str:
        """One formula for equalities, another one for inequalities."""
        mixed = f"where(floor < 0, {equal}, {below})"
        return {"<=": below, "==": equal}.get(self.relation, mixed)

    def projected(self, formula: str) -> str:
        """The formula with the dual projection of the rule's relations around it."""
        mixed = f"maximum({formula}, floor)"
        return {"<=": f"relu({formula})", "==": formula}.get(self.relation, mixed)


class Fragment(BaseModel, frozen=True, extra="forbid", arbitrary_types_allowed=True):
    """A method's part of the update graph."""

    state: tuple[StateFacts, ...] = ()
    operations: tuple[Operation, ...] = ()
    dual_order: str = "dual_first"
    scales_objective: bool = False
    """Whether COMBINE has a target `objective`: the factor of f."""
    of_means: bool = False
    """Whether a step weighs g by what it measures of it at once: on batches by means over late
    steps (`runtime.steps.late`), as nothing else evens out what is noise in them. A target
    `kinked` of COMBINE is then the factor of the violation of these, in place of `weight`."""
    """When per-step dual operations run: before COMBINE, or after PRIMAL_STEP."""


def scale_at_start(rule: Rule, state: str) -> Operation:
    """RESET: a state entry of the rule times s^2, s the scale of its constraint at x0."""
    meaning = f"{state} <- {state} min(1, 100 / max |grad g|)^2 at the start"
    return rule.operation(Kind.RESET, "scale", meaning, targets=(state,))


def refuse(rule: Rule, why: str, help: str) -> NoReturn:
    """Settings that a method can't follow.

    Raises:
        SpecError: always.
    """
    labels = ", ".join(f"`{label}`" for label in rule.labels[:3])
    message = f"{labels} can't be enforced by `{rule.settings.word}` as written: {why}"
    raise Diagnostic(code="CS521", message=message, helps=(help,)).error()


def unfit(
    c: Constraint,
    by: str,
    why: str,
    helps: Sequence[str],
    *,
    label: str = "",
    notes: Sequence[str] = (),
    code: str = "CS521",
) -> SpecError:
    """The finding that a method can't enforce a requirement, and why."""
    return Diagnostic(
        code=code,
        message=f"`{c.label}` can't be enforced by `{by}`: {why}",
        span=c.span,
        label=label,
        notes=tuple(notes),
        helps=tuple(helps),
    ).error()


class Around(BaseModel, frozen=True, extra="forbid", arbitrary_types_allowed=True):
    """What a method that keeps parameters in a set does around the optimizer's step."""

    before: tuple[Operation, ...] = ()
    """Before anything is measured."""
    combine: tuple[Operation, ...] = ()
    """Terms of the loss."""
    step: tuple[Operation, ...] = ()
    """Steps of its own, before the optimizer's."""
    after: tuple[Operation, ...] = ()
    """After the optimizer's step."""
    rounds: tuple[Operation, ...] = ()
    """After the dual steps of an epoch."""
