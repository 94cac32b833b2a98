"""How the live tab keeps up, and how steady its answers are: python -m bench.live

On a made clip: the bundled portrait (up to three times) moves across 640×480 pixels, nearer and farther, under changing
light, blurred by its movement and compressed as a webcam's frames are. Frames are taken through what the page does with
each: decode, analyze, track, draw boxes and panel. It is not Gradio, the network or the browser that is measured here.
"""

import io
import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

import agr
from agr import FaceAnalyzer
from agr.engine import cores
from agr.images import load_photo
from agr.tracking import FaceTracker, Pooled
from agr.ui.live_html import overlay, panel

PORTRAIT = Path(agr.__file__).parent / "ui" / "examples" / "astronaut.jpg"
SIZE = (640, 480)
RATE = 5
SECONDS = 12


def clip(people: int, *, seed: int = 0) -> Iterator[bytes]:
    """Encoded frames, `RATE` a second; the same for the same seed."""
    rng = np.random.default_rng(seed)
    portrait = Image.open(PORTRAIT).convert("RGB")
    face = portrait.crop((120, 0, 340, 220))
    for i in range(RATE * SECONDS):
        frame = Image.new("RGB", SIZE, (96, 112, 122))
        for k in range(people):
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


def _row(analyzer: FaceAnalyzer, people: int) -> str:
    frames = list(clip(people))
    analyzer.analyze(load_photo(frames[0]))
    tracker = FaceTracker(interval_mass=analyzer.reader.config.interval_mass)
    walls, works, ours = [], [], []
    ages: dict[int, list[tuple[float, float]]] = {}
    for i, jpeg in enumerate(frames):
        wall, work = time.perf_counter(), time.process_time()
        photo = load_photo(jpeg)
        faces = analyzer.analyze(photo)
        own = time.perf_counter()
        tracked = tracker.update(faces, time=i / RATE, size=SIZE)
        overlay(tracked, SIZE, frame=i)
        panel(tracker.people, tracker.present, seconds=i / RATE)
        now = time.perf_counter()
        walls.append(1000 * (now - wall))
        works.append(1000 * (time.process_time() - work))
        ours.append(1000 * (now - own))
        for person in tracked:
            ages.setdefault(person.number, []).append((person.face.age, person.pooled.age))
    single, pooled = _spread(ages, tracker.people)
    late = float(np.quantile(walls, 0.95))
    return (
        f"| {people} | {1000 / statistics.mean(walls):.1f} | {statistics.median(walls):.0f}, {late:.0f} |"
        f" {statistics.median(works):.0f} | {statistics.median(ours):.1f} | {len(tracker.people)} |"
        f" {single:.1f} | {pooled:.1f} |"
    )


def _spread(ages: dict[int, list[tuple[float, float]]], people: list[Pooled]) -> tuple[float, float]:
    """Standard deviation of the age over a track in years, of single frames and pooled, the mean of all tracks; each
    track from its first second on, when there is an answer to be steady."""
    spreads = [np.std(ages[person.number][RATE:], axis=0) for person in people if person.frames > 2 * RATE]
    single, pooled = np.mean(spreads, axis=0)
    return float(single), float(pooled)


if __name__ == "__main__":
    main()
