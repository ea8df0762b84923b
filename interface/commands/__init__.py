"""The commands of `cspec`, one module each."""
