"""How well the live tab keeps up, and how steady its answers are: python -m bench.live

Measured on a synthetic clip: up to three copies of the bundled portrait move across 640×480 pixels, nearer and farther,
under changing light, with motion blur and a webcam's compression. First, frames go through the page's own steps:
decode, analyze, track, draw boxes and panel. Then the whole page runs in Chromium, whose fake camera plays the clip.
With AGR_UTKFACE, faces of known age show what is gained by weighting a person's frames.
"""

import io
import os
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image, ImageFilter

import agr
from agr import FaceAnalyzer
from agr.annotations import labels_of
from agr.attributes import N_AGES
from agr.engine import cores
from agr.images import load_photo
from agr.pictures import PictureSource, file_key
from agr.tracking import FaceTracker, Person
from agr.ui.live_html import overlay, panel
from agr.ui.page import build_page

from .browser import chromium, served

PORTRAIT = Path(agr.__file__).parent / "ui" / "examples" / "astronaut.jpg"
SIZE = (640, 480)
RATE = 5
SECONDS = 12
CAMERA_RATE = 30
"""Frames per second of Chromium's fake camera."""
KNOWN = 30
"""Number of faces of known age."""
# Records when the page sends a frame and when the answer is drawn.
NOTE = """
window.sent = []; window.drawn = [];
const encode = HTMLCanvasElement.prototype.toDataURL;
HTMLCanvasElement.prototype.toDataURL = function (...options) {
    window.sent.push(performance.now());
    return encode.apply(this, options);
};
document.addEventListener('answer', () => requestAnimationFrame(() => window.drawn.push(performance.now())));
"""


def portraits(people: int) -> list[Image.Image]:
    """`people` copies of the bundled portrait's face."""
    return [Image.open(PORTRAIT).convert("RGB").crop((120, 0, 340, 220))] * people


def clip(faces: list[Image.Image], *, seed: int = 0) -> Iterator[bytes]:
    """JPEG frames of a clip, `RATE` per second; the same for the same seed."""
    rng = np.random.default_rng(seed)
    people = len(faces)
    for i in range(RATE * SECONDS):
        frame = Image.new("RGB", SIZE, (96, 112, 122))
        for k, face in enumerate(faces):
            swing = np.sin(2 * np.pi * (i / RATE / 6 + k / people))
            side = round(170 + 40 * np.sin(2 * np.pi * (i / RATE / 5 + k / 3)))
            blur = float(abs(np.cos(2 * np.pi * (i / RATE / 6 + k / people))) * 1.5 * rng.random())
            turned = face.resize((side, side), Image.Resampling.LANCZOS).filter(ImageFilter.GaussianBlur(blur))
            place = SIZE[0] * (2 * k + 1) / (2 * people) - side / 2 + swing * 0.15 * SIZE[0] / people
            frame.paste(turned, (round(place), round(130 + 30 * swing)))
        light = 0.8 + 0.3 * np.sin(2 * np.pi * i / RATE / 4) + 0.03 * rng.standard_normal()
        pixels = np.asarray(frame, np.float32) * light + rng.normal(0, 4, (SIZE[1], SIZE[0], 3))
        buffer = io.BytesIO()
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=85)
        yield buffer.getvalue()


def main() -> None:
    analyzer = FaceAnalyzer.from_pretrained()
    print(f"{cores()} cores, {SIZE[0]}×{SIZE[1]}, {SECONDS} s at {RATE} frames a second")
    print(
        "| faces | frames a second | delay, ms (median, 95 %) | work, ms of one core | of it tracking and drawing |"
        " people counted | age of a frame, sd | pooled age, sd |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for people in (1, 2, 3):
        print(_row(analyzer, people))
    print(
        "\n| faces, in Chromium | frames a second | delay, ms (median, 95 %) | people counted |",
        "|---|---|---|---|",
        sep="\n",
    )
    page = build_page(analyzer, {})
    with served(page) as address:
        for people in (1, 2, 3):
            print(_row_in_chromium(address, people))
    if pictures := os.environ.get("AGR_UTKFACE"):
        print(_pooling(analyzer, PictureSource(Path(pictures))))


def _row(analyzer: FaceAnalyzer, people: int) -> str:
    frames = list(clip(portraits(people)))
    analyzer.analyze(load_photo(frames[0]))
    tracker = FaceTracker.of(analyzer)
    walls, works, ours = [], [], []
    ages: dict[int, list[tuple[float, float]]] = {}
    for i, jpeg in enumerate(frames):
        wall, work = time.perf_counter(), time.process_time()
        photo = load_photo(jpeg)
        faces = analyzer.analyze(photo)
        own = time.perf_counter()
        tracked = tracker.update(faces, time=i / RATE)
        overlay(tracked, SIZE, frame=i)
        panel(tracker.people, tracker.present, seconds=i / RATE)
        now = time.perf_counter()
        walls.append(1000 * (now - wall))
        works.append(1000 * (time.process_time() - work))
        ours.append(1000 * (now - own))
        for person in tracked:
            ages.setdefault(person.number, []).append((person.face.age, person.person.age))
    single, pooled = _spread(ages, tracker.people)
    late = float(np.quantile(walls, 0.95))
    return (
        f"| {people} | {1000 / statistics.mean(walls):.1f} | {statistics.median(walls):.0f}, {late:.0f} |"
        f" {statistics.median(works):.0f} | {statistics.median(ours):.1f} | {len(tracker.people)} |"
        f" {single:.1f} | {pooled:.1f} |"
    )


def _row_in_chromium(address: str, people: int) -> str:
    with TemporaryDirectory() as folder:
        film = Path(folder) / "clip.mjpeg"
        film.write_bytes(b"".join(frame * (CAMERA_RATE // RATE) for frame in clip(portraits(people))))
        flags = ("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={film}")
        with chromium(*flags) as browser:
            page = browser.new_context(permissions=["camera"]).new_page()
            page.add_init_script(NOTE)
            page.goto(address)
            page.get_by_role("tab", name="Live").click()
            page.get_by_role("button", name="Start camera").click()
            page.wait_for_selector("#live-camera svg [data-caption]")
            page.evaluate("() => { window.sent = []; window.drawn = []; }")
            page.wait_for_timeout(1000 * SECONDS)
            sent, drawn = (np.array(page.evaluate(f"window.{name}")) for name in ("sent", "drawn"))
            counted = page.inner_text("#live-panel dd >> nth=0")
    delays = [moment - sent[sent < moment].max() for moment in drawn if (sent < moment).any()]
    return (
        f"| {people} | {len(drawn) / SECONDS:.1f} | {np.median(delays):.0f}, {np.quantile(delays, 0.95):.0f} |"
        f" {counted} |"
    )


def _pooling(analyzer: FaceAnalyzer, pictures: PictureSource) -> str:
    """Mean absolute error of the ages of `KNOWN` faces, each in a clip of its own: frame by frame, and pooled with
    equal and with the tracker's weights."""
    named = sorted(key for key in map(file_key, pictures.members) if labels_of(key) is not None)
    files = [named[i] for i in np.random.default_rng(0).choice(len(named), KNOWN, replace=False)]
    singles, equals, weighted = [], [], []
    for seed, file in enumerate(files):
        tracker = FaceTracker.of(analyzer)
        probs = []
        for i, jpeg in enumerate(clip([load_photo(pictures.find(file)).rgb], seed=seed)):
            tracked = tracker.update(analyzer.analyze(jpeg), time=i / RATE)
            probs += [person.face.age_probs for person in tracked[:1]]
        if tracker.people:
            ages, true = np.array(probs) @ np.arange(N_AGES), labels_of(file).age
            singles.append(np.abs(ages - true).mean())
            equals.append(abs(ages.mean() - true))
            weighted.append(abs(tracker.people[0].age - true))
    gain = np.array(equals) - weighted
    lines = ["", f"| age of {len(singles)} faces of UTKFace | mean absolute error, years |", "|---|---|"]
    lines += [
        f"| {name} | {np.mean(errors):.2f} |"
        for name, errors in (("frame by frame", singles), ("pooled, all frames alike", equals), ("pooled", weighted))
    ]
    return "\n".join(
        [*lines, f"| pooled better than alike by | {gain.mean():.3f} ± {gain.std() / len(gain) ** 0.5:.3f} |"]
    )


def _spread(ages: dict[int, list[tuple[float, float]]], people: list[Person]) -> tuple[float, float]:
    """Standard deviation of the age over a track, in years, for single frames and pooled: the mean of all tracks, each
    without its first second, in which the answer is still forming."""
    spreads = [np.std(ages[person.number][RATE:], axis=0) for person in people if person.frames > 2 * RATE]
    single, pooled = np.mean(spreads, axis=0)
    return float(single), float(pooled)


if __name__ == "__main__":
    main()
