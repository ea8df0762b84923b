"""What a spec needs from outside, and what a run of it gives."""

import argparse
import json
from collections.abc import Iterator, Sequence

from cspec.commands import exits
from cspec.commands.settings import add_set, add_trust, params_of
from cspec.dsl.needs import Needs, needs
from cspec.dsl.text.visible import visible_line
from cspec.reading.sources import add_spec, chosen
from cspec.reading.specs import checked_spec
from cspec.render.messages import columns


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cspec info`."""
    add_spec(parser)
    add_set(parser)
    add_trust(parser)
    parser.add_argument("--json", action="store_true", help="as one JSON object")


def main(options: argparse.Namespace) -> int:
    """Print needs and gifts; a spec with errors has neither."""
    source, _ = chosen(options)
    found = needs(checked_spec(source, params_of(options)))
    if options.json:
        print(json.dumps({"type": "info", "spec": source.name, **found.model_dump()}, indent=1))
    else:
        print(f"{visible_line(source.name)}\n\n" + "\n\n".join(_sections(found)))
    return exits.OK


def _sections(found: Needs) -> Iterator[str]:
    tables: dict[str, Sequence[Sequence[str]]] = {
        "objective": [(found.objective,)],
        "requirements": [
            (
                c.label,
                c.text,
                f"line {c.line}",
                ", ".join(filter(None, ("a preference" if c.soft else "", c.by))),
            )
            for c in found.constraints
        ],
        "method": [(found.method,)],
        "bind from outside": [
            (u.name, u.kind, "needed by line " + ", ".join(map(str, u.lines)) if u.lines else "")
            for u in found.unbound
        ],
        "params (--set name=value)": [
            (p.name, p.how if p.value is None else _value(p.value), f"in {p.set}" if p.set else "")
            for p in found.params
        ],
        "data": [
            (
                d.name,
                ", ".join(d.columns),
                _origin(d.source),
                "implied" if d.implied else SCALED if d.standardized else "",
            )
            for d in found.datasets
        ],
        "models": [
            (
                m.name,
                _origin(m.source),
                "frozen" if m.frozen else "",
                "implied" if m.implied else "",
            )
            for m in found.models
        ],
        "variables": [(name,) for name in found.variables],
        "domains": [(name,) for name in found.domains],
        "given by your loop": [(name,) for name in found.given],
        "verified": [(text,) for text in found.verify],
        "metrics": [(text,) for text in found.metrics],
        "a run gives": [(text,) for text in found.gives],
    }
    for title, rows in tables.items():
        if rows:
            yield "\n".join([title, *(f"  {line}" for line in columns(rows))])


SCALED = "the model sees numeric inputs standardized; named features (`x.age`) are as in the data"


def _origin(source: str | None) -> str:
    return "from outside" if source is None else f"= {source}"


def _value(value: float | tuple[float, ...] | dict[str, float]) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {part:g}" for key, part in value.items())
    if isinstance(value, tuple):
        return f"[{', '.join(f'{part:g}' for part in value)}]"
    return f"{value:g}"
