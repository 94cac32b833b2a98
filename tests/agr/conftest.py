"""What tests of the program share."""

import pytest
from typer.testing import CliRunner


@pytest.fixture
def run():
    """run(*args) -> what came of `python -m agr` with them."""
    from agr.__main__ import app

    return lambda *args: CliRunner().invoke(app, list(map(str, args)), catch_exceptions=False)
