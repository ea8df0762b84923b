"""Spectral projected gradient over sets with a projection."""
