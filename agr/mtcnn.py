"""The weights of MTCNN's three networks: the only room of `agr` that knows facenet-pytorch, whose files it reads
without loading it or torch."""

import importlib.util
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

import numpy as np

NETWORKS = ("pnet", "rnet", "onet")


def load_weights() -> dict[str, dict[str, np.ndarray]]:
    """Network -> name of a tensor, as in its state dict -> float32 array. Raises ImportError if facenet-pytorch is not
    installed."""
    package = importlib.util.find_spec("facenet_pytorch")
    if package is None or not package.submodule_search_locations:
        raise ImportError("facenet-pytorch, which holds the detector's weights, is not installed. Install it first.")
    folder = Path(package.submodule_search_locations[0]) / "data"
    return {name: read_state_dict(folder / f"{name}.pt") for name in NETWORKS}


def read_state_dict(path: Path) -> dict[str, np.ndarray]:
    """Read a state dict of float32 tensors as torch wrote it before its version 1.6.

    Such a file holds five pickles (a magic number, a version, the machine's sizes, the tensors without their values,
    the storages' keys) and then each storage: its number of values, and the values. Nothing but tensors is unpickled.
    Raises ValueError if the file holds anything else.
    """
    with path.open("rb") as stream:
        try:
            for _ in range(3):
                _Unpickler(stream).load()
            outlined = _Unpickler(stream)
            tensors = outlined.load()
            for key in _Unpickler(stream).load():
                outlined.storages[key][:] = _values(stream)
        except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} is no state dict of torch: {error}") from error
    return {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}


def _values(stream: BinaryIO) -> np.ndarray:
    count = int.from_bytes(stream.read(8), "little")
    return np.frombuffer(stream.read(4 * count), "<f4")


class _Unpickler(pickle.Unpickler):
    """Knows tensors of float32 and the dictionary they are in. Makes arrays over `storages`, to be filled later."""

    def __init__(self, stream: BinaryIO) -> None:
        super().__init__(stream)
        self.storages: dict[str, np.ndarray] = {}

    def persistent_load(self, pid: tuple) -> np.ndarray:
        _, _, key, _, count, _ = pid
        return self.storages.setdefault(key, np.empty(count, np.float32))

    def find_class(self, module: str, name: str):
        known = {
            ("collections", "OrderedDict"): OrderedDict,
            ("torch", "FloatStorage"): np.float32,
            ("torch._utils", "_rebuild_tensor_v2"): _tensor,
        }
        if (module, name) not in known:
            raise pickle.UnpicklingError(f"it holds {module}.{name}")
        return known[module, name]


def _tensor(storage: np.ndarray, offset: int, shape: tuple, strides: tuple, *_) -> np.ndarray:
    steps = [4 * stride for stride in strides]
    return np.lib.stride_tricks.as_strided(storage[offset:], shape, steps)
