"""Where things lie in a run's folder."""

from pathlib import Path

RECORD_FILE = "fit.json"
"""What the run is made of."""
BEST_FOLDER = "best"
"""The weights of its best epoch, as training left them."""
CHECKPOINT_FILE = "checkpoint.pt"
SPLIT_FILE = "split.csv"
"""The split that it was trained by."""
EARLIER = "split-"
"""Prefix of the copies of the splits that its teachers and initial weights were trained by."""
UNKNOWN_FILE = "split-unknown.txt"
"""Present if it learnt from a model whose folder says nothing of its training."""


def trained(folder: Path) -> Path:
    """Where a run's weights lie as training left them, neither balanced nor calibrated; the folder itself of any other
    model."""
    best = folder / BEST_FOLDER
    return best if best.exists() else folder


def run_of(model: Path) -> Path:
    """The run's folder: `model` itself, or its parent if `model` is the folder of the best epoch."""
    model = model if model.name else model.absolute()  # "." has no name
    return model.parent if model.name == BEST_FOLDER else model
