"""One run as the emitted loop sees it: batches, optimizers, schedules, checkpoints."""
