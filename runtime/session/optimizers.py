"""One optimizer over several of torch's, whose step does nothing when a gradient is not finite."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import Tensor, nn

from cspec.compiler.records.facts import Facts
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.settings.fit import (
    AdamOptimizer,
    AdamwOptimizer,
    LbfgsOptimizer,
    SgdOptimizer,
)
from cspec.dsl.settings.fit import Optimizer as OptimizerSettings
from cspec.runtime.steps.coupled_adam import CoupledAdam
from cspec.runtime.steps.coupling import Cluster
from cspec.runtime.steps.torch_optimizers import LBFGS, SGD, Adam, AdamW, fusible

Parameter = torch.nn.Parameter
Closure = Callable[[], Tensor]


class PerParameter:
    """`optimizer.state` over several optimizers, as projections ask for it."""

    def __init__(self, parts: Sequence[torch.optim.Optimizer]) -> None:
        self._parts = parts

    def get(self, parameter: Tensor, otherwise: dict[str, Any]) -> dict[str, Any]:
        """What is remembered of a parameter."""
        found = (part.state[parameter] for part in self._parts if parameter in part.state)
        return next(found, otherwise)


def finite(tensors: Sequence[Tensor]) -> Tensor:
    """Whether all entries are finite (as long as their norms do not overflow); 0-dim boolean."""
    if not tensors:
        return torch.tensor(True)
    return torch.isfinite(torch.stack(torch._foreach_norm(list(tensors))).sum())


def _all_finite(tensors: list[Tensor]) -> bool:
    """`finite` on the host, which reads a number in less time than it adds two tensors.

    A sum that is finite is one of finite numbers; another may have overflowed.
    """
    for tensor in tensors:
        if not math.isfinite(tensor.sum().item()):
            return bool(finite(tensors))
    return True


class Optimizers:
    """Several torch optimizers as one; steps with non-finite gradients are skipped and counted.

    On an accelerator the flag stays there (fused optimizers read it), so a step never waits for
    the host; `flush` brings the counts over. L-BFGS and optimizers without that support branch on
    the host.
    """

    def __init__(self, parts: Sequence[torch.optim.Optimizer]) -> None:
        self.parts = tuple(parts)
        self.state = PerParameter(self.parts)
        self._parameters: tuple[Tensor, ...] = tuple(
            p for group in self.param_groups for p in group["params"]
        )
        self._device = self._parameters[0].device if self._parameters else torch.device("cpu")
        self._on_device = self._device.type != "cpu" and all(
            getattr(part, "_step_supports_amp_scaling", False) for part in self.parts
        )
        self._counts = torch.zeros(3, dtype=torch.int64, device=self._device)
        self.skipped, self.in_a_row, self.longest = 0, 0, 0

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """The groups of all parts, in order."""
        return [group for part in self.parts for group in part.param_groups]

    def _gradients(self) -> list[Tensor]:
        found = [p.grad for p in self._parameters]
        return [gradient for gradient in found if gradient is not None]

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    def step(self, closure: Closure | None = None) -> None:
        """One step of every part, or none at all where a gradient is not finite."""
        if closure is not None:
            self._step_with(closure)
        elif self._on_device:
            self._step_on_device()
        else:
            good = _all_finite(self._gradients())
            if good:
                for part in self.parts:
                    part.step()
            self._count(good)

    def _step_on_device(self) -> None:
        bad = ~finite(self._gradients())
        for part in self.parts:
            part.found_inf = bad.to(torch.float32)  # type: ignore[attr-defined]
            part.step()
        skipped, in_a_row, longest = self._counts
        in_a_row = (in_a_row + 1) * bad
        self._counts = torch.stack([skipped + bad, in_a_row, torch.maximum(longest, in_a_row)])

    def _step_with(self, closure: Closure) -> None:
        """A step that evaluates the loss itself: parameters go back where it went wrong."""
        before = [p.detach().clone() for p in self._parameters]
        losses: list[Tensor] = []

        def evaluated() -> Tensor:
            with torch.enable_grad():
                losses.append(closure())
            return losses[-1]

        for part in self.parts:
            part.step(evaluated)  # type: ignore[arg-type]
        values = [loss.detach().reshape(1) for loss in losses[:1]]
        good = bool(finite([*(p.detach() for p in self._parameters), *values]))
        if not good:
            self.forget()
            with torch.no_grad():
                for parameter, value in zip(self._parameters, before, strict=True):
                    parameter.copy_(value)
        self._count(good)

    def _count(self, good: bool) -> None:
        self.skipped += not good
        self.in_a_row = 0 if good else self.in_a_row + 1
        self.longest = max(self.longest, self.in_a_row)

    def forget(self) -> None:
        """Drop the memory of every part: moments, curvature."""
        for part in self.parts:
            part.state.clear()

    def flush(self) -> None:
        """Bring counts that live on an accelerator to the host."""
        if self._on_device:
            self.skipped, self.in_a_row, self.longest = self._counts.tolist()

    def state_dict(self) -> dict[str, Any]:
        """The state of every part, and the counts."""
        self.flush()
        counts = [self.skipped, self.in_a_row, self.longest]
        return {"parts": [part.state_dict() for part in self.parts], "counts": counts}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue where `state_dict` was taken."""
        for part, saved in zip(self.parts, state["parts"], strict=True):
            part.load_state_dict(saved)
        self.skipped, self.in_a_row, self.longest = state["counts"]
        self._counts = torch.tensor(state["counts"], dtype=torch.int64, device=self._device)


def assign(
    settings: Sequence[OptimizerSettings], named: Mapping[str, Parameter]
) -> list[list[str]]:
    """Which parameters each optimizer trains: globs first, in order; the rest goes to no glob.

    A glob matches `model.layer.weight` or the name without its model.

    Raises:
        SpecError: a glob that matches nothing, or two optimizers that both want the rest.
    """
    left = dict.fromkeys(named)
    groups: list[list[str]] = [[] for _ in settings]
    for index, item in enumerate(settings):
        if item.params is None:
            continue
        pattern = item.params
        groups[index] = [name for name in left if matches(name, pattern)]
        if not groups[index]:
            message = f'{item.word}(params="{pattern}") matches no parameter that is trained'
            notes = (f"parameters: {', '.join(named) or 'none'}",)
            helps = (_pattern_of(pattern, list(named)),)
            raise Diagnostic(code="CS511", message=message, notes=notes, helps=helps).error()
        for name in groups[index]:
            del left[name]
    rest = [index for index, item in enumerate(settings) if item.params is None]
    if len(rest) > 1:
        message = "two optimizers have no `params`, so both would train the same parameters"
        helps = ('name those of one by a pattern: `adam(params="fc1*")`',)
        raise Diagnostic(code="CS510", message=message, helps=helps).error()
    if rest:
        groups[rest[0]] = list(left)
    return groups


def matches(name: str, pattern: str) -> bool:
    """Whether a glob means a parameter: `model.layer.weight`, or the same without its model."""
    return fnmatchcase(name, pattern) or fnmatchcase(name.partition(".")[2], pattern)


def _pattern_of(pattern: str, names: list[str]) -> str:
    """A pattern that does match, close to the one that was given."""
    if not names:
        return "leave the optimizer out: nothing is trained"
    close = get_close_matches(pattern.strip("*"), names, n=1, cutoff=0.0)
    return f'write `params="{close[0] if close else names[0]}"`, or a pattern: `params="*weight"`'


def _build(settings: OptimizerSettings, parameters: list[Parameter]) -> torch.optim.Optimizer:
    asked = _asked(settings)
    # On CUDA fused kernels read the flag of a bad gradient on the device itself.
    fused = fusible(parameters) or None
    match settings:
        case SgdOptimizer():
            # On a CPU the kernel refuses the sparse gradients of embeddings.
            return SGD(parameters, **asked, fused=(fused and parameters[0].is_cuda) or None)
        case AdamwOptimizer():
            return AdamW(parameters, **asked, fused=fused)
        case AdamOptimizer():
            return Adam(parameters, **asked, fused=fused)
        case LbfgsOptimizer():
            # torch's own limits (1e-7, 1e-9) end an inner solve while a penalty still has work.
            fine = parameters[0].dtype == torch.float64
            search = asked.pop("line_search")
            return LBFGS(
                parameters,
                **asked,
                tolerance_grad=1e-11 if fine else 1e-7,
                tolerance_change=1e-15 if fine else 1e-9,
                line_search_fn=None if search == "none" else search,
            )
    raise TypeError(f"no torch optimizer for {settings.word}")


def _asked(settings: OptimizerSettings) -> dict[str, Any]:
    """What a spec says of an optimizer, by torch's own names."""
    return settings.model_dump(exclude={"params"})


def build_optimizers(
    settings: Sequence[OptimizerSettings],
    named: Mapping[str, Parameter],
    coupled: Sequence[Cluster] = (),
) -> Optimizers:
    """The optimizers of `fit(optimizer=...)` over the parameters that are trained.

    `coupled` are blocks of entries with one second moment each in Adam.

    Raises:
        SpecError: L-BFGS beside another optimizer (its line search owns the step), or `assign`'s.
    """
    if len(settings) > 1 and any(isinstance(item, LbfgsOptimizer) for item in settings):
        message = "lbfgs trains all parameters together and can't stand beside another optimizer"
        helps = ("leave the other out, or use `adam` for both",)
        raise Diagnostic(code="CS512", message=message, helps=helps).error()
    groups = assign(settings, named)
    parts = []
    for item, names in zip(settings, groups, strict=True):
        parts += _parts(item, [named[name] for name in names], coupled)
    return Optimizers(parts)


def _parts(
    settings: OptimizerSettings, parameters: list[Parameter], coupled: Sequence[Cluster]
) -> list[torch.optim.Optimizer]:
    """The optimizer of some parameters; of what sets couple, Adam has one of its own."""
    found: list[torch.optim.Optimizer] = []
    own = {id(p) for p in parameters}
    parts = [cluster.among(own) for cluster in coupled]
    held = [part for part in parts if part is not None and not part.trivial]
    if isinstance(settings, AdamOptimizer) and held:
        found.append(
            CoupledAdam(held, **_asked(settings), decoupled=isinstance(settings, AdamwOptimizer))
        )
        taken = {id(p) for part in held for p in part.tensors}
        parameters = [p for p in parameters if id(p) not in taken]
    return [*found, _build(settings, parameters)] if parameters else found


def with_held(facts: Facts, models: Mapping[str, nn.Module], held: Collection[int]) -> Facts:
    """The facts with marks on what has `requires_grad` and is not among `held` (by `id`): single
    parameters, and models that have no other.

    They train nowhere, whatever is required.
    """
    changed = {}
    for name, model in models.items():
        own = {n: id(p) in held or not p.requires_grad for n, p in model.named_parameters()}
        trained = [id(p) for p in model.parameters() if p.requires_grad]
        if all(own.values()):
            continue
        known = facts.models[name]
        parameters = tuple(p.model_copy(update={"held": own[p.name]}) for p in known.parameters)
        some = any(parameter in held for parameter in trained)
        changed[name] = known.model_copy(update={"parameters": parameters, "held": some})
    return facts.model_copy(update={"models": {**facts.models, **changed}})


def named_by(models: Mapping[str, nn.Module], patterns: Iterable[str | None]) -> set[int]:
    """Parameters that `fit(optimizer=...)` trains: those of any `params="glob"`; None is all."""
    wanted = list(patterns)
    return {
        id(parameter)
        for model, module in models.items()
        for name, parameter in module.named_parameters()
        if any(glob is None or matches(f"{model}.{name}", glob) for glob in wanted)
    }
