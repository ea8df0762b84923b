"""Programs and sessions from the text of a spec."""

from __future__ import annotations

from typing import Any

from cspec.compiler.model_outputs import outputs
from cspec.compiler.plan import plan
from cspec.compiler.records.program import Program
from cspec.compiler.specialize import specialize
from cspec.dsl.check import check
from cspec.dsl.text.source import Source
from cspec.runtime.bind.bind import Bound, Inputs, bind, facts
from cspec.runtime.bind.outputs import complete
from cspec.runtime.run.execute import load_module
from cspec.runtime.session.session import Session


def compiled(text: str, bindings: dict[str, Any] | None = None) -> tuple[Program, Bound]:
    """The program of a spec and what it was bound to."""
    planned = plan(check(Source(text=text, name="test.cspec")))
    checked = planned.checked
    needs = {u.name: (u.needed or (u.span,))[0] for u in checked.symbols.unbound()}
    inputs = Inputs(
        data=planned.data,
        models=planned.models,
        variables=planned.variables,
        functions={},
        needs=needs,
        source=checked.source,
    )
    bound = bind(
        inputs, bindings or {}, seed=checked.fit.seed, outputs=lambda d: outputs(planned, d)
    )
    return specialize(
        planned, complete(planned, bound, facts(bound)), bound.data_setups, bound.model_setups
    ), bound


def session_of(text: str, **bindings: Any) -> Session:
    """What the emitted loop trains."""
    program, bound = compiled(text, bindings)
    return Session(program, bound, load_module(program, bound.functions), seed=0)
