"""Solvers that own the run of a small problem."""
