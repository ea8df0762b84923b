"""Why a requirement was not met, found by looking."""
