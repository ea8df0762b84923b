"""How multipliers move: the settings of `dual=` in `lagrangian` and its kin."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from cspec.dsl.settings.base import Settings


class Sgd(Settings):
    """Gradient ascent: multiplier <- [multiplier + lr * violation]+."""

    word: ClassVar[str] = "sgd"
    lr: float | None = Field(
        None, gt=0, description="dual step; default: in the units of the problem"
    )
    momentum: float = Field(0.0, ge=0, lt=1, description="heavy-ball momentum of the ascent")


class Adam(Settings):
    """Adam ascent. Moves a single multiplier by its step size whatever the violation."""

    word: ClassVar[str] = "adam"
    lr: float = Field(1e-2, gt=0, description="dual step; left open in units of the problem")
    betas: tuple[float, float] = Field((0.0, 0.999), description="decay of the two moments")


class Nupi(Settings):
    """nuPI controller: multiplier += lr * (ki g + kp (xi - xi_before)), xi an average of g.

    xi = nu xi_before + (1 - nu) g, with xi = g at the start. Sohrabi et al. 2024, "On PI
    controllers for updating Lagrange multipliers in constrained optimization".
    """

    word: ClassVar[str] = "nupi"
    lr: float | None = Field(
        None, gt=0, description="dual step; default: in the units of the problem"
    )
    kp: float = Field(
        1.0, ge=0, description="proportional gain (multiplied by lr); with `lr` left open T / 60"
    )
    ki: float = Field(1.0, ge=0, description="integral gain (multiplied by lr)")
    nu: float = Field(
        0.0,
        gt=-1,
        lt=1,
        description="smoothing of the proportional term; with `lr` left open 0.8 on batches",
    )


class Pid(Settings):
    """PID controller: multiplier = [kp g + I + kd [g - g_before]+]+, I <- [I + ki g]+.

    For equalities without the [ ]+. Stooke, Achiam, Abbeel 2020, "Responsive safety in
    reinforcement learning by PID Lagrangian methods".
    """

    word: ClassVar[str] = "pid"
    kp: float = Field(
        0.0, ge=0, description="proportional gain; with all gains left open the first penalty c"
    )
    ki: float = Field(1e-2, ge=0, description="integral gain; with all left open 60 c / T")
    kd: float = Field(0.0, ge=0, description="derivative gain")
    smoothing: float = Field(0.0, ge=0, lt=1, description="moving-average decay of g in P and D")


DUALS: dict[str, type[Settings]] = {c.word: c for c in (Sgd, Adam, Nupi, Pid)}
Dual = Sgd | Adam | Nupi | Pid


class Network(Settings):
    """A network with one output, of an example's features: softplus of it is a multiplier."""

    word: ClassVar[str] = "mlp"
    positional: ClassVar[tuple[str, ...]] = ("hidden",)
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = Field(
        (64,), description="widths of the hidden layers"
    )
    act: Literal["relu", "tanh"] = Field("tanh", description="activation")
