"""What the commands share: where their output goes, and how they end when something is wrong."""

import sys
from contextlib import AbstractContextManager, nullcontext
from io import TextIOWrapper
from pathlib import Path
from typing import NoReturn, TextIO

import typer


def written(path: Path | None) -> AbstractContextManager[TextIO]:
    """An open text file, or standard output. Ends the command if the file cannot be written."""
    if path is None:
        if isinstance(sys.stdout, TextIOWrapper):
            # Who writes rows ends them too, also on Windows, where a file would be of another encoding.
            encoding = sys.stdout.encoding if sys.stdout.isatty() else "utf-8"
            sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace", newline="")
        return nullcontext(sys.stdout)
    try:
        return path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
    except OSError as error:
        fail(f"{path} cannot be written: {error.strerror}.")


def fail(message: str, *, code: int = 1) -> NoReturn:
    """End the command with a sentence."""
    typer.echo(message, err=True)
    raise typer.Exit(code)
