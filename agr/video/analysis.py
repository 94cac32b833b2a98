"""Videos: who is seen when, each person's attributes pooled over the frames, and an annotated copy."""

import os
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, BinaryIO

from ..analyzer import Face, FaceAnalyzer
from ..images import ImageError, Photo
from ..render import DISPLAY_SIDE, Mark, caption, draw_faces
from ..tracking import MIN_FRAMES, PATIENCE, FaceTracker, Person
from .frames import Frames, VideoError, open_video
from .writer import BoxPath, mp4_writer

DEFAULT_RATE = 5.0
"""Frames analyzed per second: faces turn and blink but do not age, and someone who walks through the picture is still
seen several times."""
MIN_RATE, MAX_RATE = 2.0, 30.0
"""Limits of the frames analyzed per second: with fewer, a person who walks by would be seen too seldom to be told from
others."""
ANNOTATED_RATE = 30.0
_ANALYSIS_SHARE = 0.6
"""Approximate share of the analysis in the time that an annotated video takes."""
_DECIDED = MIN_FRAMES * PATIENCE
"""Seconds after which it is known whether a face belongs to a person or was found too briefly to count."""
_HELD = 0.6
"""Seconds after which a frame that is still shown, as in recordings of still screens, goes to the tracker again."""


@dataclass(frozen=True)
class FaceAtTime:
    """A face in one frame. `time`: seconds; `track`: the person's number, None if found too briefly to count; `face`:
    the content of `Face.to_dict`, with the box in pixels of the upright video."""

    time: float
    track: int | None
    face: dict[str, Any]

    def to_dict(self) -> dict[str, Any]:
        """The fields for JSON: time and track before the face's own fields."""
        return {"time": round(self.time, 3), "track": self.track, **self.face}


@dataclass(frozen=True)
class AnalyzedFrame:
    """A frame at `time` seconds: each of its faces, largest first, with the number of its person or None."""

    time: float
    faces: tuple[tuple[int | None, Face], ...]

    def rows(self) -> list[FaceAtTime]:
        """Its faces, without their crops."""
        return [FaceAtTime(self.time, number, face.to_dict()) for number, face in self.faces]


@dataclass(frozen=True)
class Step:
    """Progress. `done`: share of all work, 0 to 1; `frame`: the next frame whose faces are assigned to persons by now,
    or None."""

    done: float
    frame: AnalyzedFrame | None = None


@dataclass(frozen=True)
class VideoResult:
    """`people`: one for each track, by number; `rows`: every face of every analyzed frame, by time;
    `seconds`: how much of the video was read; `problem`: what was wrong with it, as sentences, or None."""

    people: tuple[Person, ...]
    rows: tuple[FaceAtTime, ...] = field(repr=False)
    seconds: float
    problem: str | None


class VideoRun:
    """The analysis of a video: iterating does the work, one `Step` at a time; it may be stopped after any step.

    Faces are detected in `rate` frames per second (2 to 30), on all cores, and tracked. With `output`, an MP4 (H.264,
    at most 1280 pixels and 30 frames per second, no sound) is written in a second pass: boxes move on straight lines
    between the analyzed frames, and captions show the prediction from all frames. The file appears once it is complete.
    `longest`: seconds after which the rest is left out. Memory does not grow with the video's length, but by 2 KB per
    person and 40 bytes per box to draw.

    `people`, `seconds` and `problem` are those of `VideoResult`, so far; `is_drawing`: whether the analysis is complete
    and the output is being written; `is_stopped`: whether `stop` was called. Iterating raises VideoError if nothing can
    be read or the output cannot be written, and RuntimeError the second time; other rates raise ValueError.
    """

    def __init__(
        self,
        analyzer: FaceAnalyzer,
        path: str | PathLike[str],
        *,
        rate: float = DEFAULT_RATE,
        output: str | PathLike[str] | None = None,
        longest: float | None = None,
    ) -> None:
        if not MIN_RATE <= rate <= MAX_RATE:
            raise ValueError(f"Expected a rate of {MIN_RATE:.0f} to {MAX_RATE:.0f} frames a second, got {rate}.")
        self._analyzer, self._path, self._output = analyzer, path, Path(output) if output else None
        self._rate, self._longest = rate, longest
        self._tracker = FaceTracker.of(analyzer)
        self._frames: Frames | None = None
        self._ways: dict[int, BoxPath] = {}
        self._shown: tuple[float, list[Face]] | None = None
        self.is_stopped = self.is_drawing = False

    @property
    def people(self) -> tuple[Person, ...]:
        return tuple(self._tracker.people)

    @property
    def seconds(self) -> float:
        return self._frames.seconds if self._frames else 0.0

    @property
    def problem(self) -> str | None:
        wrong = self._frames.problem if self._frames else None
        stopped = f"Stopped after {self.seconds:.1f} seconds, as was asked." if self.is_stopped else None
        if stopped and self.is_drawing:
            stopped = "Stopped while boxes were drawn: the video with boxes was not written."
        return " ".join(filter(None, (wrong, stopped))) or None

    def stop(self) -> None:
        """Stop reading. The next steps bring the frames that were read already, and no output is written."""
        self.is_stopped = True

    def __iter__(self) -> Generator[Step, None, None]:
        if self._frames is not None:
            raise RuntimeError("A video is gone through once. Make another VideoRun.")
        with open_video(self._path) as file:
            if self._output:
                _check_output(self._output, self._path)
            yield from self._decided(file)
            if self._output and not self.is_stopped:
                self.is_drawing = True
                yield from self._drawn(file, self._output)

    def _decided(self, file: BinaryIO) -> Iterator[Step]:
        """Yield every frame, once it is known whose faces are in it."""
        waiting: deque[AnalyzedFrame] = deque()
        frames = self._frames = Frames(file, rate=self._rate, longest=self._longest)
        share = _ANALYSIS_SHARE if self._output else 1.0
        for analyzed in self._analyzed(frames):
            waiting.append(analyzed)
            yield Step(share * frames.done)
            while analyzed.time - waiting[0].time > _DECIDED:
                yield Step(share * frames.done, self._known(waiting.popleft()))
        self._hold(frames.seconds)
        while waiting:
            yield Step(share * frames.done, self._known(waiting.popleft()))

    def _analyzed(self, frames: Frames) -> Iterator[AnalyzedFrame]:
        """Yield every frame with the numbers that its faces have at that time."""

        def photos() -> Iterator[tuple[float, Photo]]:
            for frame in frames:
                yield frame.time, frame.photo
                if self.is_stopped:
                    return

        for time, found in self._analyzer.analyze_named(photos()):
            faces = [] if isinstance(found, ImageError) else found  # cannot happen: frames are decoded
            self._hold(time)
            self._shown = (time, faces)
            tracked = self._tracker.update(faces, time=time)
            yield AnalyzedFrame(time, tuple((one.number, one.face) for one in tracked))

    def _hold(self, until: float) -> None:
        """Tell the tracker that the people in the last frame are seen for as long as it is shown."""
        if self._shown:
            time, faces = self._shown
            while (time := time + _HELD) < until:
                self._tracker.update(faces, time=time)

    def _known(self, frame: AnalyzedFrame) -> AnalyzedFrame:
        """The frame without the numbers of people who were found too briefly: others may have these by now."""
        there = {one.number for one in self.people if one.first_seen <= frame.time <= one.last_seen}
        known = AnalyzedFrame(
            frame.time, tuple((number if number in there else None, face) for number, face in frame.faces)
        )
        if self._output:
            for number, face in known.faces:
                if number is not None:
                    self._ways.setdefault(number, BoxPath()).add(frame.time, face.box)
        return known

    def _drawn(self, file: BinaryIO, output: Path) -> Iterator[Step]:
        captions = {one.number: caption(one) for one in self.people}
        frames = Frames(file, rate=ANNOTATED_RATE, side=DISPLAY_SIDE, longest=self._longest)
        with mp4_writer(output, rate=ANNOTATED_RATE) as writer:
            for frame in frames:
                boxes = ((number, way.at(frame.time, gap=PATIENCE)) for number, way in self._ways.items())
                marks = [Mark(box, captions[number], number) for number, box in boxes if box is not None]
                writer.write(draw_faces(frame.photo.rgb, marks, width=frame.photo.width), frame.time)
                yield Step(_ANALYSIS_SHARE + (1 - _ANALYSIS_SHARE) * frames.done)
                if self.is_stopped:
                    return
            writer.finish()


def _check_output(output: Path, clip: str | PathLike[str]) -> None:
    """Raise VideoError now, rather than after hours of analysis, if `output` cannot be written."""
    if not os.path.isdir(output.parent):
        raise VideoError(f"{output} cannot be written: there is no folder {output.parent}.")
    if os.path.exists(output) and not os.path.isfile(output):
        raise VideoError(f"{output} cannot be written: it is no file.")
    if os.path.exists(output) and os.path.samefile(output, clip):
        raise VideoError(f"{output} is the video itself. Choose another file to write.")
    if output.suffix.lower() != ".mp4":
        raise VideoError(f"{output} cannot be written: an MP4 is made. Let its name end in .mp4.")


def analyze_video(
    analyzer: FaceAnalyzer,
    path: str | PathLike[str],
    *,
    rate: float = DEFAULT_RATE,
    output: str | PathLike[str] | None = None,
) -> VideoResult:
    """Analyze a whole video file; `rate`, `output` and errors are those of `VideoRun`. A row takes 2 KB of memory, so
    use a `VideoRun` for hours of video: it gives the same frame by frame. If the analysis is complete but the output
    cannot be written, `problem` says so."""
    run = VideoRun(analyzer, path, rate=rate, output=output)
    rows: list[FaceAtTime] = []
    problem = None
    try:
        with closing(iter(run)) as steps:
            for step in steps:
                rows += step.frame.rows() if step.frame else ()
    except VideoError as error:
        if not run.is_drawing:
            raise
        problem = str(error)
    return VideoResult(run.people, tuple(rows), run.seconds, " ".join(filter(None, (run.problem, problem))) or None)
