"""The small pieces that emitted steps are written in; none needs a session."""
