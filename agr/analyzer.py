"""FaceAnalyzer, the package's main entry point: takes a photo and returns every face with its attributes."""

import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from PIL import Image

from .align import crop_face
from .attributes import Attributes, Prediction
from .config import ModelConfig
from .detect import FaceDetector
from .engine import begun, cores, in_parallel, photo_in_work
from .faces import Faces
from .images import ImageError, ImageSource, Photo, load_photo
from .occlusion import Occlusion, occlusion
from .pretrained import find_model
from .reader import AttributeReader

Name = TypeVar("Name")
ONE_IMAGE = (str, bytes, bytearray, memoryview, PathLike, Image.Image, Photo)
PHOTOS_AHEAD = 2
"""Number of photos per core that `analyze_named` reads ahead; it limits how many wait in memory."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Face(Prediction):
    """One face: its position, and what the network predicts for it.

    `box`: left, top, right, bottom; `landmarks`: five (x, y) of left eye, right eye, nose, left and right mouth
    corner, as seen when the face is upright; both in pixels of the input, after its EXIF orientation.
    `score`: probability 0 to 1 that this is a face.
    `age`, `age_interval`, `age_group`, `gender`, `race` and their probabilities: see `Prediction`.
    `age_probs`: (117,), probability of each age from 0 to 116 years. `crop`: the network's input, RGB, uint8
    (size, size, 3).
    """

    box: tuple[float, float, float, float]
    score: float
    landmarks: tuple[tuple[float, float], ...]
    age_probs: np.ndarray = field(repr=False)
    crop: np.ndarray = field(repr=False)

    def __repr__(self) -> str:
        return f"Face({self.summary()}, box={tuple(round(v) for v in self.box)})"

    @property
    def is_upright(self) -> bool:
        """Whether the face is tilted by less than 60° in the photo, as by its eyes."""
        (left, top), (right, bottom), *_ = self.landmarks
        return right - left > abs(bottom - top) / math.tan(math.radians(60))

    def to_dict(self) -> dict[str, Any]:
        """The fields for JSON: all but the two arrays, with numbers rounded to meaningful digits."""
        return {
            "box": [round(v, 1) for v in self.box],
            "score": round(self.score, 4),
            "landmarks": [[round(x, 1), round(y, 1)] for x, y in self.landmarks],
            **super().to_dict(),
        }


class FaceAnalyzer:
    """Detector and network, loaded once by `from_pretrained`; safe to call from several threads, and in processes that
    are forked afterwards. It cannot be pickled: let each process of a pool load its own, in its `initializer`."""

    def __init__(self, reader: AttributeReader, detector: FaceDetector) -> None:
        self.reader = reader
        self.detector = detector

    def __repr__(self) -> str:
        return f"FaceAnalyzer({self.config.backbone}, {self.config.input_size} px)"

    @classmethod
    def from_pretrained(cls, model: str | Path | None = None, *, revision: str | None = None) -> "FaceAnalyzer":
        """Load the bundled model, the one in a folder, or one from the Hugging Face Hub ("USER/NAME", with `revision`).

        Raises ModelError if the model is not available or cannot be used.
        """
        folder = find_model(model, revision=revision)
        loads: tuple[Callable[[], Any], ...] = (lambda: AttributeReader.load(folder), FaceDetector)
        return cls(*in_parallel(lambda load: load(), loads))

    @property
    def config(self) -> ModelConfig:
        """The config stored with the model's weights: input size, labels, temperatures."""
        return self.reader.config

    def analyze(self, image: ImageSource | Photo) -> list[Face]:
        """All faces of a photo, largest first; an empty list if there is none. Raises ImageError if it cannot be
        read."""
        with photo_in_work():
            faces, crops = self._find(image)
            return _to_faces(faces, crops, self.reader.read(crops))

    def occlusion(self, crop: np.ndarray) -> Occlusion:
        """Which parts of a face its answers hang on; `crop`: `Face.crop`. Takes as long as a hundred faces."""
        with photo_in_work():
            return occlusion(self.reader, crop)

    def analyze_many(self, images: Iterable[ImageSource | Photo]) -> Iterator[list[Face] | ImageError]:
        """Yield for each image, in order, its faces, or the ImageError that says why it could not be read (never
        raised).

        Lazy: computes on all cores, and takes up to `PHOTOS_AHEAD` images per core before it yields the first result.
        If `images` raises, the error follows the results of the images before it. Raises TypeError for a single image.
        """
        is_one_array = isinstance(images, np.ndarray) and images.dtype.kind not in "OSU" and images.ndim < 4
        if is_one_array or hasattr(images, "read") or isinstance(images, ONE_IMAGE):
            raise TypeError(f"Expected several images, got one ({type(images).__name__}): analyze takes one.")
        return (found for _, found in self.analyze_named((None, image) for image in images))

    def analyze_named(
        self, images: Iterable[tuple[Name, ImageSource | Photo | ImageError]]
    ) -> Iterator[tuple[Name, list[Face] | ImageError]]:
        """Like `analyze_many` for (name, image), where a name is anything that identifies the image; yields (name,
        faces or error). An ImageError may take the place of an image that could not even be fetched: it is passed
        through."""
        with ThreadPoolExecutor(cores(), thread_name_prefix="analyze") as pool:
            running: deque[tuple[Name, Future]] = deque()
            broken: list[Exception] = []

            def until_broken() -> Iterator[tuple[Name, ImageSource | Photo | ImageError]]:
                try:
                    yield from images
                except Exception as error:
                    broken.append(error)

            def oldest() -> tuple[Name, list[Face] | ImageError]:
                name, future = running.popleft()
                return name, future.result()

            try:
                for name, image in until_broken():
                    running.append((name, begun(pool, self._analyze_or_error, image) or self._analyzed(image)))
                    if len(running) >= PHOTOS_AHEAD * cores():
                        yield oldest()
                while running:
                    yield oldest()
                if broken:
                    raise broken[0]
            finally:  # a caller that stops early waits for the photos in progress alone
                for _, future in running:
                    future.cancel()

    def _analyzed(self, image: ImageSource | Photo | ImageError) -> Future:
        """The answer, computed by this very thread."""
        done: Future = Future()
        done.set_result(self._analyze_or_error(image))
        return done

    def _analyze_or_error(self, image: ImageSource | Photo | ImageError) -> list[Face] | ImageError:
        if isinstance(image, ImageError):
            return image
        try:
            return self.analyze(image)
        except ImageError as error:
            return error

    def _find(self, image: ImageSource | Photo) -> tuple[Faces, np.ndarray]:
        """Faces in pixels of the upright input, and their crops, uint8 (n, size, size, 3)."""
        photo, config = load_photo(image), self.config
        faces = self.detector.detect(photo.rgb)

        def cut(points: np.ndarray) -> np.ndarray:
            return crop_face(photo.rgb, points, size=config.input_size, template=config.template)

        crops = in_parallel(cut, faces.landmarks)
        shape = (-1, config.input_size, config.input_size, 3)
        return faces.scaled(photo.scale), np.array(crops, np.uint8).reshape(shape)


def _to_faces(faces: Faces, crops: np.ndarray, read: Attributes) -> list[Face]:
    return [
        Face(
            box=tuple(faces.boxes[i].tolist()),
            score=float(faces.scores[i]),
            landmarks=tuple(tuple(point) for point in faces.landmarks[i].tolist()),
            **vars(read.of(i)),
            age_probs=read.age_probs[i],
            crop=crops[i],
        )
        for i in range(len(faces))
    ]
