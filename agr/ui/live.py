"""The live tab: the camera's picture with boxes that follow each face, and one steady answer per person.

Gradio's own webcam stream is not used. It sends frames at a fixed rate whether or not earlier ones have been answered,
restarts by itself when its time is over, says nothing when the camera is refused, and writes every picture that it
shows to disk. Here the browser shows the camera's picture itself, sends a frame when the last one has been answered,
and gets boxes back.
"""

import base64
import math
from dataclasses import dataclass

import gradio as gr

from agr.analyzer import FaceAnalyzer
from agr.images import ImageError, load_photo
from agr.tracking import FaceTracker

from .live_html import overlay, panel, table_link
from .scripts import script

SECONDS = 60
"""After this time the camera stops until the visitor resumes, so that a forgotten page takes no more computing time."""
MAX_FRAME = 2_000_000
"""Characters of a frame in base64; one of 640 × 480 pixels has some 60,000."""
MAX_PIXELS = 2_000_000
"""Pixels of a frame: a plain picture of few bytes can have very many."""
MAX_STEP = 10.0

PURPOSE = (
    "Each face gets a number and one answer from all its frames: the longer in view, the steadier. Nobody is "
    "recognised: anyone who comes back after more than a second counts as a new person. Frames are analyzed in memory "
    "and dropped; only numbers are kept, until you reset or an hour after you leave. The CSV has each person's race "
    "too. Never use it to decide anything about a person."
)

_CAMERA = f"""
<div class="agr-live-stage" data-seconds="{SECONDS}">
  <video data-live="video" playsinline muted aria-label="The camera's picture"></video>
  <div data-live="boxes"></div>
</div>
<p data-live="status" class="agr-status" role="status">The camera is off.</p>
<div class="agr-live-buttons">
  <button type="button" data-live="toggle" class="agr-small agr-live-main">Start camera</button>
  <button type="button" data-live="reset" class="agr-small">Reset</button>
  <button type="button" data-live="table" class="agr-small">Download CSV</button>
  <select data-live="choice" class="agr-small" aria-label="Camera" hidden></select>
</div>"""

# Passes answers to the camera's component, which must not be rendered again while its video runs.
_HAND_OVER = """
watch('value', () => {
    document.querySelector('#live-camera .agr-live-stage')?.dispatchEvent(
        new CustomEvent('answer', {detail: element.querySelector('svg')?.outerHTML ?? '', bubbles: true}));
});
"""
_SAVE = """
watch('value', () => {
    const link = element.querySelector('a');
    if (link) link.tabIndex = -1;  // hidden, so the Tab key should skip it
    link?.click();
});
"""


@dataclass
class Visit:
    """What a visitor's session keeps, numbers only. `seconds`: watched so far, without pauses; `start`: which start of
    the camera the last frame belongs to; `frames`, `tables`: how many were answered."""

    tracker: FaceTracker
    seconds: float = 0.0
    start: int = 0
    frames: int = 0
    tables: int = 0


def live_tab(analyzer: FaceAnalyzer) -> None:
    """Lay out the tab inside the `gr.Blocks` that is being built, and connect it to `analyzer`."""

    def new_tracker() -> FaceTracker:
        return FaceTracker.of(analyzer)

    def watch(visit: Visit, event: gr.EventData) -> tuple[Visit, str, str]:
        """Boxes and panel for the next frame."""
        frame = read_frame(event._data)
        try:
            photo = load_photo(frame.picture, max_pixels=MAX_PIXELS)
        except ImageError as error:
            raise gr.Error(f"The camera's frame cannot be used: {error}") from error
        faces = analyzer.analyze(photo)
        if frame.start != visit.start:
            visit.tracker.let_go()
        visit.start, visit.seconds, visit.frames = frame.start, visit.seconds + frame.step, visit.frames + 1
        tracked = visit.tracker.update(faces, time=visit.seconds)
        shown = overlay(tracked, (photo.width, photo.height), frame=visit.frames)
        return visit, shown, panel(visit.tracker.people, visit.tracker.present, seconds=visit.seconds)

    def reset(visit: Visit) -> tuple[Visit, str, str]:
        visit.tracker, visit.seconds = new_tracker(), 0.0
        visit.frames += 1
        return visit, overlay([], (4, 3), frame=visit.frames), panel([], [], seconds=0)

    def table(visit: Visit) -> tuple[Visit, str]:
        visit.tables += 1
        return visit, table_link(visit.tracker.people, asked=visit.tables)

    gr.Markdown(PURPOSE, elem_classes="agr-note")
    visit = gr.State(Visit(new_tracker()))
    with gr.Row():
        with gr.Column(scale=3, min_width=300):
            camera = gr.HTML(_CAMERA, js_on_load=script("live.js"), elem_id="live-camera")
        with gr.Column(scale=2, min_width=300):
            counted = gr.HTML(panel([], [], seconds=0), elem_id="live-panel")
    answer = gr.HTML(js_on_load=_HAND_OVER, elem_id="live-answer", elem_classes="agr-live-hidden")
    saved = gr.HTML(js_on_load=_SAVE, elem_id="live-table", elem_classes="agr-live-hidden")
    options = {"show_progress": "hidden", "api_visibility": "private"}
    camera.frame(watch, visit, [visit, answer, counted], concurrency_id="live", trigger_mode="once", **options)
    camera.reset(reset, visit, [visit, answer, counted], **options)
    camera.table(table, visit, [visit, saved], **options)


@dataclass(frozen=True)
class SentFrame:
    """`picture`: an image file; `step`: seconds since the last frame; `start`: of the camera, counted."""

    picture: bytes
    step: float
    start: int


def read_frame(sent: object) -> SentFrame:
    """A frame as the page sends it. Raises gr.Error."""
    fields = sent if isinstance(sent, dict) else {}
    text, step, start = fields.get("jpeg"), fields.get("step"), fields.get("start")
    if not isinstance(text, str) or not 0 < len(text) <= MAX_FRAME:
        raise gr.Error(f"Expected a frame of 1 to {MAX_FRAME} characters in base64. Reload the page.")
    if isinstance(step, bool) or not isinstance(step, (int, float)) or not 0 <= step < math.inf:
        raise gr.Error("Expected the seconds since the last frame. Reload the page.")
    if type(start) is not int:
        raise gr.Error("Expected how often the camera was started. Reload the page.")
    try:
        return SentFrame(base64.b64decode(text, validate=True), float(min(step, MAX_STEP)), start)
    except ValueError as error:
        raise gr.Error("Expected a frame in base64. Reload the page.") from error
