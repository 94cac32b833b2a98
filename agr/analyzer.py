"""FaceAnalyzer: a photo in, every face with its attributes out. The front door of the package."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from .align import crop_face
from .attributes import Attributes
from .detect import FaceDetector, Faces
from .images import ImageError, ImageSource, Photo, load_photo
from .labels import AGE_GROUPS, GENDERS, RACES
from .model import AttributeNet
from .pretrained import find_model

PHOTOS_AT_ONCE = 16
"""Photos whose faces share batches in `analyze_many`: bounds the crops that wait in memory."""
CROPS_AT_ONCE = 64
"""Crops that go through the network together: more gain no speed and cost memory."""


@dataclass(frozen=True, eq=False)
class Face:
    """One face: where it is, and what the network says of it.

    `box`: left, top, right, bottom; `landmarks`: five (x, y) of left eye, right eye, nose, left and right mouth
    corner as seen; both in pixels of the upright input. `score`: probability 0 to 1 that this is a face.
    `age`: years, the mean of the age distribution; `age_interval`: low and high end in years, holds the true age 8
    times in 10.
    `age_group`, `gender`, `race`: the most probable class; `..._probs`: class name -> probability, summing to 1.
    `age_probs`: (117,), probability of each age of 0 to 116 years. `crop`: uint8 (size, size, 3), what the network saw.
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: tuple[tuple[float, float], ...]
    age: float
    age_interval: tuple[float, float]
    age_group: str
    age_group_probs: dict[str, float]
    gender: str
    gender_probs: dict[str, float]
    race: str
    race_probs: dict[str, float]
    age_probs: np.ndarray = field(repr=False)
    crop: np.ndarray = field(repr=False)

    def to_dict(self) -> dict:
        """What JSON shows: every field but the two arrays, numbers rounded to what they are worth."""
        return {
            "box": [round(v, 1) for v in self.box],
            "score": round(self.score, 4),
            "landmarks": [[round(x, 1), round(y, 1)] for x, y in self.landmarks],
            "age": round(self.age, 1),
            "age_interval": [round(v, 1) for v in self.age_interval],
            "age_group": self.age_group,
            "age_group_probs": _rounded(self.age_group_probs),
            "gender": self.gender,
            "gender_probs": _rounded(self.gender_probs),
            "race": self.race,
            "race_probs": _rounded(self.race_probs),
        }


class FaceAnalyzer:
    """Detector and network, loaded once; safe to call from several threads."""

    def __init__(self, net: AttributeNet, detector: FaceDetector) -> None:
        self.net = net
        self.detector = detector

    @classmethod
    def from_pretrained(
        cls, model: str | Path | None = None, *, revision: str | None = None, device: str | None = None
    ) -> "FaceAnalyzer":
        """Load the bundled model, the one in a folder, or one of the Hugging Face Hub ("USER/NAME", with `revision`).

        `device`: "cpu", "cuda", ...; by default the GPU if there is one. Raises ModelError if the model cannot be had
        or used.
        """
        device = device or ("cuda" if torch.cuda.is_available() else "cpu")
        net = AttributeNet.load(find_model(model, revision=revision)).to(device)
        return cls(net, FaceDetector(device=device))

    def analyze(self, image: ImageSource | Photo) -> list[Face]:
        """All faces of a photo, largest first; an empty list if there is none. Raises ImageError if it cannot be
        read."""
        faces, crops = self._find(image)
        return _joined(faces, crops, self._read(crops))

    def analyze_many(self, images: Iterable[ImageSource | Photo]) -> Iterator[list[Face] | ImageError]:
        """For each image, in order, its faces or the ImageError that says why it could not be read; never raises one.

        Lazy: takes and answers `PHOTOS_AT_ONCE` images at a time, whose faces share batches.
        """
        images = iter(images)
        while chunk := list(islice(images, PHOTOS_AT_ONCE)):
            yield from self._analyze_chunk(chunk)

    def _analyze_chunk(self, images: list[ImageSource | Photo]) -> Iterator[list[Face] | ImageError]:
        found = [self._find_or_error(image) for image in images]
        sizes = [0 if isinstance(entry, ImageError) else len(entry[0]) for entry in found]
        ends = np.cumsum(sizes)
        read = self._read(
            np.concatenate(
                [crops for _, crops in (e for e in found if not isinstance(e, ImageError))] or [self._no_crops()]
            )
        )
        for entry, size, end in zip(found, sizes, ends, strict=True):
            yield entry if isinstance(entry, ImageError) else _joined(*entry, read[end - size : end])

    def _find_or_error(self, image: ImageSource | Photo) -> tuple[Faces, np.ndarray] | ImageError:
        try:
            return self._find(image)
        except ImageError as error:
            return error

    def _find(self, image: ImageSource | Photo) -> tuple[Faces, np.ndarray]:
        """Faces in pixels of the upright input, and their crops, uint8 (n, size, size, 3)."""
        photo, config = load_photo(image), self.net.config
        faces = self.detector.detect(photo.rgb)
        crops = [
            crop_face(photo.rgb, points, size=config.input_size, template=config.template) for points in faces.landmarks
        ]
        return faces.scaled(photo.scale), np.stack(crops) if crops else self._no_crops()

    def _no_crops(self) -> np.ndarray:
        return np.empty((0, self.net.config.input_size, self.net.config.input_size, 3), np.uint8)

    def _read(self, crops: np.ndarray) -> Attributes:
        starts = range(0, max(1, len(crops)), CROPS_AT_ONCE)
        return Attributes.concatenated([self.net.read(crops[start : start + CROPS_AT_ONCE]) for start in starts])


def _joined(faces: Faces, crops: np.ndarray, read: Attributes) -> list[Face]:
    return [
        Face(
            box=tuple(faces.boxes[i].tolist()),
            score=float(faces.scores[i]),
            landmarks=tuple(tuple(point) for point in faces.landmarks[i].tolist()),
            age=float(read.age[i]),
            age_interval=tuple(read.age_interval[i].tolist()),
            age_group=AGE_GROUPS[read.age_group_probs[i].argmax()],
            age_group_probs=_named(AGE_GROUPS, read.age_group_probs[i]),
            gender=GENDERS[read.gender_probs[i].argmax()],
            gender_probs=_named(GENDERS, read.gender_probs[i]),
            race=RACES[read.race_probs[i].argmax()],
            race_probs=_named(RACES, read.race_probs[i]),
            age_probs=read.age_probs[i],
            crop=crops[i],
        )
        for i in range(len(faces))
    ]


def _named(names: tuple[str, ...], probs: np.ndarray) -> dict[str, float]:
    return dict(zip(names, probs.tolist(), strict=True))


def _rounded(probs: dict[str, float]) -> dict[str, float]:
    return {name: round(p, 4) for name, p in probs.items()}
