"""One multiplier for each example: an augmented Lagrangian whose state is as long as the data.

    L = f + sum_i m_i g_i(x)           i over the N rows of the data, g_i <= 0 (or h_i == 0)

On a batch B the sum is (N / |B|) sum over i in B, an unbiased estimate. Its weights

    w_i = [m_i + c g_i]+               m_i + c h_i of an equality, without [ ]+

are those of the quadratic penalty. Where multipliers move, m_i <- w_i of the rows of the batch, the
only ones that are read or written: a step costs what its batch costs, however many rows there are.

Defaults. A multiplier moves at most once an epoch, and about 60 times a run; points of domains,
which every step sees whole, have no epochs: theirs move every so many steps. c starts at

    c = 10 |grad f| / (|x| s + violation) / s / (N share)

with s the root mean square of |grad g_i| on a batch and `share` the largest share of violated rows,
both of the first steps: all violated rows together hold f back as one requirement would. It grows
by 1.5 at a move after which the largest violation of the epoch has not halved, up to 10 N times the
first, in the first 60% of the run. Multipliers of the last 40% are averaged: those are told. Plain
gradient steps of rate a cap c at 0.2 / (a s^2 N).

`lagrangian(multipliers=mlp(hidden=[64]))`: a network h gives m_i = u softplus(h(x_i)), of an
equality u h(x_i). It climbs mean_i g_i m_i of each batch, from m_i = 0.02 u, each parameter by 0.02
times its slope over the largest so far (`dual=adam(lr=...)`: by Adam). u is
10 |grad f| / (s N share) of the first steps, and 1 where `dual=sgd(lr=...)` is given.

Hestenes 1969, Powell 1969, Rockafellar 1974 (inequalities); Hounie, Chamon, Ribeiro 2023 (feasible
learning: one requirement for each example).

Pitfalls. Rows are known by their number, so batches of a loader of one's own can't be used. Noise
of the model (dropout) and of augmentation moves the multipliers of the rows that it hits.
"""

from collections.abc import Sequence
from itertools import pairwise
from math import prod

from cspec.compiler.axes.inference import Inference
from cspec.compiler.expressions.not_compiled import not_compiled
from cspec.compiler.records.graph import Kind, Operation, StateFacts, assigned
from cspec.compiler.records.lowered import EachRule, FunctionalRule, numbered
from cspec.compiler.records.problem import Constraint
from cspec.dsl.explicit.points import is_points
from cspec.dsl.settings.base import Every
from cspec.dsl.settings.duals import Adam, Sgd
from cspec.dsl.settings.methods import AugmentedLagrangian, Lagrangian, network_of
from cspec.dsl.tree.rebuild import calls_of, names

MOVES = 60
"""How often multipliers move in a run, at most."""
UNIT_STEPS = 50
"""Steps over which slopes are measured, two gradients each, and at most ..."""
UNIT_SHARE = 0.1
"""... this share of the run."""
STILL = 0.15
"""Share of the run in which the penalty alone leads: what is violated far away is no price."""
LATE = 0.6
"""Share of the run after which multipliers are averaged and penalties stay."""
GROWTH = 1.5
"""Of a penalty that is left open ..."""
BALANCE_STEPS = 10
"""Points: steps between two looks at the balance of their penalties with f."""
HALVED = 0.5
"""... where the largest violation is above this share of the last one."""


def has_rows(c: Constraint) -> bool:
    """Whether each of its examples has a row of its own here; else they are entries of the vector.

    Points, of which every step sees all, are entries by a method that somebody names.
    """
    if c.each is None or c.soft is not None:
        return False
    points = is_points(c.each.dataset) and c.each.condition is None
    return not points or c.method == AugmentedLagrangian()


def each_rules(
    constraints: Sequence[Constraint],
    inference: Inference,
    total_steps: int,
    steps_per_epoch: int,
    *,
    alone: bool = False,
) -> tuple[EachRule, ...]:
    """The rules of requirements on each example, with names of their own.

    `alone`: nothing else has multipliers, so that points may be settled after the last step.

    Raises:
        SpecError: CS520, several numbers an example, or batches without numbers of rows.
    """
    found: list[EachRule] = []
    for c in constraints:
        assert c.each is not None
        dataset = c.each.dataset
        data = inference.known.facts.data[dataset]
        require_rows(c, inference)
        base = "each_" + "".join(s if s.isalnum() else "_" for s in c.full_label)
        name = numbered(base, {rule.name for rule in found})
        features, width = _features(c, inference)
        every = _every(c, total_steps / (1 if data.points else max(1, steps_per_epoch)))
        boxed = data.boxed and c.relation != "=="
        rule = EachRule(name, c, dataset, data.rows, total_steps, every, data.points, boxed)
        found.append(rule._replace(features=features, width=width))
    settled = alone and all(r.points and is_damped(r) and given_of(r) is None for r in found)
    return tuple(rule._replace(balanced=settled) for rule in found)


def _features(c: Constraint, inference: Inference) -> tuple[tuple[str, ...], int]:
    """The columns that models see in a requirement, and how many numbers they are together."""
    if network_of(c.method) is None:
        return (), 0
    assert c.each is not None
    known = inference.known
    columns, models = known.facts.data[c.each.dataset].columns, known.symbols.models()
    seen = {
        name
        for call in calls_of(c.each, models)
        for argument in call.arguments
        for name in names(argument)
    }
    features = tuple(n for n in columns if n in seen and columns[n].kind != "categorical")
    if not features:
        raise not_compiled("a network of multipliers beside no input of a model", c.each)
    return features, sum(prod(columns[name].shape) for name in features)


def layers_of(rule: EachRule) -> tuple[int, ...]:
    """The widths of the network of multipliers, inputs and output among them; () without one."""
    network = network_of(rule.constraint.method)
    return () if network is None else (rule.width, *network.hidden, 1)


LARGEST = (0.0, 1.0)
"""Decays of moments where the largest slope so far counts: steps shrink as violations do."""
CLIMB = 0.02
"""The step of a network, where it is left open."""


def climb_of(rule: EachRule) -> tuple[float, tuple[float, float] | None]:
    """The step of the network, and the decays of its moments; None for plain ascent."""
    method = rule.constraint.method
    if not isinstance(method, Lagrangian) or not method.given("dual"):
        return CLIMB, LARGEST
    if isinstance(method.dual, Adam):
        return method.dual.lr, method.dual.betas
    assert isinstance(method.dual, Sgd) and method.dual.lr is not None
    return method.dual.lr, None


def _every(c: Constraint, epochs: float) -> int:
    """Rounds between two moves: as given, each where the penalty is, else 60 times a run."""
    method = c.method
    if isinstance(method, AugmentedLagrangian) and method.given("every"):
        return method.every.count
    if isinstance(method, AugmentedLagrangian | Lagrangian) and method.model_fields_set:
        return 1
    return max(1, round(epochs / MOVES))


def given_of(rule: EachRule) -> float | None:
    """The penalty, or of plain dual ascent the step; None where it is measured."""
    method = rule.constraint.method
    if isinstance(method, Lagrangian):
        return method.dual.lr if isinstance(method.dual, Sgd) else None
    return method.penalty if isinstance(method, AugmentedLagrangian) else None


def is_damped(rule: EachRule) -> bool:
    """Whether a penalty pulls, too: not in plain dual ascent."""
    return not isinstance(rule.constraint.method, Lagrangian)


def growth_of(rule: EachRule) -> tuple[float, float]:
    """How a penalty grows, and the share of the last violation above which it does."""
    method = rule.constraint.method
    if not isinstance(method, AugmentedLagrangian) or not is_damped(rule):
        return 1.0, HALVED
    growth = method.growth if method.given("growth") or given_of(rule) is not None else GROWTH
    share = method.decrease if method.given("decrease") or given_of(rule) is not None else HALVED
    return growth, share


def cap_of(rule: EachRule) -> float | None:
    """The largest multiplier, where it is given."""
    method = rule.constraint.method
    if not isinstance(method, AugmentedLagrangian | Lagrangian):
        return None
    return method.max_multiplier if method.given("max_multiplier") else None


def require_rows(c: Constraint, inference: Inference) -> None:
    """Refuse what has no number of its row, or more than one number a row.

    Raises:
        SpecError: CS520.
    """
    assert c.each is not None
    what = f"a requirement on each example of `{c.each.dataset}`"
    if inference.known.facts.data[c.each.dataset].stream is not None:
        raise not_compiled(
            f"{what} whose batches a loader makes",
            c.each,
            "a multiplier belongs to a row, and batches of a loader do not tell their rows",
            "`fit(batch_size=full)` and tensors in memory have rows",
        )
    axes = inference.axes(c.each)
    if axes.known and axes.shape:
        raise not_compiled(
            f"{what} of several numbers an example",
            c.each,
            "write which one, `f(x)[0]`, or one number of them: `max(...)`, `norm(..., 2)`",
        )


def require_plain_steps(
    examples: Sequence[EachRule], rules: Sequence[FunctionalRule], *, by_value: bool
) -> None:
    """Refuse steps that measure a batch in ways of their own beside it.

    Raises:
        SpecError: CS520.
    """
    each = examples[0].constraint
    what = f"a requirement on each example of `{examples[0].dataset}`"
    if by_value:
        raise not_compiled(f"{what} under lbfgs", each.value, "sgd, adam and their kin train it")
    if any(rule.fragment.dual_order == "extragradient" for rule in rules):
        raise not_compiled(f"{what} beside extragradient steps", each.value)


def unit_steps(total_steps: int) -> int:
    """Steps over which slopes are measured."""
    return max(1, min(UNIT_STEPS, round(UNIT_SHARE * total_steps)))


def still_steps(total_steps: int) -> int:
    """Steps before multipliers move."""
    return max(unit_steps(total_steps), round(STILL * total_steps))


def first_step(rule: EachRule) -> int:
    """Steps of a rule before its multipliers move: at once where its penalty or step is given."""
    return still_steps(rule.total_steps) if given_of(rule) is None else 0


def state_of(rule: EachRule) -> tuple[StateFacts, ...]:
    """The multipliers, one a row, and what the penalty is made of."""
    method = rule.constraint.method
    given = given_of(rule)
    first = given or 0.0
    most = method.max_penalty if isinstance(method, AugmentedLagrangian) else first

    def state(name: str, size: int, meaning: str, start: float = 0.0) -> StateFacts:
        name = f"{rule.constraint.full_label}.{name}"
        return StateFacts(name=name, size=size, start=start, meaning=meaning)

    of_penalty = "penalty c of each" if is_damped(rule) else "dual step of each"
    units = (
        state("penalty", 1, of_penalty, first),
        state("most", 1, "cap of the penalty", 0.0 if given is None else most),
        state("units", 4, "|grad f|, |grad g|, violation, share"),
    )
    start = method.start if isinstance(method, AugmentedLagrangian | Lagrangian) else 0.0
    multipliers = state("multipliers", rule.rows, f"one an example of {rule.dataset}", start)
    if layers_of(rule):
        size = sum((a + 1) * b for a, b in pairwise(layers_of(rule)))
        network = state("network", size, "of the network of multipliers")
        return (
            network,
            state("moments", 2 * size + 1, "Adam's, and its steps"),
            multipliers,
            *units,
        )
    balance = state("balance", 2, "late tr(H_f), |grad g|^2")
    before = "that of the epoch when multipliers moved before"
    return (
        *((balance,) if rule.balanced else ()),
        multipliers,
        state("late", rule.rows, "sum of late multipliers"),
        state("moves", 1, "how many they are"),
        *units,
        state("worst", 1, "largest violation of the epoch"),
        state("before", 1, before, float("inf")),
    )


def units_operations(rule: EachRule) -> tuple[Operation, ...]:
    """The first penalty, where it is not given."""
    if given_of(rule) is not None:
        return ()
    steps, targets = unit_steps(rule.total_steps), (f"{rule.constraint.full_label}.penalty",)
    units = Operation(
        kind=Kind.UNITS,
        name=f"units_of_{rule.name}",
        options={"steps": steps},
        targets=targets,
        often="in the first steps",
        meaning="penalty <- |grad f| / (|x| |grad g| + violation) / |grad g| / violated rows, "
        f"slopes of the first {steps} steps",
    )
    if not rule.balanced:
        return (units,)
    balance = Operation(
        kind=Kind.UNITS,
        name=f"balance_of_{rule.name}",
        targets=targets,
        often=f"every {BALANCE_STEPS} steps",
        meaning="penalty <- tr(H_f) / sum_i |grad g_i|^2, means of late steps",
    )
    return (units, balance)


def step_operations(rule: EachRule) -> tuple[Operation, ...]:
    """What a step does with the rows of its batch."""
    plain = "multipliers + penalty * g"
    weight = plain if rule.equality else f"relu({plain})"
    rows = "of the rows of the batch"
    pulls = weight if is_damped(rule) else "multipliers"
    combine = Operation(
        kind=Kind.COMBINE,
        name=f"weights_of_{rule.name}",
        updates=assigned(f"weight <- {pulls}"),
        meaning=f"L = f + N / B <weights, g> {rows}: `{rule.constraint.full_label}`",
    )
    if rule.balanced:
        return (combine,)
    if layers_of(rule):
        return (combine, _climb_operation(rule))
    scatter = Operation(
        kind=Kind.DUAL_STEP,
        name=f"scatter_{rule.name}",
        updates=assigned(f"multipliers <- {weight}"),
        trigger=Every(rule.every, rule.round),
        meaning=f"multipliers <- {'weights' if is_damped(rule) else weight}, {rows} alone",
    )
    return (combine, scatter)


def _climb_operation(rule: EachRule) -> Operation:
    """The ascent of the network by the violations of the batch."""
    lr, betas = climb_of(rule)
    word = "sgd" if betas is None else "largest slopes" if betas == LARGEST else "adam"
    value = "network(x_i)" if rule.equality else "softplus(network(x_i))"
    unit = "" if given_of(rule) is not None else "u "
    layers = " -> ".join(map(str, layers_of(rule)))
    of = f"of ({', '.join(rule.features)}), {layers}" if rule.width else "of an example's features"
    return Operation(
        kind=Kind.DUAL_STEP,
        name=f"climb_{rule.name}",
        targets=(f"{rule.constraint.full_label}.network",),
        meaning=f"{word}(lr={lr:g}) moves the network up mean_i g_i m_i, m_i = {unit}{value} {of}, "
        "of the rows of the batch",
    )


def late_operations(rule: EachRule) -> tuple[Operation, ...]:
    """What an epoch ends with, and the multipliers that are told."""
    if rule.balanced:
        settled = "L-BFGS on f + <m, g> + c/2 |g|^2 over points that stay, m <- m + c g, 6 rounds"
    elif layers_of(rule):
        settled = "the multipliers of all rows, by the network, are told"
    else:
        settled = "the mean of late multipliers is told"
    told = Operation(
        kind=Kind.SETTLE,
        name=f"settle_{rule.name}",
        often="after the last step",
        meaning=settled,
    )
    if rule.balanced or layers_of(rule):
        return (told,)
    growth, share = growth_of(rule)
    grow = Operation(
        kind=Kind.PENALTY_STEP,
        name=f"grow_{rule.name}",
        trigger=Every(rule.every, rule.round),
        meaning=f"penalty <- {growth:g} penalty where the largest violation of a round is "
        f"above {share:g} of the one before",
    )
    return (grow, told)
