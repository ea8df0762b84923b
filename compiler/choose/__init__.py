"""Which method enforces what, who owns the run, and for how long it trains."""
