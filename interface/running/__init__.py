"""A spec prepared, trained and relaxed."""
