"""How many batches an epoch has: what the compiler plans with and the runtime draws."""


def batches_per_epoch(rows: int, batch_size: int | None, join: bool = False) -> int:
    """Batches that pass over `rows` examples once; None is all of them in one batch.

    A last batch that is smaller is kept. With `join` a single example that is left over joins the
    batch before: batch normalization can't be computed from one.
    """
    if batch_size is None:
        return 1
    left_over = join and rows > batch_size > 1 and rows % batch_size == 1
    return -(-rows // batch_size) - left_over


def last_batch(rows: int, batch_size: int, join: bool = False) -> int:
    """Examples of the last batch of an epoch."""
    return rows - (batches_per_epoch(rows, batch_size, join) - 1) * batch_size
