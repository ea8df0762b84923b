"""All natural specs: a module a topic; see `natural.py` for how they are kept."""

from meaning import (
    natural_beyond,
    natural_data,
    natural_fairness,
    natural_files,
    natural_forms,
    natural_groups,
    natural_losses,
    natural_rates,
    natural_refused,
    natural_regression,
    natural_var,
    natural_weights,
    natural_words,
)
from meaning.natural import SPECS, Natural

MODULES = (
    natural_beyond,
    natural_data,
    natural_fairness,
    natural_files,
    natural_forms,
    natural_groups,
    natural_losses,
    natural_rates,
    natural_refused,
    natural_regression,
    natural_var,
    natural_weights,
    natural_words,
)

__all__ = ["MODULES", "SPECS", "Natural"]
