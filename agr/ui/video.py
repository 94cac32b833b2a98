"""The video tab: a video in; its people, when they are seen, and the video with boxes out."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
import numpy as np

from agr.analyzer import Face, FaceAnalyzer
from agr.video import DEFAULT_RATE, Row, VideoRun
from agr.video_command import VIDEO_ENDINGS
from agr.video_frames import VideoError

from .cards import message
from .uploads import sent
from .video_html import people_table, progress_bar, time_table, timeline, video_downloads

LONGEST = 120.0
"""Seconds of a video that the page analyzes: one visitor's takes all cores, and the others wait."""
MOST_WAITING = 8
"""Visitors whose videos wait here, and can be stopped; more wait in Gradio's queue."""
MOST_RATE = 10
_EVERY = 0.25
"""Seconds between two looks at the progress, and until a stop is heeded."""
GUIDE = (
    f"Up to 40 MB, of which the first {LONGEST / 60:.0f} minutes are analyzed; MP4, MOV, WebM, MKV, AVI and others. "
    "Each person gets one answer from all frames; who is gone for over a second, or comes back after a cut, counts as "
    "another. The copy with boxes has no sound. Video and results are deleted from the server within minutes: save "
    "what you want to keep."
)
NOBODY = "No face was found. A video where faces are larger, sharper or longer in view may do better."
TOO_BRIEF = "Faces were found, but each in fewer than three frames: too briefly to count as a person."
FOCUS_START = "() => document.querySelector('#clip-start').focus()"
"""The other button is disabled when the work has ended, and whoever pressed it by keyboard would be lost."""

Answer = tuple[object, str, object, object, gr.Button]
"""Video with boxes, sentence or progress, links, tables, and the stop button."""


@dataclass(eq=False)
class Wish:
    """What a visitor wants of their video that is in work: that it stops, or that nothing of it is shown, as another
    file was chosen."""

    stop: bool = False
    leave: bool = False


def video_tab(analyzer: FaceAnalyzer) -> None:
    """Lay out the tab inside the `gr.Blocks` that is being built, and connect it to `analyzer`."""
    turns: list[Wish] = []

    def analyze(path: str | None, rate: float, wish: Wish) -> Iterator[Answer]:
        yield from _answers(analyzer, path, rate, wish, turns)

    def stop_it(wish: Wish) -> None:
        wish.stop = True

    def leave(wish: Wish) -> tuple[None, str, str, str]:
        wish.leave = True
        return None, "", "", ""

    gr.Markdown(GUIDE, elem_classes="agr-note")
    wish = gr.State(Wish())
    with gr.Row():
        with gr.Column(min_width=300):
            clip = gr.File(label="Video", file_types=list(VIDEO_ENDINGS), height=160, elem_id="clip")
            clip.preprocess = sent  # type: ignore[method-assign]
            rate = gr.Slider(2, MOST_RATE, DEFAULT_RATE, step=1, label="Analyzed frames a second", elem_id="clip-rate")
            with gr.Row():
                start = gr.Button("Analyze", variant="primary", elem_id="clip-start", min_width=120)
                stop = gr.Button("Stop", interactive=False, elem_id="clip-stop", min_width=120)
            status = gr.HTML(elem_id="clip-status")
        with gr.Column(min_width=300):
            boxed = gr.Video(
                label="With boxes", interactive=False, height=380, elem_id="clip-boxed", buttons=["download"]
            )
    links = gr.HTML(elem_id="clip-downloads")
    found = gr.HTML(elem_id="clip-found")
    start.click(
        analyze,
        [clip, rate, wish],
        [boxed, status, links, found, stop],
        show_progress="minimal",
        show_progress_on=[boxed],
        api_visibility="private",
        concurrency_id="video",
        concurrency_limit=MOST_WAITING,
    )
    # Not Gradio's `cancels`: what it sends and what the work still says arrive in any order.
    unqueued: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    stop.click(stop_it, wish, None, js=FOCUS_START, **unqueued)
    clip.change(leave, wish, [boxed, status, links, found], **unqueued)


def _answers(analyzer: FaceAnalyzer, path: str | None, rate: float, wish: Wish, turns: list[Wish]) -> Iterator[Answer]:
    """Yields in between, so that whoever leaves ends it. `turns`: all wishes whose videos wait or are in work, as they
    came; one is in work at a time."""
    if path is None:
        yield _refused("Choose a video first.")
        return
    wish.stop = wish.leave = False
    turns.append(wish)
    try:
        while (ahead := turns.index(wish)) and not (wish.stop or wish.leave):
            others = "Another visitor's video comes" if ahead == 1 else f"{ahead} other visitors' videos come"
            yield None, message(f"{others} first."), "", "", gr.Button(interactive=True)
            time.sleep(_EVERY)
        if wish.stop or wish.leave:
            yield None, "" if wish.leave else message("Stopped."), "", "", gr.Button(interactive=False)
        else:
            yield from _analyzed(analyzer, path, rate, wish)
    finally:
        turns.remove(wish)


def _analyzed(analyzer: FaceAnalyzer, path: str, rate: float, wish: Wish) -> Iterator[Answer]:
    rows: list[Row] = []
    moments: list[float] = []
    best: dict[int, tuple[float, np.ndarray]] = {}
    with TemporaryDirectory() as folder:  # Gradio takes a copy into its cache, which is cleared
        output = Path(folder) / "boxed.mp4"
        run = VideoRun(analyzer, path, rate=rate, output=output, longest=LONGEST)
        yield None, progress_bar(0, "Reading the video"), "", "", gr.Button(interactive=True)
        said, undrawn = time.monotonic(), None
        try:
            with closing(iter(run)) as steps:
                for step in steps:
                    if step.frame:
                        moments.append(step.frame.time)
                        rows += step.frame.rows()
                        _keep_best(best, step.frame.faces)
                    if wish.stop:
                        run.stop()
                    if wish.leave:
                        yield None, "", "", "", gr.Button(interactive=False)
                        return
                    if time.monotonic() - said > _EVERY:
                        said = time.monotonic()
                        text = "Stopping" if wish.stop else "Drawing boxes" if run.is_drawing else "Finding faces"
                        yield gr.skip(), progress_bar(step.done, text), gr.skip(), gr.skip(), gr.skip()
        except VideoError as error:
            if not run.is_drawing:
                yield _refused(_without(path, error))
                return
            undrawn = "The video with boxes could not be written; all else is here."
        crops = {number: crop for number, (_, crop) in best.items()}
        boxed = None if undrawn or run.is_stopped else str(output)
        yield _shown(run, rows, moments, crops, boxed, undrawn, Path(path))


def _refused(text: str) -> Answer:
    return None, message(text, is_error=True), "", "", gr.Button(interactive=False)


def _shown(
    run: VideoRun,
    rows: list[Row],
    moments: list[float],
    crops: dict[int, np.ndarray],
    boxed: str | None,
    undrawn: str | None,
    clip: Path,
) -> Answer:
    people = run.people
    count = "1 person" if len(people) == 1 else f"{len(people)} people"
    found = f"{count} in {run.seconds:.1f} seconds of {clip.name}, as numbered."
    said = found if people else TOO_BRIEF if rows else NOBODY
    status = message(said) + "".join(message(problem) for problem in (run.problem, undrawn) if problem)
    tables = (people_table(people, crops) + timeline(people, rows, moments, run.seconds)) if people else ""
    links = video_downloads(people, rows, name=clip.stem) if rows else ""
    return boxed, status, links, tables + (time_table(rows) if rows else ""), gr.Button(interactive=False)


def _keep_best(best: dict[int, tuple[float, np.ndarray]], faces: tuple[tuple[int | None, Face], ...]) -> None:
    """Of each person the largest face, which shows most."""
    for number, face in faces:
        left, top, right, bottom = face.box
        size = face.score * (right - left) * (bottom - top)
        if number is not None and size > best.get(number, (0.0, None))[0]:
            best[number] = (size, face.crop)


def _without(path: str, error: VideoError) -> str:
    """The error's message without the server's own path of the upload."""
    if not Path(path).exists():
        return "The video is not there any more: uploads are deleted after minutes. Choose it again."
    return str(error).replace(path, Path(path).name)
