"""A negative number is a number like any other: a class that no row has is refused."""

import pytest

import cspec

HEAD = "data train(x, y) = digits()\nmodel f = linear\nminimize ce\n"


@pytest.mark.parametrize("event", ["pred == -1", "y != -1 and pred == 1", "pred in {-2, 1}"])
def test_a_negative_class_that_no_row_has_is_refused(event: str) -> None:
    with pytest.raises(cspec.SpecError) as caught:
        cspec.run(f"{HEAD}s.t. P[{event}] <= 10%\nfit(epochs=1)\n")
    assert [d.code for d in caught.value.diagnostics] == ["CS208"]
