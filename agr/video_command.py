"""python -m agr video CLIP [--rate 5] [--output PEOPLE] [--times TIMES] [--annotated BOXED.mp4], and videos that are
given to `python -m agr analyze`."""

import json
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, nullcontext
from itertools import chain, combinations, islice, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TextIO

import typer

from .command import Model, expect_writable, fail, format_of, is_same, open_output

if TYPE_CHECKING:
    from .analyzer import FaceAnalyzer
    from .tracking import Person
    from .video import AnalyzedFrame, Step, VideoRun
    from .video.frames import VideoError


def is_video(path: Path) -> bool:
    """Whether a path has the ending of a video and is not a folder."""
    from .sources import VIDEO_ENDINGS

    return path.suffix.lower() in VIDEO_ENDINGS and not os.path.isdir(path)


def write_videos(analyzer: "FaceAnalyzer", videos: Iterable[Path], write: Callable) -> int:
    """Analyze videos for `python -m agr analyze`, frame by frame; returns how many could not be read to their end.

    `write(file, faces, error, time)` is called for every analyzed frame, and once more at a video's end if something
    was wrong with it or no frame showed a face.
    """
    from .video import VideoError, VideoRun

    failed = 0
    for video in videos:
        run, found = VideoRun(analyzer, video), 0
        try:
            with _bar(str(video)) as progress:
                for step in run:
                    progress(step.done)
                    if step.frame:
                        faces = [{"track": row.track, **row.face} for row in step.frame.rows()]
                        write(str(video), faces, None, round(step.frame.time, 3))
                        found += len(faces)
            problem = run.problem
        except VideoError as error:
            problem = str(error)
        if problem:
            failed += 1
            typer.echo(f"{video}: {problem}", err=True)
        if problem or not found:
            write(str(video), [], problem, None)
    return failed


def video(
    clip: Annotated[Path, typer.Argument(help="A video: MP4, MOV, WebM, MKV, AVI, ...", show_default=False)],
    rate: Annotated[
        float,
        typer.Option(help="Frames that are analyzed of each second, if there are as many.", min=2, max=30),
    ] = 5.0,
    format: Annotated[
        Literal["jsonl", "csv"] | None,
        typer.Option(
            help="Of both tables; by default as their names end, jsonl without an ending.", show_default=False
        ),
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Table by person; by default standard output.")] = None,
    times: Annotated[Path | None, typer.Option(help="Table by time: a row a face in each analyzed frame.")] = None,
    annotated: Annotated[
        Path | None, typer.Option(help="The video with boxes (MP4, H.264, at most 1280 pixels, without sound).")
    ] = None,
    model: Model = None,
) -> None:
    """Follow every face through a video: who is seen from when to when, with age, gender and race of all their frames.

    People found in fewer than three frames are only in the table by time. If the video is damaged, what can be read is
    analyzed, and the exit code is 1. Ctrl-C stops, and writes what was found so far.

    Examples:

      python -m agr video clip.mp4

      python -m agr video clip.mp4 --output people.csv --times times.csv --annotated boxed.mp4
    """
    from .analyzer import FaceAnalyzer
    from .config import ModelError
    from .video import VideoError, VideoRun

    _keep_apart([clip, output, times, annotated])
    people_as_csv, times_as_csv = (format_of(path, format, ("jsonl", "csv")) == "csv" for path in (output, times))
    try:
        run = VideoRun(FaceAnalyzer.from_pretrained(model), clip, rate=rate, output=annotated)
        with closing(iter(run)) as steps:
            first = list(islice(steps, 1))  # raises if it is no video, before earlier tables are overwritten
            for table in (output, times):
                expect_writable(table)
            with open_output(output) as people_stream, _first_interrupt(run):
                with open_output(times) if times else nullcontext() as times_stream:
                    take = _times_writer(times_stream, times_as_csv) if times_stream else None
                    # The first step of drawing is dropped: it holds no frame.
                    found = takewhile(lambda _: not run.is_drawing, chain(first, steps))
                    ended = _follow(found, str(clip), take)
                _write_people(people_stream, run.people, people_as_csv)
                people_stream.flush()  # whatever becomes of the annotated copy
                if run.is_drawing and not ended:
                    ended = _follow(steps, f"{clip}, boxes")
    except ModelError as error:
        fail(str(error))
    except VideoError as error:
        fail(f"{clip}: {error}")
    _end(run, ended, clip, annotated)


def _end(run: "VideoRun", ended: "KeyboardInterrupt | VideoError | None", clip: Path, annotated: Path | None) -> None:
    """End the command with an error if the run is incomplete; `ended`: what ended it early."""
    from .video import VideoError

    if isinstance(ended, VideoError):  # only the annotated copy failed: the analysis is complete
        fail(f"{clip}: {ended} The tables are complete.")
    if ended and run.is_drawing:
        fail(f"{clip}: Stopped while boxes were drawn: {annotated} was not written. The tables are complete.", code=130)
    if ended or run.is_stopped:
        fail(f"{clip}: Stopped after {run.seconds:.1f} seconds. The tables hold what was found.", code=130)
    if run.problem:
        fail(f"{clip}: {run.problem}")


@contextmanager
def _first_interrupt(run: "VideoRun") -> Iterator[None]:
    """The first Ctrl-C only ends the reading: frames that were read already are still analyzed. A second one, or one
    while boxes are drawn, ends everything at once."""

    def stop(number: int, frame: object) -> None:
        if run.is_stopped or run.is_drawing:
            raise KeyboardInterrupt
        run.stop()

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _follow(
    steps: "Iterable[Step]", title: str, take: "Callable[[AnalyzedFrame], None] | None" = None
) -> "KeyboardInterrupt | VideoError | None":
    """Go through the steps, passing their frames to `take`; returns what ended them early, if anything."""
    from .video.frames import VideoError

    try:
        with _bar(title) as progress:
            for step in steps:
                progress(step.done)
                if step.frame and take:
                    take(step.frame)
    except (KeyboardInterrupt, VideoError) as ended:
        return ended
    return None


@contextmanager
def _bar(title: str) -> Iterator[Callable[[float], None]]:
    """A progress bar on standard error, if that is a terminal; yields a function that takes the share done."""
    from tqdm import tqdm

    looks = "{l_bar}{bar}| {elapsed}<{remaining}"
    with tqdm(total=1, desc=title, bar_format=looks, file=sys.stderr, disable=None) as bar:

        def tell(done: float) -> None:
            bar.update(done - bar.n)

        yield tell


def _times_writer(stream: TextIO, as_csv: bool) -> "Callable[[AnalyzedFrame], None]":
    from .video.table import time_row, time_writer

    if as_csv:
        table = time_writer(stream)
        return lambda frame: table.writerows(time_row(row) for row in frame.rows())
    return lambda frame: stream.writelines(json.dumps(row.to_dict()) + "\n" for row in frame.rows())


def _write_people(stream: TextIO, people: "Iterable[Person]", as_csv: bool) -> None:
    from .video.table import write_people

    if as_csv:
        write_people(stream, people)
    else:
        stream.writelines(json.dumps(person.to_dict()) + "\n" for person in people)


def _keep_apart(paths: list[Path | None]) -> None:
    """End the command if an output would overwrite the clip or another output."""
    for one, other in combinations([path for path in paths if path is not None], 2):
        if is_same(one, other):
            fail(f"{other.name} is named twice. Name another file for each table and for the video.")
