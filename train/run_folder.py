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
"""So begin the names of those that models were trained by which it learnt from."""
UNKNOWN_FILE = "split-unknown.txt"
"""There if it learnt from a model whose folder says nothing of its training."""


def trained(folder: Path) -> Path:
    """Where a run's weights are as training left them, neither balanced nor calibrated; of any other model its
    folder."""
    best = folder / BEST_FOLDER
    return best if best.exists() else folder


def run_of(model: Path) -> Path:
    """The folder of the run that a model is of: its own, or of the best epoch's the one around it."""
    model = model if model.name else model.absolute()  # "." has no name
    return model.parent if model.name == BEST_FOLDER else model
