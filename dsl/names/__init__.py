"""What names mean: symbols, declared or implied, and the order of `let`s."""
