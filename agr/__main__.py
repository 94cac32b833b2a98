"""python -m agr analyze PHOTO|FOLDER|ARCHIVE|LIST... [--model M] [--format jsonl|csv|parquet] [--output OUTPUT]
python -m agr report FACES.parquet [--labels CSV] --output eval_reports/NAME
python -m agr video CLIP [--rate 5] [--output PEOPLE] [--times TIMES] [--annotated BOXED.mp4]"""

import csv
import json
import os
import signal
import sys
from collections.abc import Iterable
from itertools import chain
from pathlib import Path
from typing import Annotated, Literal, TextIO

import typer

from .command import Model, counted, fail, format_of, is_same, open_output, print_figures
from .errors import AgrError, reason_of
from .memory import keep_freed_memory
from .video_command import is_video, video, write_videos

app = typer.Typer(add_completion=False, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False)


def _tell_version(asked: bool) -> None:
    if asked:
        from .config import CODE_VERSION

        typer.echo(CODE_VERSION)
        raise typer.Exit()


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version, and stop.", callback=_tell_version, is_eager=True)
    ] = False,
) -> None:
    """Age, gender and race of every face in a photo, each with its uncertainty."""
    keep_freed_memory()


@app.command()
def analyze(
    photos: Annotated[
        list[Path],
        typer.Argument(
            help="Photos, folders that are searched for photos, archives of them (.zip, .tar, .tar.gz), lists (.txt, a "
            "path a line, as seen from here), or videos. Videos inside folders, archives and lists are skipped: name "
            "them one by one.",
            show_default=False,
            readable=False,  # an unreadable file is reported by itself, and does not stop the others
        ),
    ],
    model: Model = None,
    format: Annotated[
        Literal["jsonl", "csv", "parquet"] | None,
        typer.Option(
            help="jsonl: a line for each photo. csv: a row for each face, and one for a photo or video without any. "
            "parquet: a folder of parts; a stopped run can go on. Default: by the ending of --output, "
            "jsonl without one.",
            show_default=False,
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="What to write; by default standard output.")] = None,
    ray: Annotated[
        str | None,
        typer.Option(
            help="Share the work on a Ray cluster (parquet alone): auto for the one that this machine belongs to, "
            "local to start one here, or HOST:PORT."
        ),
    ] = None,
    retry: Annotated[
        bool, typer.Option("--retry", help="Try once more what an earlier run could not read (parquet alone).")
    ] = False,
) -> None:
    """Analyze photos, and write what was found.

    If a file cannot be read, its row says why, and the others are still analyzed; the exit code is then 1. Videos are
    analyzed after the photos, at five frames per second, and their rows have a time and each person's track (python -m
    agr video makes a table by person).

    Examples:

      python -m agr analyze portrait.jpg

      python -m agr analyze holiday/ --format csv --output faces.csv

      python -m agr analyze photos.tar.gz --output faces.parquet
    """
    kind = format_of(output, format, ("jsonl", "csv", "parquet"))
    if kind == "parquet":
        if any(map(is_video, photos)):
            fail("A parquet table holds photos only. Write videos with --format csv, or with python -m agr video.")
        _analyze_collection(photos, output, model, ray, retry)
    elif ray is not None or retry:
        fail(f"{'--retry' if retry else '--ray'} needs a table in parts: add --output FACES.parquet.")
    else:
        _analyze(photos, output, model, kind)


@app.command()
def report(
    faces: Annotated[Path, typer.Argument(help="A table that analyze wrote as parquet.", show_default=False)],
    output: Annotated[Path, typer.Option(help="Folder of the report, such as eval_reports/mine.")],
    labels: Annotated[
        Path | None,
        typer.Option(
            help="A CSV with the columns file and any of age, gender (Male, Female) and race (White, Black, Asian, "
            "Indian, Others); UTKFace's numbers work too, and empty cells are unknown. By default files are named "
            "as UTKFace's."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a report that is in --output already.")
    ] = False,
) -> None:
    """Turn a table and its labels into a report for the page's Evaluation tab.

    If a photo shows several faces, the largest counts.

    Example:

      python -m agr report faces.parquet --labels labels.csv --output eval_reports/mine
    """
    from .collection.report import report_of_collection
    from .evaluation.report import expect_no_report

    try:
        expect_no_report(output, overwrite=overwrite)
        made, left_out = report_of_collection(faces, labels, name=output.resolve().name)
        made.save(output)
    except AgrError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename or output} cannot be read or written: {reason_of(error)}.")
    print_figures(made.summary)
    data = made.summary["data"]
    typer.echo(f"{counted(data['n'], 'labelled photo')}, a face found in {data['detected']:,}: {output}", err=True)
    for sentence in left_out.sentences():
        typer.echo(sentence, err=True)


def _analyze(photos: list[Path], output: Path | None, model: str | None, format: str) -> None:
    from .analyzer import FaceAnalyzer
    from .images import PICTURE_ENDINGS
    from .sources import Contents, photos_of

    try:
        videos = [path for path in photos if is_video(path)]
        items = list(photos_of(path for path in photos if path not in videos))
        if not items and not videos:
            fail(f"No photo in {', '.join(map(str, photos))}. Expected files ending in {', '.join(PICTURE_ENDINGS)}.")
        _keep_apart(output, chain(photos, (Path(item.path) for item in items)))
        analyzer = FaceAnalyzer.from_pretrained(model)
    except AgrError as error:
        fail(str(error))
    contents = Contents()
    sources = ((item.file, contents.source(item)) for item in items)
    try:
        with open_output(output) as stream:
            write = _csv_writer(stream, timed=bool(videos)) if format == "csv" else _jsonl_writer(stream)
            failed = _write_photos(analyzer.analyze_named(sources), len(items), write)
            failed += write_videos(analyzer, videos, write)
    except KeyboardInterrupt:
        fail("Stopped. What was analyzed by then is written.", code=130)
    if failed:
        in_full = " in full" if videos else ""
        fail(f"{failed} of {len(items) + len(videos)} file(s) could not be read{in_full}.")


def _write_photos(results: Iterable[tuple], photos: int, write) -> int:
    """Write each (file, faces or ImageError), with a progress bar; returns how many photos could not be read."""
    from tqdm import tqdm

    from .images import ImageError

    failed = 0
    hidden = True if photos < 2 else None  # None: hidden if standard error is no terminal
    for file, result in tqdm(results, total=photos, unit=" photos", file=sys.stderr, disable=hidden):
        if isinstance(result, ImageError):
            failed += 1
            tqdm.write(f"{file}: {result}", file=sys.stderr)
            write(file, [], str(result))
        else:
            write(file, [face.to_dict() for face in result], None)
    return failed


def _keep_apart(output: Path | None, photos: Iterable[Path]) -> None:
    """End the command if the output would overwrite one of the files to be read."""
    if output is not None and os.path.isfile(output) and any(is_same(photo, output) for photo in photos):
        fail(f"{output} is one of the files to be read. Name another --output.")


def _analyze_collection(
    photos: list[Path], output: Path | None, model: str | None, ray: str | None, retry: bool
) -> None:
    from .collection import analyze_collection

    if output is None:
        fail("A parquet table is a folder: name one with --output FACES.parquet.")
    try:
        counts = analyze_collection(photos, output, model=model, ray=ray, retry=retry)
    except AgrError as error:
        fail(str(error))
    except KeyboardInterrupt:
        typer.echo("Stopped. Run the same command again to continue.", err=True)
        raise typer.Exit(130) from None
    found = f"{counted(counts.faces, 'face')} in {counted(counts.photos, 'photo')}"
    typer.echo(f"{output}: {found}, {counts.without_face:,} of them without one.", err=True)
    if counts.unreadable:
        fail(
            f"{counts.unreadable:,} of {counts.photos:,} file(s) could not be read: see the column error. To try them "
            "once more, add --retry."
        )


def _jsonl_writer(stream: TextIO):
    def write(file: str, faces: list[dict], error: str | None, time: float | None = None) -> None:
        seen = {} if time is None else {"time": time}
        stream.write(json.dumps({"file": file, **seen, "faces": faces, "error": error}) + "\n")
        stream.flush()

    return write


def _csv_writer(stream: TextIO, *, timed: bool):
    """`timed`: whether to add the columns that only faces in videos have."""
    from .table import COLUMNS, face_row

    of_videos = ("time", "track") if timed else ()
    writer = csv.DictWriter(stream, fieldnames=["file", *of_videos, "face", *COLUMNS, "error"])
    writer.writeheader()

    def write(file: str, faces: list[dict], error: str | None, time: float | None = None) -> None:
        for number, face in enumerate(faces, start=1):
            seen = {} if time is None else {"time": time, "track": face["track"]}
            writer.writerow({"file": file, **seen, "face": number, **face_row(face)})
        if error is not None or (not faces and time is None):  # every file leaves a row
            writer.writerow({"file": file, "error": error})
        stream.flush()

    return write


app.command()(video)


def run() -> None:
    """Entry point of the command `agr` and of `python -m agr`."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopping a container loses no more work than Ctrl-C
    app(prog_name="agr" if Path(sys.argv[0]).stem == "agr" else "python -m agr")


if __name__ == "__main__":
    run()
