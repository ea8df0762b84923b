"""Run folders taken up again: verified, resumed, and what differs."""
