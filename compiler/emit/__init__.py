"""Update graph -> Python: the training loop that people read and the runtime executes."""
