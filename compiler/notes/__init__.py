"""What is said of a program before it trains."""
