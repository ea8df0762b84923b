"""Smooth deterministic problems: engines, starts, attempts, first-order conditions."""
