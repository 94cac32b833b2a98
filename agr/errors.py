"""The base class of all errors of this package, and the one that most of it can raise."""


class AgrError(ValueError):
    """An error that the user can fix: the message says what was wrong, what was expected and what to do."""


class ImageError(AgrError):
    """The input cannot be read as a photo; the message says what was wrong, what was expected and what to do."""


def reason_of(error: Exception) -> str:
    """The system's description of an error, without its number and path, such as "No space left on device"."""
    return str(getattr(error, "strerror", None) or error)
