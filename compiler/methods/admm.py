"""ADMM: a feasible copy z of the parameters that x is attracted to (Boyd et al. 2011).

    min f(x) + r(z) s.t. x = z      r the indicator of the set; formulas in
    `runtime/methods/admm.py`

What a spec leaves open is chosen here: where rho starts and whether it is balanced, how often z and
u move, when the split begins and when fine-tuning on the copy does.
"""

from cspec.compiler.expressions.text import set_expression, text
from cspec.compiler.methods.pruning import floor_of
from cspec.compiler.methods.set_targets import set_operation
from cspec.compiler.records.facts import Facts
from cspec.compiler.records.fragment import Around
from cspec.compiler.records.graph import Kind
from cspec.compiler.records.lowered import Lowered, SetAction
from cspec.dsl.settings.base import STEP, Every
from cspec.dsl.settings.methods import Admm
from cspec.dsl.words.sets import CONVEX

DEFAULT_RHO = 1e-3
"""Where balancing starts on a network ..."""
LARGE = 1e6
"""What rho may grow to where no cap is needed."""
ROUND = Every(20, "step")
"""How often z and u move where there are no data."""
DEFAULT_RHO_PROGRAM = 1.0
"""... and on a nonlinear program, whose objective is no mean over data."""


def admm(action: SetAction, _: Lowered) -> Around:
    """The attraction of x to its copy, and the rounds in which copy and dual move."""
    settings, onto = split_settings(action), text(set_expression(action.set))
    pull = "L = L + rho/2 ||x - z + u||^2"
    moves = "z <- P(x + u), u <- u + x - z, rho balanced by the residuals" + floor_of(action)
    by_step = settings.linearized and not settings.given("every")
    when = STEP if by_step else settings.every
    return Around(
        combine=(set_operation(action, Kind.COMBINE, "attract", onto, pull),),
        rounds=(set_operation(action, Kind.PROX, "split", onto, moves, trigger=when),),
    )


def splits(action: SetAction) -> bool:
    """Whether an action is ADMM's."""
    return isinstance(action.settings, Admm)


def split_settings(action: SetAction) -> Admm:
    """The settings of an ADMM action."""
    assert isinstance(action.settings, Admm)
    return action.settings


def rounds_of(settings: Admm, facts: Facts) -> Every:
    """How often z and u move: a linearized step is cheap, so they move with each.

    Without data an epoch is nothing but a number of steps: some of them are enough.
    """
    if settings.given("every"):
        return settings.every
    if settings.linearized:
        return STEP
    return settings.every if facts.data else ROUND


def _balanced(action: SetAction) -> bool:
    """Whether rho is balanced: by default not where a linearized step meets a curved set."""
    settings = split_settings(action)
    if settings.given("balance") or not settings.linearized:
        return settings.balance
    return action.set.word in CONVEX


def _largest_rho(action: SetAction) -> float:
    """The cap of rho: none for linearized steps on convex sets, which are stable at any rho."""
    settings = split_settings(action)
    free = settings.linearized and not settings.given("max_rho") and action.set.word in CONVEX
    return LARGE if free else settings.max_rho


def phases(action: SetAction) -> tuple[float, float]:
    """Shares of the run at which the split begins, and at which fine-tuning begins.

    By default there is none on a convex set: z ends at the optimum, which projected steps of an
    adaptive optimizer would leave again.
    """
    settings = split_settings(action)
    tuned = settings.fine_tune
    if action.set.word in CONVEX and not settings.given("fine_tune"):
        tuned = 0.0
    return settings.warmup, round(1.0 - tuned, 6)


def first_rho(action: SetAction, facts: Facts) -> float:
    """Where rho starts: as given, or by what the objective is."""
    given = split_settings(action).rho
    if given is not None:
        return given
    return DEFAULT_RHO if facts.models else DEFAULT_RHO_PROGRAM


def options(action: SetAction) -> str:
    """The keyword arguments of `split_round` that differ from its defaults."""
    settings, most = split_settings(action), _largest_rho(action)
    found = []
    if settings.relaxation != 1.0:
        found.append(f"relaxation={settings.relaxation!r}")
    if not _balanced(action):
        found.append("balance=False")
    if settings.growth != 1.0:
        found.append(f"growth={settings.growth!r}, grow_every={settings.grow_every!r}")
    if most != 1.0:
        found.append(f"max_rho={most!r}")
    return "".join(f", {text}" for text in found)
