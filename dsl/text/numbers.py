"""What a number in a spec means: digits, `10%`, `10_000`, `5k`, `64KiB`."""

import math
from decimal import Context, Decimal, InvalidOperation

from cspec.dsl.text.limits import DIGITS

MAX_DIGITS = DIGITS.most
"""More characters than any double needs; longer numbers are refused."""

_POWERS_OF_TEN = {"%": -2, "k": 3, "M": 6, "G": 9}
_POWERS_OF_TWO = {"KiB": 10, "MiB": 20, "GiB": 30}
_CONTEXT = Context(prec=MAX_DIGITS + 20, Emin=-9999, Emax=9999, traps=[])


def number_value(text: str) -> float | None:
    """The nearest double; None where there is none: too long, too large, not zero but too small.

    Never computes with big integers: the decimal context bounds digits and exponent.
    """
    if len(text) < 16 and text.isdecimal():
        return float(text)
    if len(text) > MAX_DIGITS:
        return None
    digits, ten, two = _split(text.replace("_", ""))
    try:
        exact = _CONTEXT.create_decimal(digits)
    except InvalidOperation:
        return None
    scaled = _CONTEXT.multiply(_CONTEXT.scaleb(exact, ten), Decimal(2**two))
    if scaled.is_nan():
        return None
    value = float(scaled)
    written_zero = not any(digit in "123456789" for digit in digits.lower().partition("e")[0])
    if math.isinf(value) or (value == 0.0 and not written_zero):
        return None
    return value


def _split(text: str) -> tuple[str, int, int]:
    """Digits, power of ten and power of two."""
    for suffix, power in _POWERS_OF_TWO.items():
        if text.endswith(suffix):
            return text.removesuffix(suffix), 0, power
    for suffix, power in _POWERS_OF_TEN.items():
        if text.endswith(suffix):
            return text.removesuffix(suffix), power, 0
    return text, 0, 0
