"""What every settings record has: a word in the language, checked fields, a page.

A settings class is the single source for a word such as `lagrangian`, `adam` or `digits`: its
fields are the settings that the word takes, their types and constraints are checked by pydantic,
their descriptions and the class docstring are what `cspec list` and the docs print.
"""

from typing import ClassVar, Literal, NamedTuple

from pydantic import BaseModel


class Every(NamedTuple):
    """`every=10` (steps), `every=step`, `every=epoch`, `every=epochs(5)`."""

    count: int = 1  # type: ignore[assignment]  # the plain name, over tuple.count
    unit: Literal["step", "epoch"] = "step"


STEP = Every(1, "step")
EPOCH = Every(1, "epoch")


class Settings(BaseModel, frozen=True, extra="forbid"):
    """Base of all settings. `word` is the name in the language; unknown settings are errors."""

    word: ClassVar[str]

    def given(self, name: str) -> bool:
        """Whether the spec wrote this setting (values that are given act in units as written)."""
        return name in self.model_fields_set

    @property
    def only_named(self) -> bool:
        """Whether nothing but names was written: `lagrangian`, `lagrangian(dual=nupi)`."""
        values = (getattr(self, name) for name in self.model_fields_set)
        return all(isinstance(value, Settings) and value.only_named for value in values)
