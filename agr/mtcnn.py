"""The weights of MTCNN's three networks, read from the files of the package mtcnn. The package is never imported, as
that would need TensorFlow."""

import importlib.util
from pathlib import Path

import numpy as np

LAYERS = {
    "pnet": "conv1 prelu1 conv2 prelu2 conv3 prelu3 conv4_2 conv4_1",
    "rnet": "conv1 prelu1 conv2 prelu2 conv3 prelu3 dense4 prelu4 dense5_2 dense5_1",
    "onet": "conv1 prelu1 conv2 prelu2 conv3 prelu3 conv4 prelu4 dense5 prelu5 dense6_2 dense6_3 dense6_1",
}
"""Names of each network's layers in facenet-pytorch and in our graphs, in the order of the network's weight file."""


def load_weights() -> dict[str, dict[str, np.ndarray]]:
    """Network -> name of a tensor -> float32 array, with the axes in torch's order. Raises ImportError if mtcnn is not
    installed."""
    package = importlib.util.find_spec("mtcnn")
    if package is None or not package.submodule_search_locations:
        raise ImportError("mtcnn, which holds the detector's weights, is not installed: pip install mtcnn==1.0.0")
    import joblib  # late, as it takes a tenth of the time to analyze one photo from a cold start

    folder = Path(package.submodule_search_locations[0]) / "assets" / "weights"
    return {name: _named(joblib.load(folder / f"{name}.lz4"), layers.split()) for name, layers in LAYERS.items()}


def _named(arrays: list[np.ndarray], layers: list[str]) -> dict[str, np.ndarray]:
    kinds = {layer: ("weight",) if "prelu" in layer else ("weight", "bias") for layer in layers}
    names = [f"{layer}.{kind}" for layer in layers for kind in kinds[layer]]
    return {name: _as_torch_has_it(array) for name, array in zip(names, arrays, strict=True)}


def _as_torch_has_it(array: np.ndarray) -> np.ndarray:
    """TensorFlow's axes (..., in, out) -> (out, in, ...); slopes and biases (..., n) -> (n,)."""
    if array.size == array.shape[-1]:
        return array.ravel()
    return np.ascontiguousarray(array.transpose(-1, -2, *range(array.ndim - 2)))
