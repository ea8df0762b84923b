"""What is wrong with data, said before training."""


class DataError(ValueError):
    """Data that can't be used as asked.

    `message` names the source, column and rows; `notes` say why or what to type instead.
    """

    def __init__(self, message: str, *notes: str) -> None:
        super().__init__("\n".join((message, *notes)))
        self.message = message
        self.notes = notes
