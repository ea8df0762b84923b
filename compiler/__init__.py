"""From a checked spec to the update graph and the training loop as Python. Needs no torch."""
