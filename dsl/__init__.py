"""The language: text to a checked tree. Needs neither torch nor sympy."""
