"""Checks of what parses, and can hardly be meant as it stands."""
