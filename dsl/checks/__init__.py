"""Checks of a spec whose names and kinds are known, one file a subject."""
