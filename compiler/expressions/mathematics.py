"""What an explanation says, as plain records: the text, Markdown and JSON forms all read these."""

from pydantic import BaseModel

OBJECTIVE_SURROGATE = "the model moves by"
"""What is said of the surrogate of an objective: an objective has no words of its own for it."""


class Mathematics(BaseModel, frozen=True, extra="forbid"):
    """One expression: `text` in the notation of the language, `latex` for Markdown."""

    text: str
    latex: str


class Setting(BaseModel, frozen=True, extra="forbid"):
    """One setting as it acts; `default` where the spec does not say it."""

    name: str
    value: str
    default: bool = False

    @property
    def text(self) -> str:
        """`name=value`, defaults marked."""
        return f"{self.name}={self.value}" + (" (default)" if self.default else "")


class Quantity(BaseModel, frozen=True, extra="forbid"):
    """Something the problem is about: a dataset, a model, a variable, a param, a given value."""

    kind: str
    name: str
    meaning: str
    moves: bool = False
    """Whether training moves it."""


class ConstraintRecord(BaseModel, frozen=True, extra="forbid"):
    """One constraint as written (a quantified one is one record) and what becomes of it."""

    label: str
    written: str
    quantifier: Mathematics | None = None
    members: tuple[str, ...] = ()
    """Members of the quantifier; empty until data and models are bound."""
    canonical: tuple[Mathematics, ...] = ()
    """`g <= 0`, `h == 0` or `W in S`, each whole."""
    kind: str = "requirement"
    method: str = ""
    alternative: str = ""
    """What decides between `method` and something else once a model is bound."""
    settings: tuple[Setting, ...] = ()
    reason: str = ""
    rejected: tuple[str, ...] = ()
    surrogate: str = ""
    surrogate_form: tuple[Mathematics, ...] = ()
    tolerance: str = ""
    verdict: str = ""
    """On which data, with which evidence the verdict is reached."""
    price: str = ""
    """How the multiplier and the sensitivity read."""


class StateRecord(BaseModel, frozen=True, extra="forbid"):
    """Something that the updates remember."""

    name: str
    meaning: str
    size: int | None = None
    """None until it is known how many entries there are."""
    start: str = "0"


class OperationRecord(BaseModel, frozen=True, extra="forbid"):
    """One operation of the update graph."""

    kind: str
    name: str
    trigger: str
    meaning: str = ""
    updates: tuple[Mathematics, ...] = ()
    targets: tuple[str, ...] = ()
    condition: str = ""
    """When the operation is there at all: what is decided once a model is bound."""


class Change(BaseModel, frozen=True, extra="forbid"):
    """One rewriting step that changed something: a line a constraint, before and after."""

    name: str
    lines: tuple[str, ...] = ()


class Explanation(BaseModel, frozen=True, extra="forbid"):
    """The whole page."""

    name: str
    bound: bool
    """Whether data and models are known."""
    sense: str
    objective: Mathematics
    objective_written: str = ""
    objective_surrogate: str = ""
    """What moves the model in its place, where it is flat."""
    implied: tuple[tuple[str, str], ...] = ()
    """What was written short, and what it means."""
    quantities: tuple[Quantity, ...] = ()
    constraints: tuple[ConstraintRecord, ...] = ()
    metrics: tuple[tuple[str, str], ...] = ()
    training: tuple[Setting, ...] = ()
    changes: tuple[Change, ...] = ()
    state: tuple[StateRecord, ...] = ()
    operations: tuple[OperationRecord, ...] = ()
    signs: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    later: tuple[str, ...] = ()
    """What this version can't run: forms that are not compiled yet."""
