"""AttributeReader: predicts the attributes of aligned crops with ONNX Runtime; torch is not loaded."""

import math
from os import PathLike
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from .attributes import N_AGES, Attributes
from .config import CONFIG_FILE, HEADS, WEIGHTS_FILE, ModelConfig, ModelError, read_config
from .engine import GraphError, Network, cores, even_parts, expected_tensors, in_parallel, share
from .labels import GENDERS, RACES

CROPS_AT_ONCE = 4
"""Largest number of crops in a core's batch: larger batches are no faster and cost memory."""


class AttributeReader:
    """A model, loaded once. Safe to call from several threads."""

    def __init__(self, config: ModelConfig, weights: dict[str, np.ndarray]) -> None:
        """Raises GraphError if the weights do not fit the config's backbone."""
        self.config = config
        self._side_by_side = Network(config.backbone, weights)
        several = cores() > 1
        self._on_all_cores = Network(config.backbone, weights, threads=cores()) if several else self._side_by_side
        self._constants = {"mean": np.array(config.mean, np.float32), "std": np.array(config.std, np.float32)}

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> "AttributeReader":
        """Read a model folder. Raises ModelError, naming the file, key or tensor that does not fit."""
        folder = Path(folder)
        config = read_config(folder / CONFIG_FILE)
        try:
            return cls(config, load_file(folder / WEIGHTS_FILE))
        except (OSError, SafetensorError, TypeError, AttributeError) as error:  # the last two: types that numpy lacks
            raise ModelError(f"{folder / WEIGHTS_FILE} cannot be read: {error}") from error
        except GraphError as error:
            raise ModelError(
                f"{folder / WEIGHTS_FILE} does not fit the backbone {config.backbone!r}: {error}"
            ) from error

    @property
    def parameters(self) -> int:
        """Number of learnt parameters, which the statistics of normalisation layers are not."""
        shapes = expected_tensors(self.config.backbone)
        return sum(math.prod(shape) for name, shape in shapes.items() if ".running_" not in name)

    def read(self, crops: np.ndarray) -> Attributes:
        """Attributes of aligned crops, uint8 (n, size, size, 3). Raises ValueError for another type or shape."""
        size = self.config.input_size
        if crops.dtype != np.uint8 or crops.shape[1:] != (size, size, 3):
            raise ValueError(f"expected uint8 crops of shape (n, {size}, {size}, 3), got {crops.dtype} {crops.shape}")
        if not len(crops):
            age, gender, race = (np.empty((0, n)) for n in (N_AGES, len(GENDERS), len(RACES)))
            return Attributes(age, gender, race, self.config.interval_mass)
        parts = even_parts(crops, CROPS_AT_ONCE)
        network = self._on_all_cores if len(parts) == 1 and share() == cores() else self._side_by_side
        read = in_parallel(lambda part: network(crops=part, **self._constants), parts)
        logits = dict(zip(HEADS, map(np.concatenate, zip(*read, strict=True)), strict=True))
        return Attributes.from_logits(logits, self.config)
