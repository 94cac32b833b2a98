"""Age, gender and race of every face in a photo, each with its uncertainty.

from agr import FaceAnalyzer
analyzer = FaceAnalyzer.from_pretrained()
for face in analyzer.analyze("photo.jpg"):
    print(face.age, face.age_interval, face.gender, face.race)
"""

import os
from typing import TYPE_CHECKING

# ONNX Runtime sends usage data to Microsoft from its first import on, unless this is set before.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

__version__ = "0.4.1"
__all__ = ["AgrError", "Face", "FaceAnalyzer", "ImageError", "ModelError"]

if TYPE_CHECKING:
    from .analyzer import Face, FaceAnalyzer
    from .config import ModelError
    from .errors import AgrError, ImageError

_HOME = {
    "AgrError": "errors",
    "Face": "analyzer",
    "FaceAnalyzer": "analyzer",
    "ImageError": "errors",
    "ModelError": "config",
}


if not TYPE_CHECKING:  # otherwise type checkers would accept every misspelt name

    def __getattr__(name: str):
        """Import ONNX Runtime and the rest on first use, so that `import agr` itself is quick."""
        if name not in _HOME:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        return getattr(import_module(f".{_HOME[name]}", __name__), name)

    def __dir__() -> list[str]:
        return sorted([*globals(), *__all__])
