"""Settings records: methods, dual steps, `fit`, sources, models, stopping."""
