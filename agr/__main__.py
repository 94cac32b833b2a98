"""python -m agr analyze PHOTO_OR_FOLDER... [--model M] [--format jsonl|csv] [--output FILE]"""

import csv
import json
import sys
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Annotated, TextIO

import typer

PICTURE_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".avif", ".gif", ".bmp", ".tif", ".tiff")

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


class Format(str, Enum):
    """How results are written."""

    jsonl = "jsonl"
    csv = "csv"


@app.callback()
def main() -> None:
    """Age, gender and race of every face in a photo, each with its doubts."""


@app.command()
def analyze(
    photos: Annotated[
        list[Path], typer.Argument(help="Photos, or folders that are searched for photos.", show_default=False)
    ],
    model: Annotated[
        str | None,
        typer.Option(help="A model folder or a Hugging Face Hub id; by default the bundled model.", envvar="AGR_MODEL"),
    ] = None,
    revision: Annotated[str | None, typer.Option(help="Branch, tag or commit of a Hub model.")] = None,
    format: Annotated[Format, typer.Option(help="jsonl: a line a photo. csv: a row a face.")] = Format.jsonl,
    output: Annotated[Path | None, typer.Option(help="File to write; by default standard output.")] = None,
) -> None:
    """Analyze photos, and write what was found.

    A file that cannot be read is named on standard error and as a row with its error; the others are still done, and
    the exit code is 1.

    Examples:

      python -m agr analyze portrait.jpg

      python -m agr analyze holiday/ --format csv --output faces.csv
    """
    from .analyzer import FaceAnalyzer
    from .config import ModelError
    from .images import ImageError

    files = list(_files(photos))
    if not files:
        _fail(f"No photo in {', '.join(map(str, photos))}. Expected files ending in {', '.join(PICTURE_ENDINGS)}.")
    try:
        analyzer = FaceAnalyzer.from_pretrained(model, revision=revision)
    except ModelError as error:
        _fail(str(error))
    failed = 0
    with _opened(output) as stream:
        write = _csv_writer(stream) if format is Format.csv else _jsonl_writer(stream)
        with typer.progressbar(
            zip(files, analyzer.analyze_many(files), strict=True),
            length=len(files),
            file=sys.stderr,
            hidden=len(files) < 2,
        ) as bar:
            for file, result in bar:
                if isinstance(result, ImageError):
                    failed += 1
                    typer.echo(f"{file}: {result}", err=True)
                    write(str(file), [], str(result))
                else:
                    write(str(file), [face.to_dict() for face in result], None)
    if failed:
        _fail(f"{failed} of {len(files)} file(s) could not be read.")


def _files(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from sorted(
                file
                for file in path.rglob("*")
                if file.suffix.lower() in PICTURE_ENDINGS and not file.name.startswith(".")
            )
        else:
            yield path  # a file that is not there is reported with the others that cannot be read


def _opened(output: Path | None):
    if output is None:
        from contextlib import nullcontext

        return nullcontext(sys.stdout)
    try:
        return output.open("w", encoding="utf-8", errors="backslashreplace", newline="")
    except OSError as error:
        _fail(f"{output} cannot be written: {error.strerror}.")


def _jsonl_writer(stream: TextIO):
    def write(file: str, faces: list[dict], error: str | None) -> None:
        record = {"file": file, "faces": faces} if error is None else {"file": file, "error": error}
        stream.write(json.dumps(record) + "\n")
        stream.flush()

    return write


def _csv_writer(stream: TextIO):
    from .table import COLUMNS, face_row

    writer = csv.DictWriter(stream, fieldnames=["file", "face", *COLUMNS, "error"])
    writer.writeheader()

    def write(file: str, faces: list[dict], error: str | None) -> None:
        for number, face in enumerate(faces, start=1):
            writer.writerow({"file": file, "face": number, **face_row(face)})
        if error is not None:
            writer.writerow({"file": file, "error": error})

    return write


def _fail(message: str):
    typer.echo(message, err=True)
    raise typer.Exit(1)


if __name__ == "__main__":
    app(prog_name="python -m agr")
