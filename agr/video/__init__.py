"""Videos: who is seen when, each person's attributes pooled over the frames, and an annotated copy."""

from .analysis import (
    DEFAULT_RATE,
    MAX_RATE,
    MIN_RATE,
    AnalyzedFrame,
    FaceAtTime,
    Step,
    VideoResult,
    VideoRun,
    analyze_video,
)
from .frames import VideoError

__all__ = [
    "DEFAULT_RATE",
    "MAX_RATE",
    "MIN_RATE",
    "AnalyzedFrame",
    "FaceAtTime",
    "Step",
    "VideoError",
    "VideoResult",
    "VideoRun",
    "analyze_video",
]
