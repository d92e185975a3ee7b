"""What can be wrong with a command. The API maps each class to its status; the message is fit to show to a user."""


class DomainError(Exception):
    """A command that the shop, as it stands, does not allow. Nothing has happened."""

    def __init__(self, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class Invalid(DomainError):
    """A value is missing or out of range (400)."""


class NotFound(DomainError):
    """The object that the command is about does not exist (404)."""


class Conflict(DomainError):
    """The command contradicts what is there (409)."""


class ReferenceMissing(DomainError):
    """The command names another object that does not exist (424)."""


class PreconditionFailed(DomainError):
    """The shop is not, or not any more, as the command takes it to be (412)."""


class TooEarly(DomainError):
    """The time for it has not come yet (425)."""
