"""Which parts of a face an answer hangs on: what changes when they are covered.

Source: Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks" (2014), section 4.2.
"""

from dataclasses import dataclass

import numpy as np

from .attributes import Prediction
from .reader import AttributeReader

CELLS = 10
"""Cells of a map along each side of the crop."""
_PATCH = 1.5
"""Side, in cells, of the patch that covers a part; it is centred on each cell in turn."""
_LEAST_DOUBT = 1e-9
"""Probabilities this near to 0 or 1 are taken for it: beyond, odds are noise."""


@dataclass(frozen=True, eq=False)
class Hold:
    """How much an answer hangs on each part of a face.

    `effect`: (CELLS, CELLS), rows from the top: the answer as it is less the answer without that part, in years for an
    age, in log odds of the predicted class for the others. Above 0, the part makes the face look older, or speaks for
    that class.
    `answer`, `least`, `most`: the answer as it is, and the lowest and highest with a patch over the face: years, or the
    probability of the predicted class.
    """

    effect: np.ndarray
    answer: float
    least: float
    most: float


@dataclass(frozen=True, eq=False)
class Occlusion:
    """What the three answers for one face hang on; `prediction`: these answers."""

    prediction: Prediction
    age: Hold
    gender: Hold
    race: Hold


def occlusion(reader: AttributeReader, crop: np.ndarray) -> Occlusion:
    """Cover each part of an aligned crop, uint8 (size, size, 3), with its mean colour, and see what the network says.

    The network was trained with parts of faces covered, so that a patch is nothing strange to it. It runs
    `CELLS` ** 2 + 1 times. Raises ValueError as `AttributeReader.read` does.
    """
    read = reader.read(np.concatenate([crop[None], _covered(crop)]))
    return Occlusion(
        prediction=read.of(0),
        age=_hold(read.age, read.age),
        gender=_of_class(read.gender_probs),
        race=_of_class(read.race_probs),
    )


def _covered(crop: np.ndarray) -> np.ndarray:
    """Copies of a crop, each with a patch over another part, (CELLS ** 2, size, size, 3)."""
    size = len(crop)
    copies = np.repeat(crop[None], CELLS**2, axis=0)
    half = _PATCH / CELLS / 2 * size
    centres = (np.arange(CELLS) + 0.5) * size / CELLS
    starts, ends = (np.clip(np.rint(centres + side), 0, size).astype(int) for side in (-half, half))
    colour = np.rint(crop.mean(axis=(0, 1)))
    for i, copy in enumerate(copies):
        row, column = divmod(i, CELLS)
        copy[starts[row] : ends[row], starts[column] : ends[column]] = colour
    return copies


def _of_class(probs: np.ndarray) -> Hold:
    """For the class that is predicted for the crop itself, the first row of `probs` (1 + CELLS ** 2, k)."""
    said = probs[:, probs[0].argmax()]
    sure = said.clip(_LEAST_DOUBT, 1 - _LEAST_DOUBT)
    return _hold(said, np.log(sure / (1 - sure)))


def _hold(answers: np.ndarray, values: np.ndarray) -> Hold:
    """`answers`, `values`, both (1 + CELLS ** 2,): for the crop itself and with each patch, as told and as compared."""
    effect = (values[0] - values[1:]).reshape(CELLS, CELLS)
    return Hold(effect, float(answers[0]), float(answers[1:].min()), float(answers[1:].max()))
