"""Parametrizations: free tensors to members of a set."""
