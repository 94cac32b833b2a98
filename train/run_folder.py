"""The layout of a run's folder."""

from pathlib import Path

RECORD_FILE = "fit.json"
"""Record of what the run is made from (`train.record`)."""
BEST_FOLDER = "best"
"""Folder with the weights of the best epoch, as training left them: neither balanced nor calibrated."""
CHECKPOINT_FILE = "checkpoint.pt"
SPLIT_FILE = "split.csv"
"""The split that the run was trained with."""
EARLIER = "split-"
"""Prefix of the copies of the splits with which its teachers and initial weights were trained."""
UNKNOWN_FILE = "split-unknown.txt"
"""File that exists if the run learnt from a model whose folder does not record its training."""


def trained(folder: Path) -> Path:
    """The folder with a run's weights as training left them, neither balanced nor calibrated; or any other model's
    folder."""
    best = folder / BEST_FOLDER
    return best if best.exists() else folder


def run_of(model: Path) -> Path:
    """The run's folder: `model` itself, or its parent if `model` is the folder of the best epoch."""
    model = model if model.name else model.absolute()  # "." has no name
    return model.parent if model.name == BEST_FOLDER else model
