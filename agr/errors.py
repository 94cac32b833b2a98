"""What all errors of this package are."""


class AgrError(ValueError):
    """Something that the user can mend: the message says what was wrong, what was expected and what to do."""
