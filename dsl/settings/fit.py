"""How the primal variables are trained: `fit(...)`, optimizers, schedules, `stop when ...`."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from cspec.dsl.settings.base import Settings


class Optimizer(Settings):
    """Base of the optimizers of `fit(optimizer=...)`, all torch's own."""

    params: str | None = Field(None, description="glob of the parameters it trains; default: all")


class SgdOptimizer(Optimizer):
    """torch.optim.SGD."""

    word: ClassVar[str] = "sgd"
    lr: float = Field(1e-2, gt=0, description="learning rate")
    momentum: float = Field(0.0, ge=0, lt=1, description="momentum")
    weight_decay: float = Field(0.0, ge=0, description="L2 coefficient")
    nesterov: bool = Field(False, description="Nesterov momentum")


Decay = Annotated[float, Field(ge=0, lt=1)]


class AdamOptimizer(Optimizer):
    """torch.optim.Adam."""

    word: ClassVar[str] = "adam"
    lr: float = Field(1e-3, gt=0, description="learning rate")
    betas: tuple[Decay, Decay] = Field((0.9, 0.999), description="decay of the moments")
    eps: float = Field(1e-8, gt=0, description="denominator guard")
    weight_decay: float = Field(0.0, ge=0, description="L2 coefficient")


class AdamwOptimizer(AdamOptimizer):
    """torch.optim.AdamW (decoupled weight decay)."""

    word: ClassVar[str] = "adamw"
    weight_decay: float = Field(1e-2, ge=0, description="decoupled weight decay")


class LbfgsOptimizer(Optimizer):
    """torch.optim.LBFGS, for full batches."""

    word: ClassVar[str] = "lbfgs"
    lr: float = Field(1.0, gt=0, description="step")
    max_iter: int = Field(20, ge=1, description="inner iterations a step")
    history_size: int = Field(10, ge=1, description="stored updates")
    line_search: Literal["strong_wolfe", "none"] = Field("strong_wolfe", description="line search")


OPTIMIZERS: dict[str, type[Optimizer]] = {
    c.word: c for c in (SgdOptimizer, AdamOptimizer, AdamwOptimizer, LbfgsOptimizer)
}


class Schedule(Settings):
    """Base of the learning-rate schedules of `fit(schedule=...)`."""

    warmup: int = Field(0, ge=0, description="steps of linear warm-up")
    follow: bool = Field(
        False, description="the rate doubles while the path is straight, and halves back after"
    )


class Constant(Schedule):
    """The learning rate as given."""

    word: ClassVar[str] = "constant"


class Cosine(Schedule):
    """Half a cosine from the learning rate to `final` times it, after a share `hold` of the run."""

    word: ClassVar[str] = "cosine"
    hold: float = Field(0.0, ge=0, lt=1, description="share of the run before the rate falls")
    final: float = Field(0.0, ge=0, le=1, description="share of the learning rate at the end")


class Linear(Schedule):
    """A line from the learning rate to `final` times it."""

    word: ClassVar[str] = "linear"
    final: float = Field(0.0, ge=0, le=1, description="share of the learning rate at the end")


class Exponential(Schedule):
    """The learning rate times `decay` every epoch."""

    word: ClassVar[str] = "exponential"
    decay: float = Field(0.95, gt=0, le=1, description="factor an epoch")


class StepDecay(Schedule):
    """The learning rate times `factor` every `every` epochs."""

    word: ClassVar[str] = "step"
    every: int = Field(10, ge=1, description="epochs between two drops")
    factor: float = Field(0.1, gt=0, le=1, description="factor of a drop")


SCHEDULES: dict[str, type[Schedule]] = {
    c.word: c for c in (Constant, Cosine, Linear, Exponential, StepDecay)
}


Size = Annotated[int, Field(ge=1)]


class FitSettings(Settings):
    """`fit(...)`: optimizer, length, batches, seed."""

    word: ClassVar[str] = "fit"
    optimizer: tuple[Optimizer, ...] = Field(
        (AdamOptimizer(),), description="one optimizer, or a list, each with `params`"
    )
    schedule: Schedule = Field(Constant(), description="learning-rate schedule")
    epochs: int | None = Field(None, ge=1, description="passes over the data; default 30")
    steps: int | None = Field(None, ge=1, description="steps; default 5,000 without data")
    batch_size: Size | Literal["full"] | dict[str, Size | Literal["full"]] = Field(
        128, description="examples a step: a number, full, or sizes(train=64, ...)"
    )
    clip_norm: float | None = Field(None, gt=0, description="clip the total gradient norm")
    accumulate: int = Field(1, ge=1, description="batches a step, one after another in memory")
    precision: Literal["float32", "float64"] = Field(
        "float32", description="number format: float32 or float64"
    )
    strata: tuple[str, ...] | Literal["groups"] | None = Field(
        None,
        description="columns whose groups each batch holds in their shares; "
        "groups: those of the requirements",
    )
    augment: str | None = Field(None, description="name of an imported function on a batch of x")
    seed: int = Field(0, ge=0, description="seed of initialization, order and noise")

    def rows_of_step(self, dataset: str | None) -> int | None:
        """Examples that a step takes of a dataset, `accumulate` batches; None for all of them."""
        size = self.batch_size
        one = size.get(dataset or "", 128) if isinstance(size, dict) else size
        return None if one == "full" else self.accumulate * int(one)


class Feasible(Settings):
    """Every requirement is met within a tolerance."""

    word: ClassVar[str] = "feasible"
    positional: ClassVar[tuple[str, ...]] = ("tolerance",)
    tolerance: float = Field(0.0, ge=0, description="largest violation that counts as met")


class Stalled(Settings):
    """The objective has not improved for a while."""

    word: ClassVar[str] = "stalled"
    epochs: int | None = Field(None, ge=1, description="epochs without improvement")
    steps: int | None = Field(None, ge=1, description="steps without improvement")
    tolerance: float = Field(1e-4, ge=0, description="relative change that is an improvement")


STOPS: dict[str, type[Settings]] = {c.word: c for c in (Feasible, Stalled)}
