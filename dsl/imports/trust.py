"""Whom a spec may bring Python in from: a spec from elsewhere must not run a command.

Without a word of the user these are the files of the spec's own folder tree (`from "nets.py"`), the
computations of torch, and installed packages that announce themselves by their entry points.
Others are named by the user: `--trust NAME`, `trust=[...]` in Python, or `[tool.cspec] trust` in
the user's own pyproject.toml. A name covers its submodules; `torch.load` or `os.path.join` names
one member.

    with trusting(["scipy"]):
        refusal("scipy.special", "erf")     # None
        refusal("os", "system")             # why not

What the user binds himself, on the command line or as a Python object, is not asked here.

Packages announce functions for specs by the entry points of what is installed:

    [project.entry-points."cspec.functions"]
    anything = "package.module"

Entry points are read from the texts of installed packages; nothing is imported.
"""

from __future__ import annotations

import os
import stat
import sys
import tomllib
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from importlib.metadata import entry_points
from importlib.util import find_spec
from os.path import isfile
from pathlib import Path
from typing import NamedTuple

from cspec.dsl.messages.diagnostic import Diagnostic, finding
from cspec.dsl.text.regular import read_regular
from cspec.dsl.text.source import NOWHERE, Span


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


MODULES = _names(
    """
    torch torch.fft torch.functional torch.linalg torch.nn torch.nn.functional torch.nn.init
    torch.signal.windows torch.special
    """
)
TREES = ("torch.nn.modules", "torch.distributions")
"""Packages whose submodules compute, too."""

_ACTS_IN_TORCH = _names(
    """
    accelerator amp ao are_deterministic_algorithms_enabled autocast autocast_decrement_nesting
    autocast_increment_nesting autograd backends builtins classes classproperty
    clear_autocast_cache compile compiled_with_cxx11_abi compiler cond cpp cpu ctypes cuda
    device distributed distributions dtype enable_grad export fft finfo fork from_dlpack
    from_file func functional functools futures fx get_autocast_cpu_dtype get_autocast_dtype
    get_autocast_gpu_dtype get_autocast_ipu_dtype get_autocast_xla_dtype get_default_device
    get_default_dtype get_deterministic_debug_mode get_device_module get_file_path
    get_float32_matmul_precision get_num_interop_threads get_num_threads get_rng_state glob hub
    iinfo import_ir_module import_ir_module_from_buffer importlib inference_mode
    init_num_threads initial_seed inspect is_anomaly_check_nan_enabled is_anomaly_enabled
    is_autocast_cache_enabled is_autocast_cpu_enabled is_autocast_enabled
    is_autocast_ipu_enabled is_autocast_xla_enabled
    is_deterministic_algorithms_warn_only_enabled is_grad_enabled is_inference_mode_enabled
    is_storage is_tensor is_warn_always_enabled jit layout library linalg load manual_seed
    masked math memory_format merge_type_from_type_comment monitor mps mtia multiprocessing
    nested nn no_grad ops optim os overrides package parse_ir parse_schema parse_type_comment
    platform prepare_multiprocessing_environment profiler
    profiler_allow_cudagraph_cupti_lazy_reinit_cuda12 qscheme quantization quantized_gru
    quantized_lstm quasirandom random return_types save seed serialization set_anomaly_enabled
    set_autocast_cache_enabled set_autocast_cpu_dtype set_autocast_cpu_enabled
    set_autocast_dtype set_autocast_enabled set_autocast_gpu_dtype set_autocast_ipu_dtype
    set_autocast_ipu_enabled set_autocast_xla_dtype set_autocast_xla_enabled set_default_device
    set_default_dtype set_default_tensor_type set_deterministic_debug_mode
    set_float32_matmul_precision set_flush_denormal set_grad_enabled set_num_interop_threads
    set_num_threads set_printoptions set_rng_state set_warn_always signal sparse special storage
    sym_float sym_fresh_size sym_int sym_ite sym_max sym_min sym_not sym_sqrt sym_sum sys
    testing textwrap thread_safe_generator threading to_dlpack torch torch_version typename
    types unify_type_list use_deterministic_algorithms utils version vmap wait warnings
    while_loop windows xpu
    """
)
"""Modules and functions of `torch` itself that are no operations on tensors."""

_BORROWED = _names(
    """
    Any BackwardHook Callable DType DataParallel F Final Function Generic Iterator LinAlgError
    Literal Mapping NamedTuple Number Optional OrderedDict PackedSequence ParamSpec Protocol
    Real RemovableHandle Self Sequence Size SymInt Tensor TypeVar Union boolean_dispatch
    cached_property chain container_abcs deprecated device dtype factory_kwargs
    handle_torch_function has_torch_function has_torch_function_unary
    has_torch_function_variadic is_tensor_like is_traceable_wrapper_subclass islice namedtuple
    np once_differentiable overload repeat torch total_ordering update_wrapper
    """
)
"""Names that the modules have from elsewhere."""


def computes(module: str, member: str) -> bool:
    """Whether a member of a module of torch computes numbers or makes a layer of a model.

        computes("torch.nn.functional", "gelu")     # True
        computes("torch", "load")                   # False: it reads files and runs what is in them

    As far as names tell: nothing is imported for that. The modules are listed; in them, names that
    run, read, write or set something are left out. Tests hold the names to what the functions are
    (`runtime/bind/imported.py`), in the torch at hand. Operations of `torch` are lower case: its
    classes are storages, files, programs.
    """
    if member.startswith("_"):
        return False
    if module == "torch":
        return member == member.lower() and member not in _ACTS_IN_TORCH
    if module not in MODULES and not any(f"{module}.".startswith(f"{t}.") for t in TREES):
        return False
    return member not in _BORROWED and member not in sys.stdlib_module_names


_NAMED: ContextVar[tuple[str, ...]] = ContextVar("trusted", default=())

OWN = ("cspec.runtime.functions", "cspec.runtime.models", "cspec.runtime.operators")
"""What of cspec computes; the rest reads files and runs specs."""


class Refusal(NamedTuple):
    """Why a module may not be imported from, and the name that would allow it."""

    why: str
    name: str
    notes: tuple[str, ...] = ()


@contextmanager
def trusting(names: Iterable[str] | str) -> Iterator[None]:
    """Trust these modules within the block, beside those trusted outside of it.

    Raises:
        SpecError: CS219, what is no name of a module.
    """
    added: tuple[object, ...] = (names,)
    if isinstance(names, Iterable) and not isinstance(names, str):
        added = tuple(names)
    for name in added:
        if not is_module_name(name):
            raise _no_name(name).error()
    token = _NAMED.set((*_NAMED.get(), *map(str, added)))
    try:
        yield
    finally:
        _NAMED.reset(token)


def trusted() -> tuple[str, ...]:
    """The modules that the user trusts here, for this command or in pyproject.toml, sorted."""
    return tuple(sorted({*_NAMED.get(), *user_trust().names}))


def is_module_name(name: object) -> bool:
    """Whether this is `package.module`."""
    return isinstance(name, str) and all(part.isidentifier() for part in name.split("."))


def _no_name(name: object) -> Diagnostic:
    return Diagnostic(
        code="CS219",
        message=f"`{name}` can't be trusted: it is no name of a module",
        helps=(
            "name modules as they are imported: `--trust scipy`, in Python trust=['scipy']",
            'files of the spec\'s own folder need no trust: from "nets.py" import Net',
        ),
    )


def covers(names: Collection[str], module: str, member: str) -> bool:
    """Whether one of the names is the module, a package above it, or the member."""
    path = f"{module}.{member}"
    return any(path == name or f"{module}.".startswith(f"{name}.") for name in names)


def vouched(module: str, member: str, user: UserTrust | None = None) -> bool:
    """Whether the user named a module, its package or this member of it; `user` is read already."""
    return covers((*_NAMED.get(), *(user or user_trust()).names), module, member)


def refusal(module: str, member: str) -> Refusal | None:
    """Why a spec may not import `member` from an installed module; None where it may."""
    first = module.split(".")[0]
    if first == "torch" and computes(module, member):
        return None
    if covers(OWN, module, member):
        return None
    if first not in ("torch", "cspec") and is_announced(module):
        return None
    user = user_trust()
    if vouched(module, member, user):
        return None
    notes = (user.problem,) if user.problem else ()
    if first == "torch":
        whole = module if module != first else f"{module}.{member}"
        return Refusal(f"`{module}.{member}` does more than compute numbers", whole, notes)
    if first == "cspec":
        return Refusal(f"`{module}` does more than compute numbers", module, notes)
    return Refusal(f"nobody has said that `{module}` may be run", module, notes)


_WHY = (
    "a spec brings Python in from files of its own folder, from the computations of torch, and from"
    " packages that announce functions for specs; others the user names, so that a spec from"
    " elsewhere runs no command"
)


def untrusted(
    module: str,
    name: str,
    refused: Refusal,
    *,
    spec: str = "",
    span: Span = NOWHERE,
    beside: str = "",
) -> Diagnostic:
    """The finding: `spec` is the file to be run, `beside` a file of that name in its folder."""
    trusted = refused.name
    file = spec if spec and not spec.startswith("<") else "FILE"
    typed = f"cspec run {file} --trust {trusted}" if spec else f"--trust {trusted}"
    helps = (f'a file of the spec\'s folder is named in quotes: from "{beside}" import {name}',)
    allow = (
        f"if you trust it with all that you may do: {typed}",
        f'in Python: trust=["{trusted}"]; for all your specs: trust = ["{trusted}"] below'
        " [tool.cspec] in your pyproject.toml",
    )
    said = f"`{name}` of `{module}` is not brought in: {refused.why}"
    notes = (_WHY, *refused.notes)
    helps = (*(helps if beside else ()), *allow)
    return finding("CS218", said, span, f"would import `{module}`", notes=notes, helps=helps)


GROUP = "cspec.functions"


def _modules() -> frozenset[str]:
    """The modules announced; none of them can be one of Python's own."""
    return _found(tuple((folder, _changed(folder)) for folder in sys.path))


def _changed(folder: str) -> int:
    """When what a folder holds changed last."""
    try:
        return Path(folder).stat().st_mtime_ns
    except OSError:
        return 0


@lru_cache(maxsize=1)
def _found(_: tuple[tuple[str, int], ...]) -> frozenset[str]:
    """Read anew where a package was installed or removed: its folder has changed."""
    named = {point.value.split(":")[0].strip() for point in entry_points(group=GROUP)}
    return frozenset(m for m in named if m.split(".")[0] not in sys.stdlib_module_names)


def is_announced(module: str) -> bool:
    """Whether a module belongs to a package that announces itself."""
    return module.split(".")[0] in {announced.split(".")[0] for announced in _modules()}


def announced_file(module: str) -> Path | None:
    """The file of a module that an installed package announces; found, not imported."""
    if module not in _modules():
        return None
    first, *rest = module.split(".")
    try:
        place = find_spec(first)  # of a name without a dot: nothing is imported
    except ValueError:
        return None
    if place is None:
        return None
    if not rest and place.origin is not None:
        return Path(place.origin)
    for folder in place.submodule_search_locations or ():
        inner = Path(folder, *rest)
        for path in (inner.with_suffix(".py"), inner / "__init__.py"):
            if isfile(path):
                return path
    return None


NAME = "pyproject.toml"
MAX_BYTES = 1 << 20


class UserTrust(NamedTuple):
    """The modules that the user's pyproject trusts, and what is wrong with what it says."""

    names: tuple[str, ...] = ()
    problem: str | None = None


def user_trust() -> UserTrust:
    """What `[tool.cspec] trust` of the user says.

    The user's file is the nearest one from the current directory upward, never one that is found
    from the spec: where a spec lies is chosen by whoever wrote it, where a command is typed by
    whoever types it. (A spec inside the current directory gains nothing by this: whoever could
    change the file there could as well put Python beside the spec, which is imported without
    trust.) A file that belongs to somebody else, or that everybody may write to, is passed over
    with a note: on a shared machine anybody can put one into a folder above.
    """
    try:
        folder = Path.cwd().resolve()
    except OSError:
        return UserTrust()
    path = next((p for f in (folder, *folder.parents) if (p := f / NAME).is_file()), None)
    return UserTrust() if path is None else _read(path)


def _read(path: Path) -> UserTrust:
    try:
        found = path.stat()
        if not _own(found):
            return UserTrust((), f"{path} is not read: others than you may write to it")
        content = read_regular(path, MAX_BYTES)
        tool = tomllib.loads(content.decode("utf-8")).get("tool", {})
    except (OSError, ValueError) as error:
        said = " ".join(str(error).split())
        return UserTrust((), f"{path} can't be read: {said}")
    table = tool.get("cspec", {}) if isinstance(tool, dict) else {}
    names = table.get("trust", []) if isinstance(table, dict) else []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return UserTrust((), f'{path}: write trust = ["NAME"], a list of names of modules')
    return UserTrust(tuple(names))


def _own(found: os.stat_result) -> bool:
    """Whether a file is the user's or the system's, and not everybody's to change."""
    if os.name != "posix":
        return True
    return found.st_uid in (os.getuid(), 0) and not found.st_mode & stat.S_IWOTH
