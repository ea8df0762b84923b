"""Checkpoints: tensors in safetensors, the rest in JSON, hashes over both, no pickle.

A checkpoint is a folder that is written under another name and renamed when it is complete.
"""

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from cspec.compiler.records.program import Program
from cspec.runtime.files import sha256, sync_folder, write_atomic
from cspec.runtime.models.without_trace import put_back, states

VERSION = 3
TENSORS = "tensors.safetensors"
MANIFEST = "manifest.json"


class CheckpointError(ValueError):
    """A checkpoint that is incomplete, altered, or of another version."""


def pack(value: Any, tensors: dict[str, Tensor], path: str = "") -> Any:
    """A tree of plain values and tensors as JSON; tensors move to `tensors`, by reference.

    Mappings keep their key types (optimizers number their parameters), tuples stay tuples, and
    numbers that JSON can't say are kept by name.
    """
    match value:
        case Tensor():
            held, apart = value.detach().cpu(), value.is_complex()
            tensors[path] = (torch.view_as_real(held) if apart else held).contiguous().clone()
            return {"complex" if apart else "tensor": path}
        case Mapping():
            items = [[key, pack(item, tensors, f"{path}/{key}")] for key, item in value.items()]
            return {"map": items}
        case tuple():
            return {"tuple": [pack(v, tensors, f"{path}/{i}") for i, v in enumerate(value)]}
        case list():
            return [pack(v, tensors, f"{path}/{i}") for i, v in enumerate(value)]
        case float():
            return {"float": value.hex()}
        case None | bool() | int() | str():
            return value
    raise TypeError(f"a checkpoint can't hold a {type(value).__name__} (at {path or 'the top'})")


def unpack(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    """The tree that `pack` took apart."""
    if isinstance(value, list):
        return [unpack(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    match kind:
        case "tensor":
            return tensors[content]
        case "complex":
            return torch.view_as_complex(tensors[content])
        case "map":
            return {key: unpack(item, tensors) for key, item in content}
        case "tuple":
            return tuple(unpack(item, tensors) for item in content)
        case "float":
            return float.fromhex(content)
    raise CheckpointError(f"unknown entry {kind!r}")


def save(folder: Path, tree: Mapping[str, Any]) -> dict[str, bytes]:
    """Write a checkpoint; an existing one of this name is replaced only when all is on disk.

    The content of its files by name.
    """
    tensors: dict[str, Tensor] = {}
    content = json.dumps(pack(tree, tensors))
    data = save_tensors(tensors)
    hashes = {"tensors": sha256(data), "content": sha256(content.encode())}
    manifest = {"version": VERSION, "sha256": hashes, "content": content}
    partial = folder.with_name(f".{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    write_atomic(partial / TENSORS, data)
    text = json.dumps(manifest)
    write_atomic(partial / MANIFEST, text)
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(partial, folder)
    sync_folder(folder.parent)
    return {TENSORS: data, MANIFEST: text.encode()}


def load(folder: Path) -> dict[str, Any]:
    """Read a checkpoint.

    Raises:
        CheckpointError: a file that is missing or altered, or another version.
    """
    try:
        data = (folder / TENSORS).read_bytes()
        manifest = json.loads((folder / MANIFEST).read_text())
        version, hashes = manifest["version"], manifest["sha256"]
        content: str = manifest["content"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{folder} is incomplete: {error}") from error
    if version != VERSION:
        raise CheckpointError(f"{folder} has version {version}, this cspec reads {VERSION}")
    if sha256(data) != hashes["tensors"] or sha256(content.encode()) != hashes["content"]:
        raise CheckpointError(f"{folder} is damaged: its hashes do not match")
    try:
        tree: dict[str, Any] = unpack(json.loads(content), load_tensors(data))
    except (SafetensorError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise CheckpointError(f"{folder} is damaged: {error}") from error
    return tree


def generators() -> dict[str, Any]:
    """The state of every generator that a step may read."""
    (version, internal, gauss), (name, keys, position, has_gauss, cached), host, cuda = states()
    return {
        "torch": host,
        "cuda": list(cuda),
        "python": (version, torch.tensor(internal), gauss),
        "numpy": (
            str(name),
            torch.from_numpy(np.asarray(keys).astype(np.int64)),
            int(position),
            int(has_gauss),
            float(cached),
        ),
    }


def restore_generators(state: Mapping[str, Any]) -> None:
    """Put generators back where `generators` found them."""
    version, internal, gauss = state["python"]
    name, keys, *rest = state["numpy"]
    python = version, tuple(internal.tolist()), gauss
    put_back((python, (name, keys.numpy().astype(np.uint32), *rest), state["torch"], state["cuda"]))


def entries(program: Program) -> list[str]:
    """Each constraint with its place in the constraint vector: what a state is about."""
    return [f"{c.label} {c.segment}" for c in program.constraints]


def require_fits(program: Program, state: Mapping[str, Tensor], saved: Mapping[str, Any]) -> None:
    """Refuse a state of other constraints, or of another method: a multiplier must not stand for
    another.

    Raises:
        ValueError: what it is about, and what the program is.
    """
    own = entries(program)
    held = saved.get("entries", own)
    if held != own:
        raise ValueError(f"it is of {', '.join(held) or 'none'}, the spec has {', '.join(own)}")
    absent = [name for name in state if name not in saved["state"]]
    if absent:
        raise ValueError(f"it has no {', '.join(absent)}, which the method of the spec keeps")
