"""The part of torch that computes numbers, as far as names tell: nothing is imported for that.

    computes("torch.nn.functional", "gelu")     # True
    computes("torch", "load")                   # False: it reads files and runs what is in them

The modules are listed; in them, names that run, read, write or set something are left out. Tests
hold the names to what the functions are (`runtime/bind/imported.py`), in the torch at hand.
"""

from __future__ import annotations

import sys


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

    Operations of `torch` are lower case: its classes are storages, files, programs.
    """
    if member.startswith("_"):
        return False
    if module == "torch":
        return member == member.lower() and member not in _ACTS_IN_TORCH
    if module not in MODULES and not any(f"{module}.".startswith(f"{t}.") for t in TREES):
        return False
    return member not in _BORROWED and member not in sys.stdlib_module_names
