"""Units from the problem: how steep objective and constraints are, and how large what moves is.

A constraint that is multiplied by 1000 is the same requirement. So it is worked on as g / s, with s
the largest slope |grad g| seen over the first steps: a distance in the space of what moves. With

    phi = the largest |grad f|,   r = the size of what moves + its own largest violation / s

a first penalty of phi / r on g / s holds f back as hard as it pulls at a distance of r. A penalty c
on g / s is the penalty c / s^2 on g, and the multiplier of g is that of g / s over s: so only the
penalty is scaled, and everything measured and told stays in the units of the spec. Where nothing is
minimized phi is 1. Of a g that a share p of the batches measures, a group of few, the weight pulls
in those alone, in the mean with p of it: its first penalty is divided by p. Plain gradient steps of
rate a overshoot where a c s^2 is large: there c is at most 1 / (a s^2), or 0.2 / (a s^2) on
batches, shared by the constraints of a rule.
"""

from typing import Literal

from cspec.compiler.records.fragment import Rule
from cspec.compiler.records.graph import Kind, Operation, StateFacts

Sees = Literal["true", "surrogate"]
Steps = tuple[Operation, ...]
Lines = tuple[str, ...]
"""Updates, `target <- formula` each."""

STEPS = 50
"""Steps over which slopes are measured, one gradient a constraint more each ..."""
SHARE = 0.1
"""... and at most this share of the run."""
GRADIENTS = 400
"""Gradients that this may take in all: of many constraints slopes are measured on fewer steps."""
CAP = 1e4
"""The largest penalty, relative to the first."""
LEAST = 1e-3
"""Least slope that counts, in units of |g| over size of what moves: a surrogate that is flat
at the start is no reason for a penalty without end."""
STABLE = 1.0
"""Of plain gradient steps: rate x penalty x |grad g|^2, in all, so that a step does not overshoot
(2 is the limit of one constraint on a quadratic; momentum counts as a rate / (1 - momentum)) ..."""
LATE_STABLE = 0.2
"""... and where the weight is a mean of late g, which lags behind."""
MOVES = 60
"""How often multipliers move in a run."""
SETTLED = 0.6
"""Share of a run after which multipliers are averaged where batches move them."""


def unit_state(rule: Rule) -> tuple[StateFacts, ...]:
    """What is remembered of slopes."""
    return (
        rule.state("slope", "largest |grad g| so far"),
        StateFacts(name="pull", meaning="largest |grad f| so far"),
        rule.state("far", "largest violation so far"),
        rule.state("large", "largest |g| so far"),
    )


_FIRST = "|grad f| / (|x| |grad g| + violation) / |grad g|"


def measure_units(
    rule: Rule,
    target: str,
    factor: float = 1.0,
    *,
    most: float | None = None,
    price: bool = False,
    kept: str = "",
) -> Operation:
    """UNITS: `target` <- factor x the first penalty, from slopes over the first steps.

    `most` is the cap of penalties, where it is given: else 1e4 times the first. With `price` it is
    factor x phi / s, the size that a multiplier may have. `kept` is an entry that stays what was
    measured where the target moves on.
    """
    steps = max(1, min(STEPS, round(SHARE * rule.total_steps)))
    every = max(1, -(-rule.size * steps // GRADIENTS))
    times = "" if factor == 1 else f"{factor:.3g} "
    of = "|grad f| / |grad g|" if price else _FIRST
    stable = LATE_STABLE if rule.lags else STABLE
    options = {"steps": steps, "every": every, "factor": factor, "stable": stable}
    options |= {} if most is None else {"most": most}
    options |= {"price": 1.0} if price else {"full": rule.full} if rule.full else {}
    return rule.operation(
        Kind.UNITS,
        f"units_of_{rule.name}",
        f"{target} <- {times}{of}, slopes of the first {steps} steps",
        options=options,
        targets=(target, kept) if kept else (target,),
        often="in the first steps",
    )


def interval(rule: Rule) -> int:
    """Steps between two moves of the multipliers: a run has 60."""
    return max(1, -(-rule.total_steps // MOVES))


LATE = 0.2
"""Weight of a new measurement in the mean of late g."""


def mean_state(rule: Rule) -> tuple[StateFacts, ...]:
    """What the mean of late g remembers."""
    return (
        rule.state("mean", "mean of late g"),
        rule.state("measured", "how often g was measured"),
    )


def sum_state(rule: Rule) -> tuple[StateFacts, ...]:
    """What the sums of g since multipliers moved remember."""
    total = rule.state("total", "sum of g since multipliers moved")
    count = rule.state("count", "how often g was measured since then")
    squares = rule.state("squares", "sum of g^2 since then")
    return (total, count, *((squares,) if rule.batched else ()))


ERROR = "error <- sqrt(clamp(squares / clamp(count, 1) - seen ** 2, 0) / clamp(count, 1))"
"""The standard error of `seen`, the mean of g since multipliers moved: batches make it noisy."""


def forgotten(rule: Rule) -> Lines:
    """Sums start anew where multipliers have moved."""
    names = ("total", "squares", "count") if rule.batched else ("total", "count")
    return tuple(f"{name} <- 0 * {name}" for name in names)


def see(rule: Rule, *, by_step: bool, sees: Sees = "true", data: str | None = None) -> Steps:
    """What batches tell until multipliers move; at an epoch's end the whole data tell it."""
    squares = ("squares <- squares + true * true",) if rule.batched else ()
    sums = ("total <- total + true", *squares, "count <- count + 1") if by_step else ()
    # The mean of late g, weights falling by 0.8 a step.
    share = "clamp(1 / (measured + 1), newest)"
    late = (f"mean <- mean + {share} * (true - mean)", "measured <- measured + 1")
    lines = (*sums, *(late if rule.lags else ()))
    seen = rule.operation(
        Kind.DUAL_STEP,
        f"see_{rule.name}",
        "what was seen of g since multipliers moved",
        *lines,
        constants={"newest": LATE} if rule.lags else {},
        sees=sees,
        data=data,
    )
    return (seen,) if lines else ()


def late_state(rule: Rule) -> tuple[StateFacts, ...]:
    """What `late_mean` remembers."""
    return (
        rule.state("late", "sum of late multipliers"),
        StateFacts(name="moves", meaning="how many they are"),
    )


def late_mean(rule: Rule, weight: str) -> tuple[Operation, Operation]:
    """The mean of the weights of g over the last steps: the multipliers that are told.

    Batches move them; where the model has come to rest, their mean balances grad f.
    """
    last = f"last {1 - SETTLED:.0%} of the run"
    return (
        rule.operation(
            Kind.DUAL_STEP,
            f"average_{rule.name}",
            f"the weights of the {last} are averaged",
            f"late <- late + {rule.projected(weight)}",
            "moves <- moves + 1",
            after=min(round(SETTLED * rule.total_steps), rule.total_steps - 1),
            often=f"in the {last}",
        ),
        rule.operation(
            Kind.SETTLE,
            f"settle_{rule.name}",
            "the mean of late multipliers is told",
            "multipliers <- where(moves > 0, late / moves, multipliers)",
            often="after the last step",
        ),
    )
