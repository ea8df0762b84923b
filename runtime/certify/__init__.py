"""Certificates: what can be said of all examples to come from a split that chose nothing."""
