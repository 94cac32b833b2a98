"""FaceTracker: follows faces from frame to frame, and gives each person one steady prediction.

Each person's position is predicted from a constant speed, and the predicted positions are paired with the frame's faces
so that the sum of distances is smallest (SORT, Bewley et al. 2016, with a fixed-gain filter in place of its Kalman
filter). Distances are measured in face widths rather than by overlap: at five frames a second, someone who walks by
leaves their last box between two frames. Appearance is not used: nobody who was gone is recognised again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import lap  # type: ignore[import-untyped]
import numpy as np

from .analyzer import Face, FaceAnalyzer
from .attributes import N_AGES, Attributes, Prediction
from .labels import GENDERS, RACES

MIN_FRAMES = 3
"""Number of frames in which a face must be found to count as a person: false detections seldom last."""
PATIENCE = 1.0
"""Seconds for which someone who is not found keeps their number."""
PATIENT_FRAMES = 2
"""Smallest number of frames for which they keep it: on a slow machine these take longer than `PATIENCE`."""
REACH, REACH_GAIN, REACH_MOST = 1.0, 1.0, 2.0
"""Largest distance, in face widths, between a face and its predicted position: its initial value, the increase per
second of absence, and the upper limit."""
PLACE_GAIN, SPEED_GAIN = 0.8, 0.4
"""Shares of the error of the predicted position by which position and speed are corrected: boxes are steady to a few
hundredths of a face."""
SHARP = 0.01
"""Variance of the Laplacian, divided by the crop's own variance, from which a crop counts as sharp: a portrait in focus
has 0.01 to 0.07, and 0.002 when blurred by a twentieth of the distance between the eyes."""
LEAST_SHARPNESS = 0.05


@dataclass(frozen=True, eq=False, kw_only=True)
class Person(Prediction):
    """One person: the prediction from all frames together, and when they were seen.

    `number`: 1, 2, ...; `first_seen`, `last_seen`: seconds, as passed to `FaceTracker.update`; `frames`: number of
    frames in which the face was found; one that is shown for long counts several times (`agr.video`). More frames make
    the age interval steadier, not narrower, because frames of one face share their errors.
    """

    number: int
    first_seen: float
    last_seen: float
    frames: int

    def __repr__(self) -> str:
        return f"Person({self.number}, {self.summary()}, {self.frames} frames)"

    def to_dict(self) -> dict[str, Any]:
        """The fields for JSON, with numbers rounded to meaningful digits; `number` is called `track`, as in rows by
        time."""
        seen = {"first_seen": round(self.first_seen, 2), "last_seen": round(self.last_seen, 2), "frames": self.frames}
        return {"track": self.number, **seen, **super().to_dict()}


@dataclass(frozen=True)
class TrackedFace:
    """A `face` as detected in this frame, and its `person`, from all frames so far."""

    face: Face
    person: Person

    @property
    def number(self) -> int:
        """The person's number. If someone leaves before `is_sure`, the next new person gets their number."""
        return self.person.number

    @property
    def is_sure(self) -> bool:
        """Whether the face was found often enough to count as a person."""
        return self.person.frames >= MIN_FRAMES


@dataclass(eq=False)
class _Track:
    """One person's state: numbers only, no pictures. `centre`, `width`: pixels; `speed`: pixels per second."""

    number: int
    centre: np.ndarray
    width: float
    first_seen: float
    last_seen: float
    speed: np.ndarray = field(default_factory=lambda: np.zeros(2))
    frames: int = 0
    missed: int = 0
    weight: float = 0.0
    age: np.ndarray = field(default_factory=lambda: np.zeros(N_AGES))
    gender: np.ndarray = field(default_factory=lambda: np.zeros(len(GENDERS)))
    race: np.ndarray = field(default_factory=lambda: np.zeros(len(RACES)))


class FaceTracker:
    """Follows people through a stream of frames. Holds numbers only, so that it can be pickled and copied; for one
    thread at a time."""

    def __init__(self, *, interval_mass: tuple[float, ...]) -> None:
        """`interval_mass`: `analyzer.config.interval_mass` of the model that analyzes the faces."""
        self._interval_mass = interval_mass
        self._tracks: list[_Track] = []
        self._gone: list[Person] = []
        self._time = -math.inf

    @classmethod
    def of(cls, analyzer: FaceAnalyzer) -> "FaceTracker":
        """A tracker for the faces that this analyzer finds."""
        return cls(interval_mass=analyzer.config.interval_mass)

    def update(self, faces: Sequence[Face], *, time: float) -> list[TrackedFace]:
        """Assign the faces of the next frame to people; returns them in the order of `faces`.

        `time`: seconds since any start, never less than before.

        A new face gets a number at once. Someone found in fewer than `MIN_FRAMES` frames is not among `people`, and
        once they are gone, the next newcomer gets their number. Raises ValueError if time runs backwards.
        """
        time = float(time)
        if not time >= self._time:
            raise ValueError(f"expected a time not before the last frame's, {self._time} seconds, got {time}")
        self._time = time
        self._forget(time)
        pairs = self._paired(faces, time)
        for track in self._tracks:
            track.missed += 1
        return [self._seen(face, pairs.get(place), time) for place, face in enumerate(faces)]

    def let_go(self) -> None:
        """End all tracks, after a pause: faces in the next frame count as new people. The people so far are kept."""
        self._gone += self.present
        self._tracks = []

    @property
    def people(self) -> list[Person]:
        """Everyone who was found in at least `MIN_FRAMES` frames, by number."""
        return sorted([*self._gone, *self.present], key=lambda person: person.number)

    @property
    def present(self) -> list[Person]:
        """Those of `people` who were found in the last frame, or who have been missing only briefly, by number."""
        here = [self._pooled(track) for track in self._tracks if track.frames >= MIN_FRAMES]
        return sorted(here, key=lambda person: person.number)

    def _forget(self, time: float) -> None:
        """End the tracks of those who were not found for too long; those who count as people stay in `people`."""
        last = time - PATIENCE - 1e-6  # five steps of a fifth of a second do not add up to exactly a second
        gone = [track for track in self._tracks if track.last_seen < last and track.missed >= PATIENT_FRAMES]
        self._gone += [self._pooled(track) for track in gone if track.frames >= MIN_FRAMES]
        self._tracks = [track for track in self._tracks if track not in gone]

    def _paired(self, faces: Sequence[Face], time: float) -> dict[int, _Track]:
        """Index of a face -> its track; faces without one are new."""
        if not faces or not self._tracks:
            return {}
        cost = np.array([[_strangeness(track, face, time) for track in self._tracks] for face in faces])
        _, chosen, _ = lap.lapjv(cost, extend_cost=True, cost_limit=1.0)
        return {place: self._tracks[i] for place, i in enumerate(chosen) if i >= 0}

    def _seen(self, face: Face, track: _Track | None, time: float) -> TrackedFace:
        centre, width = _centre(face), _width(face)
        if track is None:
            track = _Track(self._free_number(), centre, width, first_seen=time, last_seen=time)
            self._tracks.append(track)
        elif (passed := time - track.last_seen) > 0:
            surprise = centre - _expected(track, time)
            track.centre = _expected(track, time) + PLACE_GAIN * surprise
            track.speed = track.speed + SPEED_GAIN * surprise / passed
            track.width += PLACE_GAIN * (width - track.width)
        track.last_seen, track.frames, track.missed = time, track.frames + 1, 0
        weight = frame_weight(face)
        track.weight += weight
        track.age = track.age + weight * face.age_probs
        track.gender = track.gender + weight * np.array([face.gender_probs[name] for name in GENDERS])
        track.race = track.race + weight * np.array([face.race_probs[name] for name in RACES])
        return TrackedFace(face, self._pooled(track))

    def _free_number(self) -> int:
        taken = {track.number for track in self._tracks} | {person.number for person in self._gone}
        return next(number for number in range(1, len(taken) + 2) if number not in taken)

    def _pooled(self, track: _Track) -> Person:
        age, gender, race = (total[None] / track.weight for total in (track.age, track.gender, track.race))
        read = Attributes(age, gender, race, self._interval_mass)
        return Person(
            number=track.number,
            first_seen=track.first_seen,
            last_seen=track.last_seen,
            frames=track.frames,
            **vars(read.of(0)),
        )


def frame_weight(face: Face) -> float:
    """Weight of a frame in its person's prediction, above 0 and up to 1: score × size × sharpness.

    Size counts up to the crop's side, to which larger faces are reduced. Sharpness (`sharpness` divided by `SHARP`, at
    most 1, at least `LEAST_SHARPNESS`) lowers the weight of frames blurred by motion. Only ratios within one track
    matter.
    """
    side = min(1.0, _width(face) / len(face.crop))
    clear = min(1.0, max(LEAST_SHARPNESS, sharpness(face.crop) / SHARP))
    return max(face.score, 1e-3) * side * clear


def sharpness(crop: np.ndarray) -> float:
    """Variance of the grey crop's Laplacian divided by that of the grey crop, 0 (blurred) and up; independent of the
    lighting.

    `crop`: uint8 (size, size, 3). Source: Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy (2000).
    """
    grey = crop @ np.array([0.299, 0.587, 0.114])
    laplacian = grey[1:-1, :-2] + grey[1:-1, 2:] + grey[:-2, 1:-1] + grey[2:, 1:-1] - 4 * grey[1:-1, 1:-1]
    contrast = grey.var()
    return float(laplacian.var() / contrast) if contrast > 0 else 0.0


def _strangeness(track: _Track, face: Face, time: float) -> float:
    """How unlikely a face is to belong to the track, 0 and up; from 1 on it is somebody else's.

    Distance from the predicted position in face widths, plus 0.75 for each doubling of the size, divided by the reach.
    """
    reach = min(REACH_MOST, REACH + REACH_GAIN * (time - track.last_seen))
    width = _width(face)
    distance = float(np.linalg.norm(_centre(face) - _expected(track, time))) / max(width, track.width)
    return (distance + 0.75 * abs(float(np.log2(width / track.width)))) / reach


def _expected(track: _Track, time: float) -> np.ndarray:
    return track.centre + track.speed * min(time - track.last_seen, PATIENCE)


def _centre(face: Face) -> np.ndarray:
    left, top, right, bottom = face.box
    return np.array([(left + right) / 2, (top + bottom) / 2])


def _width(face: Face) -> float:
    """Side in pixels of the square with the same area as the box."""
    left, top, right, bottom = face.box
    return float(np.sqrt(max(1.0, (right - left) * (bottom - top))))
