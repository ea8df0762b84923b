"""The methods: how a requirement is enforced. One settings record a method.

The mathematics of each is in `compiler/methods/<word>.py`; this is what a spec may set.
"""

from typing import ClassVar, Literal

from pydantic import Field

from cspec.dsl.settings.base import EPOCH, STEP, Every, Settings
from cspec.dsl.settings.duals import Adam, Dual, Network, Sgd

Enforces = Literal["anything", "functions", "sets", "outputs", "rates", "problems"]


class Method(Settings):
    """Base of the methods."""

    enforces: ClassVar[Enforces] = "functions"
    """What it holds: functions that it adds to the loss, sets that parameters stay in, relations of
    one example's outputs, rates by a threshold, or whole problems, whose run it then owns."""
    has_multipliers: ClassVar[bool] = False
    """Whether the method has multipliers to report."""
    whole: ClassVar[bool] = False
    """Whether it weighs the violation as written, and not each canonical part by itself."""
    fixed: ClassVar[bool] = False
    """Whether the weight of a violation never moves."""
    own_loop: ClassVar[str] = ""
    """Why it can't run in a loop of one's own; empty where it can."""
    prices: ClassVar[bool] = True
    """Whether its multipliers are prices of the bounds where a run ends stationary."""

    @property
    def left_open(self) -> bool:
        """Whether the problem decides its steps: no method was named, or one by its name alone."""
        return self.has_multipliers and self.only_named


class Auto(Method):
    """Let the compiler choose a method for each constraint, and say why."""

    word: ClassVar[str] = "auto"
    enforces: ClassVar[Enforces] = "anything"

    @property
    def left_open(self) -> bool:
        """Whatever is given with it: it has no steps."""
        return True


class _Fixed(Method):
    """Base of the methods whose weight never moves."""

    fixed: ClassVar[bool] = True
    whole: ClassVar[bool] = True
    coefficient: float = Field(1.0, ge=0, description="the fixed coefficient c")


class Penalty(_Fixed):
    """f + c (value - bound), the fixed penalty of the position paper's eq. 2: a baseline.

    Signed and as written (`>=` turned around): of `abs`, `gap`, `max` the whole expression, so that
    the most violated part pulls; of an equality c |value - bound|. Nothing stops it at the
    boundary, so it can reward being far inside or leave the constraint violated for every c. It is
    here to be compared with.
    """

    word: ClassVar[str] = "penalty"


class ExactPenalty(_Fixed):
    """f + c times the violation as written: exact for c above the largest multiplier, not smooth.

    [value - bound]+, for an equality |value - bound|; of a relation between many numbers, and of
    a set, the sum over entries.
    """

    word: ClassVar[str] = "exact_penalty"


class QuadraticPenalty(_Fixed):
    """f + c/2 times the square of the violation as written: smooth, always a little violated.

    [value - bound]+^2, for an equality (value - bound)^2; of a relation between many numbers, and
    of a set, the sum over entries: the squared Euclidean norm.
    """

    word: ClassVar[str] = "quadratic_penalty"


class Lagrangian(Method):
    """Gradient descent-ascent on f + <multiplier, g>."""

    word: ClassVar[str] = "lagrangian"
    has_multipliers: ClassVar[bool] = True
    dual: Dual = Field(Sgd(), description="how multipliers move: sgd, adam, nupi, pid")
    order: Literal["dual_first", "primal_first", "simultaneous", "extragradient", "optimistic"] = (
        Field("dual_first", description="which player moves first within a step")
    )
    every: Every = Field(STEP, description="how often multipliers move")
    restart: bool = Field(False, description="set a multiplier to 0 when its constraint holds")
    max_multiplier: float = Field(1e6, gt=0, description="safeguard on the multipliers")
    start: float = Field(0.0, description="multipliers at the start")
    warmup: int = Field(
        0, ge=0, description="first steps of the run during which multipliers do not move"
    )
    dual_data: str | None = Field(None, description="the split multipliers are moved on")
    dual_on: Literal["true", "surrogate"] = Field(
        "true", description="whether the true or the surrogate constraint moves multipliers"
    )
    escalate: bool = Field(False, description="turn oscillation into a proportional term")
    primal_steps: int = Field(1, ge=1, description="steps of the model for one of the multipliers")
    multipliers: Network | None = Field(
        None, description="a network of an example's features that gives its multiplier"
    )

    @property
    def left_open(self) -> bool:
        """Not with plain ascent: undamped, it circles where a surrogate sharpens."""
        return super().left_open and not isinstance(self.dual, Sgd)


class AugmentedLagrangian(Method):
    """Hestenes-Powell-Rockafellar: gradient weight [multiplier + penalty * g]+ a constraint."""

    word: ClassVar[str] = "augmented_lagrangian"
    has_multipliers: ClassVar[bool] = True
    penalty: float | None = Field(
        None, ge=0, description="first penalty; default: in the units of the problem"
    )
    growth: float = Field(
        2.0, ge=1, description="factor of a penalty that stagnates; with all left open 1.5"
    )
    max_penalty: float = Field(
        1e3, gt=0, description="cap of every penalty; with `penalty` left open 1e4 times the first"
    )
    decrease: float = Field(
        0.9,
        gt=0,
        le=1,
        description="a violation above this share of the last one stagnates; with `penalty` left "
        "open 0.5",
    )
    every: Every = Field(
        EPOCH,
        description="how often multipliers move, and penalties, at most once in 50 steps; with "
        "`penalty` left open 60 times a run, else an epoch, or as many as make 50 steps",
    )
    lr: float | None = Field(None, gt=0, description="dual step; default: the penalty itself")
    rule: Literal["stagnation", "lancelot"] = Field(
        "stagnation", description="when a penalty grows: ALGENCAN's or LANCELOT's test"
    )
    max_multiplier: float = Field(1e6, gt=0, description="safeguard on the multipliers")
    start: float = Field(0.0, description="multipliers at the start")
    dual_data: str | None = Field(None, description="the split multipliers are moved on")
    dual_on: Literal["true", "surrogate"] = Field(
        "true", description="whether the true or the surrogate constraint moves multipliers"
    )


class Sal(Method):
    """Stochastic augmented Lagrangian: Algorithm 2 of arXiv 2310.16647 where `penalty` is given.

    Left open on data, the penalty is measured in the first steps, and rounds of a sixtieth of the
    run take the place of single epochs.
    """

    word: ClassVar[str] = "sal"
    own_loop: ClassVar[str] = "is a whole training run"
    has_multipliers: ClassVar[bool] = True
    prices: ClassVar[bool] = False
    penalty: float | None = Field(
        None,
        gt=0,
        description="mu_init: penalty at the start of the first shuffle; default: measured in the "
        "first steps, without data 0.01",
    )
    growth: float = Field(
        1.1,
        gt=1,
        description="sigma: growth after a rejected update; with `penalty` left open on data 1.5",
    )
    max_penalty: float = Field(
        1e3, gt=0, description="mu_max; where `penalty` is left open on data 1e4 times the first"
    )
    decrease: float = Field(
        0.9,
        gt=0,
        le=1,
        description="eta: sufficient decrease of ||C||^2; with `penalty` left open on data 0.25",
    )
    shuffles: int = Field(8, ge=1, description="n_shuffle: outer passes")
    iterations: int | None = Field(
        None, ge=1, description="n_auglag: rounds a shuffle; default: rounds / shuffles"
    )
    tol_objective: float = Field(0.0, description="eps_f: stop when f is at most this ...")
    tol_constraint: float = Field(1e-8, ge=0, description="eps_c: ... and ||C||^2 at most this")


class Admm(Method):
    """Alternating direction method of multipliers on the split x = z, z in the set."""

    word: ClassVar[str] = "admm"
    own_loop: ClassVar[str] = "is a whole training run"
    enforces: ClassVar[Enforces] = "sets"
    rho: float | None = Field(None, gt=0, description="penalty of x = z; default: 1e-3")
    balance: bool = Field(True, description="balance the primal and the dual residual by rho")
    growth: float = Field(1.0, ge=1, description="factor of rho every `grow_every` rounds")
    grow_every: int = Field(3, ge=1, description="rounds between two growths of rho")
    max_rho: float = Field(1.0, gt=0, description="cap of rho")
    relaxation: float = Field(1.0, ge=1, lt=2, description="over-relaxation alpha")
    every: Every = Field(EPOCH, description="how often z and u move; linearized: every step")
    linearized: bool = Field(
        False, description="closed-form step of x from one gradient, in place of the optimizer's"
    )
    warmup: float = Field(
        0.3, ge=0, lt=1, description="share of the run before the split, unconstrained"
    )
    fine_tune: float = Field(
        0.2, ge=0, lt=1, description="last share of the run, on the feasible copy's support"
    )


class Projection(Method):
    """Project onto the set after each optimizer step: the constraint holds at every step.

    The start is projected, too, whatever `every` says (not with `warmup`), and so is the end.
    A count (`density`, `sparse`, `channels`, `nm`) is dense for the first 10% of the run, shrinks
    to its bound along a cubic ramp until 60%, and its entries are frozen then. `ramp=0` is the
    bound itself from the first step on.
    """

    word: ClassVar[str] = "projection"
    enforces: ClassVar[Enforces] = "sets"
    every: Every = Field(
        STEP, description="how often to project (always at the start and at the end)"
    )
    ramp: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="share of the run over which a count shrinks to its bound; default: 0.5",
    )
    warmup: float | None = Field(
        None,
        ge=0,
        lt=1,
        description="share of the run before the first projection, unconstrained; default: 0.1 of "
        "a count with a ramp, else 0",
    )
    freeze: bool | None = Field(
        None,
        description="keep the entries that a count has kept when it comes to its bound; default: "
        "of a count with a ramp",
    )
    stiefel: Literal["newton_schulz", "svd", "qr"] = Field(
        "newton_schulz",
        description="how onto `stiefel`: the nearest matrix by newton_schulz or svd, or the "
        "retraction qr, which is not the nearest",
    )
    momentum: bool = Field(True, description="correct optimizer momentum where projection acts")


class Parametrization(Method):
    """Train an unconstrained pre-image; a map makes every value a member of the set."""

    word: ClassVar[str] = "parametrization"
    own_loop: ClassVar[str] = "changes what the optimizer trains"
    enforces: ClassVar[Enforces] = "sets"
    map: str | None = Field(None, description="softplus, sigmoid, softmax, cayley, ...")


class OutputProjection(Method):
    """Closed-form projection of each output onto its affine constraints (after HardNet)."""

    word: ClassVar[str] = "output_projection"
    own_loop: ClassVar[str] = "becomes part of the model"
    enforces: ClassVar[Enforces] = "outputs"


class Lifting(Method):
    """Known values on faces of a box are part of the model: a lifting plus a distance times it."""

    word: ClassVar[str] = "lifting"
    own_loop: ClassVar[str] = "becomes part of the model"
    enforces: ClassVar[Enforces] = "outputs"


class FrankWolfe(Method):
    """Steps toward the vertex of the set that minimizes the linearized objective."""

    word: ClassVar[str] = "frank_wolfe"
    own_loop: ClassVar[str] = "is a whole training run"
    enforces: ClassVar[Enforces] = "sets"
    lr: float | None = Field(None, gt=0, description="step; default: 2 / (k + 2)")


SqpEngine = Literal["auto", "slsqp", "trust_constr", "augmented_lagrangian", "interior_point"]


class Sqp(Method):
    """Sequential quadratic programming by scipy, for small deterministic problems."""

    word: ClassVar[str] = "sqp"
    own_loop: ClassVar[str] = "is a whole run of its own"
    enforces: ClassVar[Enforces] = "problems"
    has_multipliers: ClassVar[bool] = True
    engine: SqpEngine = Field(
        "auto",
        description="what solves; `auto`: SLSQP for small problems, beyond them L-BFGS-B without "
        "constraints, in an augmented Lagrangian with few, interior point with many",
    )
    tolerance: float = Field(1e-9, gt=0, description="stopping tolerance")
    iterations: int = Field(500, ge=1, description="most iterations")


class Spg(Method):
    """Spectral projected gradient, for deterministic problems over sets with a projection."""

    word: ClassVar[str] = "spg"
    own_loop: ClassVar[str] = "is a whole run of its own"
    enforces: ClassVar[Enforces] = "problems"
    has_multipliers: ClassVar[bool] = True
    tolerance: float = Field(
        1e-8, gt=0, description="projected gradient at which it stops, relative to max(1, ||grad||)"
    )
    iterations: int = Field(10_000, ge=1, description="most iterations of one minimization")
    memory: int = Field(10, ge=1, description="values that a new one is compared with; 1: monotone")
    starts: int | None = Field(
        None, ge=1, description="attempts; default: 1 where convex, else by the problem's size"
    )


class Bisection(Method):
    """Search the line of the only number that moves: bisection of rates, golden sections."""

    word: ClassVar[str] = "bisection"
    own_loop: ClassVar[str] = "is a whole run of its own"
    enforces: ClassVar[Enforces] = "problems"


class ProxyLagrangian(Method):
    """The two-player simplex game of Cotter et al. 2019 with external or swap regret."""

    word: ClassVar[str] = "proxy_lagrangian"
    has_multipliers: ClassVar[bool] = True
    regret: Literal["external", "swap"] = Field("swap", description="regret of the dual player")
    lr: float | None = Field(
        None,
        gt=0,
        description="step of the dual player; default: in the units of the problem, without data "
        "1, external 0.1",
    )
    every: Every = Field(STEP, description="how often multipliers move")


class Threshold(Method):
    """Post hoc: shift the decision threshold after training (rates only)."""

    word: ClassVar[str] = "threshold"
    own_loop: ClassVar[str] = "is a whole training run"
    enforces: ClassVar[Enforces] = "rates"


METHODS: dict[str, type[Method]] = {
    c.word: c
    for c in (
        *(Auto, Penalty, ExactPenalty, QuadraticPenalty, Lagrangian, AugmentedLagrangian, Sal),
        *(Admm, Projection, Parametrization, OutputProjection, Lifting, FrankWolfe),
        *(Sqp, Spg, Bisection, ProxyLagrangian, Threshold),
    )
}


def enforcing(what: Enforces) -> frozenset[str]:
    """The words of the methods that hold functions, sets, ..."""
    return frozenset(word for word, method in METHODS.items() if method.enforces == what)


OF_FUNCTIONS = enforcing("functions")
OF_SETS = enforcing("sets")
WITHOUT_GRADIENT = OF_SETS | enforcing("outputs") | enforcing("rates")
"""Methods that do not follow a gradient of the requirement."""
FIXED = frozenset(word for word, method in METHODS.items() if method.fixed)
SOLVERS = enforcing("problems")
"""Methods that own the whole run: they choose their steps and know no number of them before."""

MAPS: tuple[str, ...] = (
    *("softplus", "sigmoid", "softmax", "cayley", "householder", "matrix_exp", "low_rank"),
    *("unit_norm", "cumulative_softplus", "cholesky"),
)
"""Maps that `by` takes as methods: `by softplus` is `by parametrization(map=softplus)`."""


class Construction(Method):
    """`by construction`: the compiler finds a way by which the constraint always holds."""

    word: ClassVar[str] = "construction"
    enforces: ClassVar[Enforces] = "anything"


class Soft(Settings):
    """`soft(weight=0.1)`: a preference, weight times the violation is added to the objective.

    The violation is the one as written, [value - bound]+ or |value - bound|: of `gap`, `max`, `abs`
    that of the whole expression; of a set its largest entry. Of a relation between many numbers
    it is the sum over entries, with `power=2` the sum of squares.
    """

    word: ClassVar[str] = "soft"
    weight: float = Field(1.0, gt=0, description="weight of the violation in the objective")
    power: Literal[1, 2] = Field(1, description="1: the violation, 2: its square")


ALONE = frozenset({"dual", "start", "max_multiplier"})
"""Settings of `lagrangian` that a row knows, ..."""
BY_NETWORK = frozenset({"dual", "multipliers", "max_multiplier"})
"""... and where a network gives its multiplier."""
DAMPED = frozenset(
    {"penalty", "growth", "max_penalty", "decrease", "every", "start", "max_multiplier"}
)
"""Settings of `augmented_lagrangian` that a row knows."""


def network_of(method: object) -> Network | None:
    """The network that gives the multipliers of examples, where there is one."""
    return method.multipliers if isinstance(method, Lagrangian) else None


def unknown_to_rows(method: Method) -> str | None:
    """What of a method can't act on each example: the method, or a setting; None where all can."""
    if isinstance(method, Auto):
        return None
    if not isinstance(method, Lagrangian | AugmentedLagrangian):
        return f"by `{method.word}`"
    network = network_of(method)
    known = ALONE if isinstance(method, Lagrangian) else DAMPED
    known = BY_NETWORK if network is not None else known
    if other := sorted(method.model_fields_set - known):
        return f"by `{method.word}({other[0]}=...)`"
    if isinstance(method, Lagrangian) and method.given("dual"):
        dual = method.dual
        climbs = network is not None and isinstance(dual, Adam)
        open_ = network is not None and isinstance(dual, Sgd) and dual.lr is None
        if open_ or (not climbs and (not isinstance(dual, Sgd) or dual.momentum)):
            return f"by `lagrangian(dual={dual.word})`"
    if isinstance(method, AugmentedLagrangian) and method.given("every"):
        count, unit = method.every
        return None if unit == "epoch" else f"by `{method.word}(every={count} {unit}s)`"
    return None
