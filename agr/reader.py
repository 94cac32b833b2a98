"""AttributeReader: aligned crops -> what the network says of them, computed by ONNX Runtime; torch is not loaded."""

import math
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from .attributes import N_AGES, Attributes
from .config import CONFIG_FILE, TASKS, WEIGHTS_FILE, ModelConfig, ModelError, read_config
from .engine import GraphError, Network, cores, expected_tensors, in_parallel
from .labels import GENDERS, RACES

CROPS_AT_ONCE = 4
"""Pictures that a core takes through the network together: more gain no speed and cost memory."""


class AttributeReader:
    """A model, loaded once. Safe to call from several threads."""

    def __init__(self, config: ModelConfig, weights: dict[str, np.ndarray]) -> None:
        """Raises GraphError if the weights do not fit the config's backbone."""
        self.config = config
        self._network = Network(config.backbone, weights)
        self._constants = {"mean": np.array(config.mean, np.float32), "std": np.array(config.std, np.float32)}

    @classmethod
    def load(cls, folder: Path) -> "AttributeReader":
        """Read a model folder. Raises ModelError, naming the file, key or tensor that does not fit."""
        config = read_config(folder / CONFIG_FILE)
        try:
            return cls(config, load_file(folder / WEIGHTS_FILE))
        except (OSError, SafetensorError, TypeError, AttributeError) as error:  # the latter: numbers that numpy has not
            raise ModelError(f"{folder / WEIGHTS_FILE} cannot be read: {error}") from error
        except GraphError as error:
            raise ModelError(
                f"{folder / WEIGHTS_FILE} does not fit the backbone {config.backbone!r}: {error}"
            ) from error

    @property
    def parameters(self) -> int:
        """How many numbers were learnt; the statistics of normalisation layers are not."""
        shapes = expected_tensors(self.config.backbone)
        return sum(math.prod(shape) for name, shape in shapes.items() if ".running_" not in name)

    def read(self, crops: np.ndarray) -> Attributes:
        """Attributes of aligned crops, uint8 (n, size, size, 3): the mean of what each and its mirror image give."""
        if not len(crops):
            age, gender, race = (np.empty((0, n)) for n in (N_AGES, len(GENDERS), len(RACES)))
            return Attributes(age, gender, race, self.config.interval_mass)
        both = np.concatenate([crops, crops[:, :, ::-1]])
        rounds = math.ceil(len(both) / (cores() * CROPS_AT_ONCE))
        parts = np.array_split(both, min(len(both), cores() * rounds))  # as many for each core, and as large
        read = in_parallel(lambda part: self._network(crops=part, **self._constants), parts)
        logits = dict(zip(TASKS, map(np.concatenate, zip(*read, strict=True)), strict=True))
        probs = {task: _mirrored_mean(logits[task] / t) for task, t in self.config.temperatures.items()}
        return Attributes(probs["age"], probs["gender"], probs["race"], self.config.interval_mass)


def _mirrored_mean(logits: np.ndarray) -> np.ndarray:
    """Logits of crops and then of their mirror images, (2n, k) -> mean probabilities (n, k) in double precision."""
    logits = logits.astype(np.float64)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    probs = powers / powers.sum(axis=1, keepdims=True)
    plain, mirrored = np.split(probs, 2)
    return (plain + mirrored) / 2
