"""The base class of all errors of this package."""


class AgrError(ValueError):
    """An error that the user can fix: the message says what was wrong, what was expected and what to do."""


def reason_of(error: Exception) -> str:
    """The system's description of an error, without its number and path, such as "No space left on device"."""
    return str(getattr(error, "strerror", None) or error)
