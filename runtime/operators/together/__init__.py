"""Sets on parts of a tensor, on several tensors, and several sets on one."""
