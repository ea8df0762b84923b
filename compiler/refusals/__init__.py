"""What can't be compiled or does not fit what was bound, said by name."""
