"""The class of all errors of this package."""


class AgrError(ValueError):
    """Something that the user can mend: the message says what was wrong, what was expected and what to do."""


def reason_of(error: Exception) -> str:
    """Why it failed, in the system's words, without its number and path: "No space left on device"."""
    return str(getattr(error, "strerror", None) or error)
