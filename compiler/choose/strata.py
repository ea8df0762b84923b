"""Groups of which each batch holds its share: `fit(strata=groups)`, or columns by name.

Proportional stratification: an epoch is still every row once, so a mean over a batch stays an
unbiased estimate without weights, and what varies from batch to batch is no longer how many rows of
a group it holds:

    Var[mean] = sum_c (n_c / n)^2 s_c^2 / b_c  <=  s^2 / b

(Cochran 1977, Sampling Techniques, ch. 5; the difference is the variance between the groups).
"""

from collections.abc import Iterator

from cspec.compiler.passes.expansion.collect import collect
from cspec.compiler.records.facts import DataFacts, Facts
from cspec.compiler.refusals.streams import place_of, trained_on
from cspec.dsl.check import Checked
from cspec.dsl.messages.diagnostic import Diagnostic
from cspec.dsl.messages.wording import listing
from cspec.dsl.settings.fit import FitSettings
from cspec.dsl.tree.rebuild import condition_names


def with_strata(
    fit: FitSettings, checked: Checked, facts: Facts
) -> tuple[FitSettings, tuple[str, ...]]:
    """The settings with their columns by name, and how many rows of its rarest a batch holds.

    Raises:
        SpecError: CS513, a column holds no groups, or no requirement names any.
    """
    if fit.strata is None:
        return fit, ()
    if fit.strata == "groups":
        named = condition_names(checked.elaborated)
        columns = tuple(name for name in dict.fromkeys(named) if _is_grouped(facts, name))
    else:
        columns = tuple(dict.fromkeys(fit.strata))
    for column in columns:
        if not _is_grouped(facts, column):
            raise _no_groups(checked, f"column `{column}` holds no groups").error()
    if not columns:
        raise _no_groups(checked, "no requirement names groups").error()
    return fit.model_copy(update={"strata": columns}), tuple(_told(fit, columns, checked, facts))


def _groups(data: DataFacts, column: str) -> bool:
    return column in data.columns and len(data.columns[column].held) > 1


def _is_grouped(facts: Facts, column: str) -> bool:
    return any(_groups(data, column) for data in facts.data.values())


def _told(
    fit: FitSettings, columns: tuple[str, ...], checked: Checked, facts: Facts
) -> Iterator[str]:
    """What a batch holds of the rarest group of any of the columns, by dataset of the training."""
    trained = frozenset(trained_on(collect(checked)))
    for name, data in facts.data.items():
        here = [column for column in columns if _groups(data, column)]
        size = fit.rows_of_step(name)
        if not here or data.rows == 0 or name not in trained:
            continue
        if size is None or size >= data.rows:
            yield f"`{name}`: a batch is all its rows, so `strata` changes nothing"
            continue
        count, column, code = min(
            (data.columns[c].count(code), c, code) for c in here for code in data.columns[c].held
        )
        yield (
            f"`{name}`: each batch of {size} holds the groups of {listing(here, 'and')} in their "
            f"shares; of the rarest, {column} = {data.columns[column].called(code)}, "
            f"{count * size / data.rows:.3g} rows"
        )


def _no_groups(checked: Checked, message: str) -> Diagnostic:
    return Diagnostic(
        code="CS513",
        message=message,
        span=place_of(checked, "strata"),
        label="nothing to spread",
        helps=("name columns of few values: `strata=[sex, y]`", "or leave `strata` out"),
    )
