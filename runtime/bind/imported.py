"""Where an imported object comes from, whatever module it was asked of.

A module also has what it imported itself: `from package.tools import run` may be `subprocess.run`.
"""

from functools import partial
from types import BuiltinFunctionType, ModuleType
from typing import Any

import torch

from cspec.dsl.imports.trust import TREES, Refusal, refusal, vouched

_OPERATIONS = ("torch.functional", "torch._linalg_utils", "torch._lowrank", "torch._lobpcg")
"""Homes of what `torch` has in Python."""
_HOMES = (
    "torch.nn.functional", "torch.nn.init", "torch.nn.parameter", "torch.signal.windows.windows",
)  # fmt: skip
_FILES = ("from_file",)
"""Operations of `torch` that open files."""


def elsewhere(module: str, name: str, found: Any) -> Refusal | None:
    """Why an object of a trusted module is not to be used: its home is not trusted."""
    if vouched(module, name):
        return None
    while isinstance(found, partial):
        found = found.func
    if isinstance(found, ModuleType):
        return Refusal(f"it is the module `{found.__name__}`", f"{module}.{name}")
    home = getattr(found, "__module__", None)
    named = module if module.split(".")[0] == "torch" else home
    if not isinstance(named, str):
        return None
    if named.split(".")[0] != "torch":
        return refusal(named, name)
    if is_computation(named, name, found):
        return None
    return Refusal(f"`{named}.{name}` does more than compute numbers", f"{module}.{name}")


def is_computation(module: str, name: str, found: Any) -> bool:
    """Whether an object of a module of torch is an operation on tensors or a layer."""
    if isinstance(found, ModuleType) or not callable(found):
        return False
    home = getattr(found, "__module__", None)
    if home in _OPERATIONS:
        return True
    if module == "torch":
        return hasattr(torch._C._VariableFunctions, name) and name not in _FILES
    if isinstance(found, BuiltinFunctionType):
        return home is None or home == "torch" or home.startswith("torch._C.")
    return home in _HOMES or any(f"{home}.".startswith(f"{tree}.") for tree in TREES)
