"""What a run found: iterates, verdicts, history, and the result that holds them."""
