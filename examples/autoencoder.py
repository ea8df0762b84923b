"""An encoder of 64 pixels as three numbers, and its decoder."""

from torch import nn


def encoder():
    """64 pixels -> 3 numbers."""
    return nn.Sequential(nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 3))


def decoder():
    """3 numbers -> 64 pixels."""
    return nn.Sequential(nn.Linear(3, 32), nn.Tanh(), nn.Linear(32, 64))
