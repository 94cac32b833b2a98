"""Helpers that the commands share: output, and messages in place of tracebacks."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path
from shlex import quote
from subprocess import list2cmdline

import typer

from agr.errors import AgrError

from .files import files_in


def in_shell(argument: str) -> str:
    """The argument quoted for the shell."""
    return list2cmdline([argument]) if os.name == "nt" else quote(argument)


def print_files(folder: Path) -> None:
    """Print the files to be sent, with their sizes in bytes."""
    for name, file in files_in(folder).items():
        typer.echo(f"{file.stat().st_size:>12,}  {name}")


def print_stress(conditions: list[dict]) -> None:
    """Print how each stress condition of a report changes the figures."""
    for condition in conditions:
        cells = (
            f"{name} {figure['difference']['value']:+.4f} "
            f"({figure['difference']['low']:+.4f} to {figure['difference']['high']:+.4f})"
            for name, figure in condition["figures"].items()
        )
        typer.echo(f"{condition['condition']:30}" + "  ".join(cells))


@contextmanager
def clear_errors(stopped: str = "") -> Iterator[None]:
    """End the command with a message instead of a traceback if the input or the machine is at fault. `stopped`: advice
    to print after an interruption."""
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("Stopped." + (f" {stopped}" if stopped else ""), err=True)
        raise typer.Exit(130) from None
    except (AgrError, OSError) as error:
        text = str(error)
        if isinstance(error, OSError) and error.errno == ENOSPC:
            text = "The disk is full. Free some space and run the same command again."
        elif isinstance(error, OSError) and error.filename and error.strerror:
            text = f"{error.filename} cannot be read or written: {error.strerror}. Choose another file or folder."
        typer.echo(f"Error: {text}", err=True)
        raise typer.Exit(1) from error
