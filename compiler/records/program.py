"""The specialized program: the emitted Python, and what the runtime must know beside it."""

from typing import Any, Literal

from pydantic import BaseModel

from cspec.compiler.records.certificate import CertificateFacts
from cspec.compiler.records.graph import UpdateGraph
from cspec.dsl.settings.base import Every
from cspec.dsl.settings.fit import OPTIMIZERS, SCHEDULES, FitSettings


class MeanFacts(BaseModel, frozen=True, extra="forbid"):
    """One mean, fraction or tail of a constraint: what may be missing where it is measured."""

    condition: str = ""
    """As written, members put in: `y == 1 and sex == Female`; the column of groups."""
    groups: tuple[str, ...] = ()
    """The values of that column, in code order."""
    denominator: str = ""
    """The mean as written, where it is a denominator."""


class ConstraintFacts(BaseModel, frozen=True, extra="forbid"):
    """One constraint of the program (a member of a quantifier is one of its own).

    Canonical form: `sign * (value - bound) <= 0` for `<=` (sign 1) and `>=` (sign -1),
    `sign * (value - bound) == 0` for `==` (sign -1 where the constant was written first, so that
    it is left minus right), `violation <= 0` for `in` (value is the violation, bound 0).
    """

    label: str
    """What people call it: `dp[Female]`, `ring.lo`."""
    family: str
    """The label as written, without member: `dp`."""
    text: str
    """The relation as written."""
    relation: Literal["<=", ">=", "==", "in"]
    tolerance: float
    """In the constraint's units; 0 with `exact` means compared exactly."""
    exact: bool = False
    soft: bool = False
    """A preference: reported, never decides the verdict."""
    weight: float = 0.0
    power: int = 1
    """Of a preference: weight * violation ** power is added to what is minimized."""
    method: str
    """`lagrangian`, `projection`, ...: what enforces it."""
    reason: str = ""
    rule: str | None = None
    """The group of constraints that share one update rule; None without multipliers."""
    each: str | None = None
    """The dataset that it is required of each example of, where each has a multiplier."""
    level: str = ""
    """The variable beyond which no example may be, where that is what is minimized."""
    share: bool = False
    """Whether its value is the share of examples that break it: of a rule on each."""
    searched: str = ""
    """The attack whose worst point is measured, `20 steps x 6 starts`; empty elsewhere."""
    drawn: str = ""
    """The draws of noise that it is measured by, `64 draws of normal(0, 0.1) an example`."""
    aim: float = 0.0
    """How far inside the bound a rule's examples are brought in the end: `>` is strict."""
    segment: tuple[int, int] | None = None
    """Its entries [start, stop) in the constraint vector `g` and in `multipliers`."""
    sign: float = 1.0
    datasets: tuple[str, ...] = ()
    """Datasets its expectations run over; empty for a function of parameters."""
    named: bool = False
    """Whether the spec names data of its means (`on D`): `verify all` keeps them."""
    surrogate: str | None = None
    stand_in: tuple[str, ...] = ()
    """What the model's step sees of it, as expressions of the language that are <= 0 (or == 0)."""
    multipliers: bool = False
    cases: tuple[str, ...] = ()
    """The ways in which a rule can hold, in words; `cases` of the module measures them."""
    constant: bool = False
    """Whether nothing that training moves changes it: judged, and refused where it is violated."""
    prices: bool = True
    """Whether its multipliers are prices of the bound where a run ends stationary."""
    line: int = 0
    residual: bool = False
    """Of a set: its entries are a residual that is to be 0, not functions that are <= 0."""
    means: tuple[MeanFacts, ...] = ()
    """Its means in the order in which they are measured; empty where none has a condition and none
    is a denominator."""
    rescaled: bool = False
    """Its entries are (value - bound) times a denominator: of the same sign, in other units."""
    margin: float = 0.0
    """How far inside its bound training keeps it, and iterates are chosen by."""
    certificate: CertificateFacts | None = None
    """Where `verify ... with confidence` decides it: what the certificate rests on."""

    @property
    def equal(self) -> bool:
        """Whether its entries are h == 0, of either sign, and not g <= 0."""
        return self.relation == "==" or self.residual

    @property
    def crosses(self) -> bool:
        """Whether the sign of its violation is that of one quantity from step to step.

        Of several equalities the one that is shown changes, and with it the sign.
        """
        start, stop = self.segment or (0, 0)
        return not self.equal or stop - start == 1


class VerifyFacts(BaseModel, frozen=True, extra="forbid"):
    """`verify labels on dataset every n with confidence c`; labels are families or members."""

    labels: tuple[str, ...] = ()
    """Empty: all."""
    dataset: str | None = None
    every: Every | None = None
    confidence: float | None = None


class SourceCall(BaseModel, frozen=True, extra="forbid"):
    """How a dataset or a model was made: `name(arguments, settings)`, found in `module` if not
    built in. Built-in words have all their values among the settings.

    `name` is empty for what was bound from outside.
    """

    name: str = ""
    module: str | None = None
    arguments: tuple[Any, ...] = ()
    settings: dict[str, Any] = {}
    inputs: tuple[int, ...] | None = None
    """For models: shape of one example's input ..."""
    outputs: int | None = None
    """... and number of outputs."""


class DataSetup(BaseModel, frozen=True, extra="forbid"):
    """One `data` line: its targets with their columns (name in the spec, name in the data)."""

    targets: tuple[tuple[str, tuple[tuple[str, str], ...]], ...]
    source: SourceCall = SourceCall()
    inputs: tuple[str, ...] = ()
    """Columns that a model is called with: it gets them in the shape in which they come."""
    exact: tuple[str, ...] = ()
    """Columns of what is about data alone: they keep their digits, whatever the run computes in."""
    features: tuple[tuple[str, str], ...] = ()
    """Features that expressions name, (name in the data, column that it becomes): `x.age`."""


class ModelSetup(BaseModel, frozen=True, extra="forbid"):
    """One `model` line."""

    name: str
    source: SourceCall = SourceCall()
    frozen_of: str | None = None
    arguments: tuple[str, ...] = ()
    """Columns that it is called with: a model that is built takes them side by side."""


class VariableSetup(BaseModel, frozen=True, extra="forbid"):
    """One `var`: its shape (scalars have shape (1,)), first value, and bound."""

    name: str
    shape: tuple[int, ...] = (1,)
    start: float | tuple[float, ...] = 0.0
    lower: float | None = None
    upper: float | None = None


class FunctionSetup(BaseModel, frozen=True, extra="forbid"):
    """A Python callable that expressions use: put into the module's namespace before it runs."""

    name: str
    """In the spec."""
    python: str
    """In the module."""
    source: str = ""
    """`file.py:name` or `package.module:name`; empty for one that is registered from Python."""


class Program(BaseModel, frozen=True, extra="forbid"):
    """Everything a run needs: the emitted module's text and the facts around it.

    `primal` maps the names of models to modules and of decision variables to parameters; `batch`
    (and `data`, the same on whole datasets) maps names of datasets to their columns by name,
    `given` to the values that the user's loop hands over. The module (see `compiler/emit`) defines

    - `setup()`, `record()`: this record again, for the file that runs on its own
    - `outputs(primal, rows)`, one a forward pass
    - `initial_state() -> dict[str, Tensor]`, where updates remember something
    - `measure(primal, batch) -> (f, g, true)`: objective, constraints with gradient, true
      constraints without gradient; without constraints `minimized(primal, batch) -> f`, or
      `objective` alone, and with requirements on each example `measure_each`, whose last value
      maps names of rules to one number an example
    - `constraints(primal, batch) -> true`: the true canonical constraints alone, no gradient
    - `combine(f, g, true, state) -> loss`; with `batch` behind, where that remembers weights
    - one function `name(state, true)` a dual or penalty step, which replaces entries of `state`
    - `sets(primal)`, `splits(primal, state)`: the sets that parameters are kept in, the copies of
      ADMM
    - `project(primal, optimizer, progress)` where something is projected
    - `keep_zeros(primal, state)` before a projection, and after it
      `freeze(primal, state, progress) -> [name]`, where a count keeps its entries once it has
      come to its bound
    - `evaluate(primal, data) -> dict[label, (value, bound)]`: in user's units, as deployed
    - `leaves(primal, data) -> dict[label, [mean]]` where there are certificates: the means of each
    - `cases(primal, data) -> dict[label, [value]]` where there are rules: each way to hold, <= 0
    - `metrics`: functions `(primal, data) -> value` by name; `initial`: those of values that
      metrics compare with, measured before the first step; `objective(primal, data) -> value`
    - `train(session)`: the loop

    What would be empty is left out (`runtime/session/pieces.py` puts it back).
    """

    name: str
    """File name of the spec."""
    spec: str
    """Its text."""
    digest: str
    """Hash of the specialized plan."""
    source: str = ""
    """The emitted Python module."""
    graph: UpdateGraph = UpdateGraph()
    sense: Literal["minimize", "maximize", "satisfy"]
    objective: str
    objective_stand_in: str = ""
    """What the model's step sees of the objective, where it is flat."""
    objective_datasets: tuple[str, ...] = ()
    constraints: tuple[ConstraintFacts, ...]
    metrics: dict[str, str] = {}
    metric_entries: dict[str, tuple[str, ...]] = {}
    """Names of the numbers of each metric that is several: by group, by place, by requirement."""
    """Name to expression as written."""
    data: tuple[DataSetup, ...] = ()
    models: tuple[ModelSetup, ...] = ()
    variables: tuple[VariableSetup, ...] = ()
    given: tuple[str, ...] = ()
    functions: tuple[FunctionSetup, ...] = ()
    fit: dict[str, Any]
    """FitSettings as plain values."""
    verify: tuple[VerifyFacts, ...] = ()
    stop: str | None = None
    """The condition as written, for the report; the module decides."""
    tables: dict[str, dict[str, float]] = {}
    """Params that have a number for each value of a column."""
    params: dict[str, float | tuple[float, ...]] = {}
    lines: tuple[tuple[int, str], ...] = ()
    """Lines of the emitted module that compute a constraint, with its label."""
    method: str = "auto"
    described: dict[str, str] = {}
    """Each dataset in words, for the report."""
    notes: tuple[str, ...] = ()
    """What the compiler wants said before training (budgets, implied defaults)."""


def plain_fit(fit: FitSettings) -> dict[str, Any]:
    """Settings of `fit` as plain values; `revive_fit` is its inverse."""
    values = fit.model_dump(exclude={"optimizer", "schedule"})
    values["optimizer"] = [[item.word, item.model_dump()] for item in fit.optimizer]
    values["schedule"] = [fit.schedule.word, fit.schedule.model_dump()]
    return values


def revive_fit(values: dict[str, Any]) -> FitSettings:
    """The record that `plain_fit` took apart."""
    word, settings = values["schedule"]
    optimizers = tuple(OPTIMIZERS[word](**settings) for word, settings in values["optimizer"])
    rest = {key: value for key, value in values.items() if key not in {"optimizer", "schedule"}}
    return FitSettings(optimizer=optimizers, schedule=SCHEDULES[word](**settings), **rest)
