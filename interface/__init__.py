"""cspec: a small language for training under constraints."""
