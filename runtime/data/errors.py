"""What is wrong with data, said before training."""

from collections.abc import Sequence


class DataError(ValueError):
    """Data that can't be used as asked.

    `message` names the source, column and rows; `notes` say why or what to type instead. `about`
    is the word of the spec that the mistake is in: a column, a value of a setting.
    """

    def __init__(self, message: str, *notes: str, about: str = "") -> None:
        super().__init__("\n".join((message, *notes)))
        self.message = message
        self.notes = notes
        self.about = about

    @property
    def errors(self) -> tuple["DataError", ...]:
        """The mistakes one by one."""
        return (self,)


class SeveralError(DataError):
    """Several mistakes in data, each with its own message."""

    def __init__(self, errors: Sequence[DataError]) -> None:
        first = errors[0]
        super().__init__(first.message, *first.notes, about=first.about)
        self._errors = tuple(one for error in errors for one in error.errors)
        self.args = ("\n".join(str(error) for error in self._errors),)

    @property
    def errors(self) -> tuple[DataError, ...]:
        return self._errors


def raise_all(errors: Sequence[DataError]) -> None:
    """Raise what was found, if anything.

    Raises:
        DataError: one mistake, or `SeveralError` of several.
    """
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise SeveralError(errors)
