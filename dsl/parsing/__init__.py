"""Text to tree: `parse` never raises and says all that is wrong with the syntax."""
