"""Constraints with methods to rules, set actions and the update graph."""
