"""What a split shows of the means that certificates rest on: one evaluation of the model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from cspec.compiler.records.certificate import CertificateFacts, LeafFacts
from cspec.runtime.certify.bounds import Place
from cspec.runtime.certify.certificate import certify
from cspec.runtime.certify.leaves import Observed
from cspec.runtime.failures import attempt
from cspec.runtime.functions.samples import Sample
from cspec.runtime.measure.evidence import Heard
from cspec.runtime.measure.requirements import by_data, noted, number
from cspec.runtime.result.constraint import Certificate

if TYPE_CHECKING:
    from cspec.compiler.records.which_data import Where
    from cspec.runtime.session.session import Session


def proved(session: Session, places: Mapping[str, Where]) -> dict[str, Certificate]:
    """`certificates` on what earlier looks have left; a note where they can't be had."""
    none: dict[str, Certificate] = {}
    if session.termination == "interrupted":
        if any(c.certificate is not None for c in session.program.constraints):
            session.notes.append("no certificate of a run that was cut short: its split is kept")
        return none
    return attempt(
        session.notes, "no certificate", lambda: certificates(session, places, session.spent), none
    )


def certificates(
    session: Session, places: Mapping[str, Where], spent: Mapping[str, float]
) -> dict[str, Certificate]:
    """The certificate of every requirement that asks for one, at what is left of its error."""
    asked = {c.label: (c, c.certificate) for c in session.program.constraints if c.certificate}
    found: dict[str, Certificate] = {}
    for replaced, here in by_data({label: places[label] for label in asked}):
        observed = _observed(session, {label: asked[label][1] for label in here}, replaced)
        for c, facts in map(asked.__getitem__, here):
            found[c.label] = certify(
                facts,
                c.relation,
                observed[c.label],
                rows=len(session.data[facts.data]),
                error=1 - facts.confidence - spent.get(facts.data, 0.0),
                text=c.text,
            )
    return found


def _observed(
    session: Session, asked: Mapping[str, CertificateFacts], replaced: tuple[tuple[str, str], ...]
) -> dict[str, dict[Place, Observed]]:
    with noted(session.primal) as samples:
        values = session.module["leaves"](session.primal, session.measurer.columns(replaced))
    heard = Heard(samples, samples.places)
    return {label: _of_leaves(facts, values[label], heard) for label, facts in asked.items()}


def _of_leaves(
    facts: CertificateFacts, values: Sequence[Tensor | float], heard: Heard
) -> dict[Place, Observed]:
    found: dict[Place, Observed] = {}
    for index, (leaf, value) in enumerate(zip(facts.leaves, values, strict=True)):
        if leaf.kind == "number":
            known = number(value)
            found[index, -1] = Observed(0, known, None, 0.0, known, known)
            continue
        (sample,) = heard.behind(value)
        for group in range(len(leaf.groups)) if leaf.groups else (-1,):
            found[index, group] = _seen(leaf, sample, group)
    return found


def _seen(leaf: LeafFacts, sample: Sample, group: int) -> Observed:
    """Of one group (-1: of all that count) how many there were, and what they showed."""
    at = max(group, 0)
    counts, means = sample.counts.reshape(-1).double(), sample.seen.detach().reshape(-1).double()
    n, mean = round(float(counts[at])), float(means[at])
    if leaf.kind == "rate":
        hits = round(mean * n) if n else 0
        return Observed(n, hits / n if n else float("nan"), hits)
    slope = torch.zeros_like(sample.value)
    slope.reshape(-1)[at if sample.place is None else sample.place] = 1.0
    variance = n * float(sample.influence(slope).square().sum())
    return Observed(n, mean, None, variance, leaf.low, leaf.high)
