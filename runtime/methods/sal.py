"""Pieces of SAL (arXiv 2310.16647, Algorithm 2) that the emitted loop is written in."""

from cspec.runtime.session.session import Session


def solved(session: Session, key: str, objective: float, constraint: float) -> bool:
    """Line 10: whether F <= eps_f and ||C||^2 <= eps_c at this epoch's end.

    `key` is the state entry that holds ||C||^2.
    """
    close = float(session.state[key].max()) <= constraint
    return close and session.sign * session.objective_on() <= objective


def report_stall(
    session: Session, rule: str, accepts: str, rejected: str, rejections: int, *, steps: int = 0
) -> None:
    """Count the updates that were accepted, and say whether the end of the run was a stall.

    `accepts` and `rejected` are the state entries that count them, one update in `steps` steps,
    or an epoch. A run that ends feasible did not stall, though no update may have been accepted
    once the violation was at rounding level.
    """
    labels = ", ".join(c.label for c in session.program.constraints if c.rule == rule)
    accepted = int(session.state[accepts].max())
    updates = session.step // steps if steps else session.epoch
    session.details[rule] = {"updates": updates, "updates accepted": accepted}
    session.notes.append(f"{rule}: {accepted} of {updates} updates of {labels} were accepted")
    if session.feasible():
        return  # What is met within its tolerance needs no further decrease.
    if accepted == 0:
        session.notes.append(
            f"{rule} stalled: no update was accepted, so this was a growing quadratic penalty; "
            "||C||^2 never fell below the share of its first value that `decrease` asks for"
        )
    last = int(session.state[rejected].max())
    if last < rejections:
        return
    session.notes.append(
        f"{rule} stalled: the last {last} updates of {labels} were rejected with "
        "the penalty at its cap, so the multipliers are frozen; the violation can't fall by the "
        "factor asked for (constraints that contradict each other, or the optimizer's noise: "
        "decay the learning rate)"
    )
