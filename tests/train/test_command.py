from errno import EACCES, ENOSPC

import pytest
import typer

from agr.pictures import DataError
from train.command import clear_errors


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (DataError("It does not fit."), 1, "Error: It does not fit.\n"),
        (OSError(ENOSPC, "No space left on device"), 1, "Error: The disk is full. Free some space and run the same"),
        (PermissionError(EACCES, "Permission denied", "/x/y"), 1, "Error: /x/y cannot be read or written: Permission "),
        (KeyboardInterrupt(), 130, "Stopped. Go on with --resume.\n"),
    ],
)
def test_what_the_user_can_mend_ends_in_a_sentence(capsys, error, code, said):
    with pytest.raises(typer.Exit) as caught, clear_errors("Go on with --resume."):
        raise error
    assert caught.value.exit_code == code
    assert said in capsys.readouterr().err


def test_a_mistake_of_ours_keeps_its_trace():
    with pytest.raises(ZeroDivisionError), clear_errors():
        raise ZeroDivisionError
