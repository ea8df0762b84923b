"""The page of one error code."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Code(BaseModel):
    """What `cspec explain CS101` prints; `wrong` and `right` are complete small specs."""

    model_config = ConfigDict(frozen=True)

    code: str
    title: str
    explanation: str
    wrong: str
    right: str
