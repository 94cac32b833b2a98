"""Code that the commands share: options, opening of outputs, and ending with an error message."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import TextIOWrapper
from math import isnan
from pathlib import Path
from typing import Annotated, NoReturn, TextIO

import typer

from .errors import reason_of

Model = Annotated[
    str | None,
    typer.Option(
        help="A model folder, or USER/NAME or USER/NAME@REVISION on the Hugging Face Hub; by default the bundled one.",
        envvar="AGR_MODEL",
    ),
]
FORMATS = {".jsonl": "jsonl", ".csv": "csv", ".parquet": "parquet"}
"""Output format for each file ending."""


def counted(n: int, thing: str) -> str:
    """Such as "1 face" or "2,000 faces"."""
    return f"{n:,} {thing}{'s' * (n != 1)}"


def print_figures(summary: dict) -> None:
    """Print a report's figures with their intervals; those without twins only if there are any."""
    parts = {"all": "all", "without_twins": "without twins"}
    if not summary["data"]["twins"]:
        del parts["without_twins"]
    names = [name for name in summary["figures"]["all"] if "recall" not in name]
    typer.echo(f"{'':24}" + "".join(f"{title:>34}" for title in parts.values()))
    for name in names:
        cells = [summary["figures"][part][name] for part in parts]
        texts = ("–" if isnan(c["value"]) else f"{c['value']:.4f} ({c['low']:.4f} to {c['high']:.4f})" for c in cells)
        typer.echo(f"{name:24}" + "".join(f"{text:>34}" for text in texts))


@contextmanager
def open_output(path: Path | None) -> Iterator[TextIO]:
    """A text file, or standard output, open within the context. Ends the command if it cannot be written."""
    try:
        with _opened(path) as stream:
            yield stream
            stream.flush()
    except BrokenPipeError:  # the reader has closed the pipe
        raise
    except OSError as error:
        fail(f"{path or 'The output'} cannot be written: {reason_of(error)}.")


def _opened(path: Path | None) -> AbstractContextManager[TextIO]:
    if path is not None:
        return path.open("w", encoding="utf-8", errors="backslashreplace", newline="")
    if sys.stdout is None:
        fail("There is no standard output to write to. Name a file with --output.")
    if isinstance(sys.stdout, TextIOWrapper):
        # Rows come with their own line ends, and are UTF-8 in a file or pipe, also on Windows, whose default differs.
        encoding = sys.stdout.encoding if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace", newline="")
    return nullcontext(sys.stdout)


def expect_writable(path: Path | None) -> None:
    """End the command if a file cannot be written; its content is left as it is."""
    if path is None:
        return
    if os.path.isdir(path):
        fail(f"{path} cannot be written: it is a folder.")
    if os.path.exists(path) and not os.path.isfile(path):  # a pipe or device can be opened only once
        return
    is_new = not os.path.exists(path)
    try:
        path.open("ab").close()
        if is_new:
            path.unlink()
    except OSError as error:
        fail(f"{path} cannot be written: {reason_of(error)}.")


def format_of(path: Path | None, format: str | None, known: Sequence[str]) -> str:
    """The format to write, one of `known`: the requested one, else the one of the file's ending, else, if it has
    none, the first. Ends the command if the request and the ending contradict each other, or the ending is unknown."""
    ending = path.suffix.lower() if path else ""
    named = FORMATS.get(ending)
    if format and named not in (None, format):
        fail(f"{path} is named as {named}, but --format is {format}. Leave out --format, or name the file .{format}.")
    if not format and ending and named not in known:
        fail(f"{path}: expected a name that ends in {', '.join('.' + each for each in known)}, or --format.")
    return format or named or known[0]


def is_same(one: Path, other: Path) -> bool:
    """Whether two paths refer to the same file, whether or not it exists."""
    try:
        return os.path.samefile(one, other)
    except (OSError, ValueError):
        return os.path.normcase(os.path.realpath(one)) == os.path.normcase(os.path.realpath(other))


def fail(message: str, *, code: int = 1) -> NoReturn:
    """End the command with an error message."""
    typer.echo(message, err=True)
    raise typer.Exit(code)
