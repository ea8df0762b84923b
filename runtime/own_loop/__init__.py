"""Constraints inside a training loop that is somebody else's."""
