"""Quantifiers, tables and `let`s written out over what binding made known."""
