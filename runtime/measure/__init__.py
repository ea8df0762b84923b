"""The true requirements measured, and how sure each value is."""
