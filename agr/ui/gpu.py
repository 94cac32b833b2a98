"""Where the page computes: a ZeroGPU Space lends a GPU for the length of a call; elsewhere nothing changes."""

from collections.abc import Callable, Iterator
from typing import TypeVar

try:
    import spaces  # there on a Space that runs on ZeroGPU, and before torch uses the GPU
except ImportError:
    spaces = None

from agr.analyzer import Face, FaceAnalyzer
from agr.images import ImageError, ImageSource, Photo

SECONDS = 30
"""Longest that one call may hold the GPU: a few photos take a second or two."""
F = TypeVar("F", bound=Callable)


def on_gpu(function: F) -> F:
    """Mark a function that runs the network, as ZeroGPU demands."""
    return function if spaces is None else spaces.GPU(duration=SECONDS)(function)


class PageAnalyzer(FaceAnalyzer):
    """An analyzer whose every computation is marked by `on_gpu`."""

    def __init__(self, analyzer: FaceAnalyzer) -> None:
        super().__init__(analyzer.net, analyzer.detector)
        self._one = on_gpu(analyzer.analyze)
        self._chunk = on_gpu(lambda images: list(analyzer.analyze_many(images)))

    def analyze(self, image: ImageSource | Photo) -> list[Face]:
        return self._one(image)

    def _analyze_chunk(self, images: list[ImageSource | Photo]) -> Iterator[list[Face] | ImageError]:
        yield from self._chunk(images)
