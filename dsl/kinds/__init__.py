"""What kind of thing each expression is, and what is wrong where kinds do not fit."""
