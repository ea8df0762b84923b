"""Under what a run is computed: versions, threads, machine. They decide its last bits.

{"versions": {"python": "3.11.7", "torch": "2.13.0", ...}, "threads": 1, "cpu": "AVX512", ...}
"""

import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version

import torch
from pydantic import BaseModel

PACKAGES = ("cspec", "torch", "numpy", "scipy", "sympy", "safetensors", "scikit-learn", "pandas")


class Circumstances(BaseModel, frozen=True, extra="forbid"):
    """What the bits of a run depend on beside its spec, its data and its code."""

    versions: dict[str, str]
    """Of Python and of each package that computes."""
    threads: int
    """Threads that one operation is spread over: how sums are split changes their last bits."""
    interop_threads: int
    machine: str
    """`x86_64`."""
    cpu: str
    """The instructions that torch uses: `AVX512`."""
    accelerator: str = ""
    """Name of the device and version of its library, where a run is not on the CPU."""

    def rounding(self) -> dict[str, str]:
        """What is told, and refuses nothing: where it differs, last bits may."""
        return {
            "threads": str(self.threads),
            "interop threads": str(self.interop_threads),
            "machine": self.machine,
            "cpu": self.cpu,
            "accelerator": self.accelerator or "none",
        }


def versions() -> dict[str, str]:
    """Python, the platform, and each package that is installed, as they are in this process."""
    return dict(_found())


@cache
def _found() -> dict[str, str]:
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def circumstances(device: str) -> Circumstances:
    """Those of this process, for a run on a device."""
    return Circumstances(
        versions={name: text for name, text in versions().items() if name != "platform"},
        threads=torch.get_num_threads(),
        interop_threads=torch.get_num_interop_threads(),
        machine=platform.machine(),
        cpu=torch.backends.cpu.get_cpu_capability(),
        accelerator=_accelerator(torch.device(device)),
    )


def _accelerator(device: torch.device) -> str:
    match device.type:
        case "cpu":
            return ""
        case "cuda" if torch.cuda.is_available():
            return f"{torch.cuda.get_device_name(device)}, CUDA {torch.version.cuda}"
    return device.type
