"""The verdict on each requirement, first-order conditions, and what is said of them."""
