"""A program executed: its folder, interruptions, and the script of an emitted file."""
