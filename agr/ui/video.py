"""The video tab: a video in; its people, when they are seen, and the video with boxes out."""

import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gradio as gr
import numpy as np

from agr.analyzer import Face, FaceAnalyzer
from agr.sources import VIDEO_ENDINGS
from agr.video import DEFAULT_RATE, MIN_RATE, FaceAtTime, VideoRun
from agr.video.frames import VideoError

from .cards import ANNOUNCE_STEPS, message
from .received import held, sent
from .scripts import focus, script
from .uploads import BOXED
from .video_html import people_table, progress_bar, time_table, timeline, video_downloads

LONGEST = 120.0
"""Seconds of a video that are analyzed: this takes all cores, and the other visitors wait."""
MOST_WAITING = 8
"""Videos that wait here, where they can be stopped; further ones wait in Gradio's queue."""
MOST_RATE = 10
_EVERY = 0.25
"""Seconds between two updates of the progress, and until a stop takes effect."""
GUIDE = (
    f"Up to 40 MB, of which the first {LONGEST / 60:.0f} minutes are analyzed; MP4, MOV, WebM, MKV, AVI and others. "
    "Each person gets one answer from all frames; anyone out of view for more than a second, or back after a cut, "
    "counts as a new person. The copy with boxes has no sound. Video and results are deleted from the server within "
    "minutes: save what you want to keep."
)
NOBODY = "No face was found. A video where faces are larger, sharper or longer in view may do better."
TOO_BRIEF = "Faces were found, but each in fewer than three frames: too briefly to count as a person."
GONE = "The video is no longer on the server: uploads are deleted after a few minutes. Choose it again."
Answer = tuple[object, object, object, object, object]
"""Values for the outputs: video with boxes, message or progress, links, tables, and the stop button."""
UNCHANGED: Answer = (gr.skip(), gr.skip(), gr.skip(), gr.skip(), gr.skip())


@dataclass(eq=False)
class Work:
    """A video that waits for its turn or is being analyzed."""

    path: str
    stop: bool = False


@dataclass(eq=False)
class Visit:
    """What a visitor's session keeps: the `chosen` file, those that were `left` for another one, and the unfinished
    `works`. The browser's events for the file and for the button may arrive in any order."""

    chosen: str | None = None
    left: set[str] = field(default_factory=set)
    works: list[Work] = field(default_factory=list)

    def choose(self, path: str | None) -> None:
        if self.chosen:
            self.left.add(self.chosen)
        self.chosen = path
        self.left.discard(path or "")

    def wants(self, work: Work) -> bool:
        """Whether its results should still be shown: the visitor has not chosen another file."""
        return work.path not in self.left


def video_tab(analyzer: FaceAnalyzer) -> None:
    """Lay out the tab inside the `gr.Blocks` that is being built, and connect it to `analyzer`."""
    turns: list[Work] = []

    def analyze(path: str | None, rate: float, visit: Visit) -> Iterator[Answer]:
        yield from _answers(analyzer, path, rate, visit, turns)

    def stop_it(visit: Visit) -> None:
        for work in visit.works:
            work.stop = True

    def choose(path: str | None, visit: Visit) -> tuple[None, str, str, str]:
        visit.choose(path)
        return None, "", "", ""

    gr.Markdown(GUIDE, elem_classes="agr-note")
    visit = gr.State(Visit())
    with gr.Row():
        with gr.Column(min_width=300):
            clip = gr.File(label="Video", file_types=list(VIDEO_ENDINGS), height=160, elem_id="clip")
            clip.preprocess = sent  # type: ignore[method-assign]
            rate = gr.Slider(
                MIN_RATE, MOST_RATE, DEFAULT_RATE, step=1, label="Analyzed frames a second", elem_id="clip-rate"
            )
            with gr.Row():
                start = gr.Button("Analyze", variant="primary", elem_id="clip-start", min_width=120)
                stop = gr.Button("Stop", interactive=False, elem_id="clip-stop", min_width=120)
            status = gr.HTML(elem_id="clip-status", js_on_load=ANNOUNCE_STEPS)
        with gr.Column(min_width=300):
            boxed = gr.Video(
                label="With boxes", interactive=False, height=380, elem_id="clip-boxed", buttons=["download"]
            )
    links = gr.HTML(elem_id="clip-downloads")
    found = gr.HTML(elem_id="clip-found", js_on_load=script("seek.js"))
    start.click(
        analyze,
        [clip, rate, visit],
        [boxed, status, links, found, stop],
        trigger_mode="multiple",  # another file may be started while the last one is ending
        show_progress="minimal",
        show_progress_on=[boxed],
        api_visibility="private",
        concurrency_id="video",
        concurrency_limit=MOST_WAITING,
    )
    # Not Gradio's `cancels`: its own update and the last ones of the work may arrive in any order.
    unqueued: dict[str, Any] = {"queue": False, "show_progress": "hidden", "api_visibility": "private"}
    stop.click(stop_it, visit, None, js=focus("#clip-start"), **unqueued)
    clip.change(choose, [clip, visit], [boxed, status, links, found], **unqueued)


def _answers(
    analyzer: FaceAnalyzer, path: str | None, rate: float, visit: Visit, turns: list[Work]
) -> Iterator[Answer]:
    """Yields all the time, so that Gradio can end it when the visitor leaves. `turns`: all videos that wait or are
    being analyzed, in order of arrival; one is analyzed at a time."""
    if path is None:
        yield _refused("Choose a video first.")
        return
    work = Work(path)
    if any(other.path == path for other in visit.works):
        gr.Info("This video is still being analyzed. Stop it and wait a moment, then press Analyze again.")
        yield UNCHANGED
        return
    if not visit.wants(work):  # another file was chosen in the meantime
        yield UNCHANGED
        return
    visit.works.append(work)
    turns.append(work)
    try:
        with TemporaryDirectory(dir=Path(path).parent) as folder:
            (clip,) = held([Path(path)], Path(folder))
            while (ahead := turns.index(work)) and visit.wants(work) and not work.stop:
                others = "Another visitor's video comes" if ahead == 1 else f"{ahead} other visitors' videos come"
                yield None, message(f"{others} first."), "", "", gr.Button(interactive=True)
                time.sleep(_EVERY)
            if visit.wants(work) and not work.stop:
                yield from _analyzed(analyzer, clip, rate, visit, work)
            elif visit.wants(work):
                yield None, message("Stopped."), "", "", gr.Button(interactive=False)
        if not visit.wants(work):
            another = len(visit.works) > 1
            yield UNCHANGED if another else (None, "", "", "", gr.Button(interactive=False))
    except FileNotFoundError:
        yield gr.skip(), message(GONE, is_error=True), gr.skip(), gr.skip(), gr.Button(interactive=False)
    finally:
        turns.remove(work)
        visit.works.remove(work)


def _analyzed(analyzer: FaceAnalyzer, clip: Path, rate: float, visit: Visit, work: Work) -> Iterator[Answer]:
    rows: list[FaceAtTime] = []
    moments: list[float] = []
    best: dict[int, tuple[float, np.ndarray]] = {}
    with TemporaryDirectory() as folder:  # Gradio copies the result into its cache, which it clears
        output = Path(folder) / BOXED
        run = VideoRun(analyzer, clip, rate=rate, output=output, longest=LONGEST)
        yield None, progress_bar(0, "Reading the video"), "", "", gr.Button(interactive=True)
        said, undrawn = time.monotonic(), None
        try:
            with closing(iter(run)) as steps:
                for step in steps:
                    if step.frame:
                        moments.append(step.frame.time)
                        rows += step.frame.rows()
                        _keep_best(best, step.frame.faces)
                    if work.stop:
                        run.stop()
                    if not visit.wants(work):
                        return
                    if time.monotonic() - said > _EVERY:
                        said = time.monotonic()
                        text = "Stopping" if work.stop else "Drawing boxes" if run.is_drawing else "Finding faces"
                        yield gr.skip(), progress_bar(step.done, text), gr.skip(), gr.skip(), gr.skip()
        except VideoError as error:
            if not run.is_drawing:
                yield _refused(str(error).replace(str(clip), clip.name))
                return
            undrawn = "The video with boxes could not be written; all else is here."
        crops = {number: crop for number, (_, crop) in best.items()}
        boxed = None if undrawn or run.is_stopped else str(output)
        yield _shown(run, rows, moments, crops, boxed, undrawn, clip)


def _refused(text: str) -> Answer:
    return None, message(text, is_error=True), "", "", gr.Button(interactive=False)


def _shown(
    run: VideoRun,
    rows: list[FaceAtTime],
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
    status = message(said) + "".join(message(each) for each in (run.problem, undrawn) if each)
    when = timeline(people, rows, moments, run.seconds, leads_to_video=boxed is not None)
    tables = people_table(people, crops) + when if people else ""
    links = video_downloads(people, rows, name=clip.stem) if rows else ""
    return boxed, status, links, tables + (time_table(rows) if rows else ""), gr.Button(interactive=False)


def _keep_best(best: dict[int, tuple[float, np.ndarray]], faces: tuple[tuple[int | None, Face], ...]) -> None:
    """Keep each person's largest face, which shows most detail."""
    for number, face in faces:
        left, top, right, bottom = face.box
        size = face.score * (right - left) * (bottom - top)
        if number is not None and size > best.get(number, (0.0, None))[0]:
            best[number] = (size, face.crop)
