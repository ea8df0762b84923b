"""Words, values and modifiers in another place or order, and right lines to show instead."""
