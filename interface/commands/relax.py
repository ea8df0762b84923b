"""Find how far each bound must give for all requirements to be met (the elastic problem).

Functional requirements may be violated at a price, sets and projections stay hard. Problems of
decision variables go to a solver, others are trained with a large exact penalty. Exit code: 0
nothing must give, 1 errors before the first step, 4 something must.
"""

import argparse

from cspec.commands.run import in_json, natural
from cspec.commands.settings import add_given, bindings_of, params_of
from cspec.dsl.text.running import loading
from cspec.reading.sources import add_spec, chosen
from cspec.running.outside import Asked


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `cspec relax`."""
    add_spec(parser)
    add_given(parser)
    parser.add_argument("--seed", type=natural, help="default: the spec's")
    parser.add_argument("--device", default="cpu", help="cpu (default), cuda, cuda:1, mps")
    parser.add_argument("--json", action="store_true", help="the relaxation as one JSON object")


@in_json
def main(options: argparse.Namespace) -> int:
    """Relax the spec; with --json also errors are JSON lines."""
    asked = Asked(*chosen(options), params_of(options), bindings_of(options))

    # Imported here: `cspec relax --help` needs no torch.
    with loading(own=True):
        from cspec.running.relax import relaxation

    found = relaxation(asked, seed=options.seed, device=options.device)
    print(found.to_json() if options.json else found)
    return found.exit_code
