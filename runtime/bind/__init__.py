"""From names to data, models and functions, and what was bound as facts."""
