"""The explicit spec: everything that was left implicit, in the same nodes."""
