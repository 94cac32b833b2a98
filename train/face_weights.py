"""dlib's weights for `train.face_resnet`, in the public domain, as distributed with face-api: a manifest of tensors
(`face_recognition_model-weights_manifest.json` in the npm package @vladmandic/face-api) and, beside it, a file of their
values in 8 bits."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from agr.pictures import DataError

from .face_resnet import STAGES

MEAN = torch.tensor([122.782, 117.001, 104.298])
"""Means of red, green and blue, in 0 to 255, that dlib subtracts before it divides by 256."""


def load_face_weights(manifest: Path) -> dict[str, Tensor]:
    """State dict of a FaceResNet whose input is RGB in -1 to 1. Raises DataError if the files hold anything else."""
    with _named_damage(manifest):
        return _folded(_read(manifest))


def values_file(manifest: Path) -> Path:
    """The file with the values of the tensors that `manifest` lists. Raises DataError if it is not such a manifest."""
    with _named_damage(manifest):
        return manifest.parent / _group(manifest)["paths"][0]


@contextmanager
def _named_damage(manifest: Path) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError, LookupError, TypeError, RuntimeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"{manifest} holds no face recognition weights ({type(error).__name__}: {error}). Expected face-api's "
            "face_recognition_model-weights_manifest.json (npm: @vladmandic/face-api), its .bin file beside it."
        ) from error


def _group(manifest: Path) -> dict:
    """The manifest's only group: tensors whose values lie in one file, in that order."""
    (group,) = json.loads(manifest.read_text(encoding="utf-8"))
    return group


def _read(manifest: Path) -> dict[str, Tensor]:
    raw, start, tensors = values_file(manifest).read_bytes(), 0, {}
    for each in _group(manifest)["weights"]:
        n, steps = int(np.prod(each["shape"])), each.get("quantization")
        values = np.frombuffer(raw, np.uint8 if steps else np.float32, n, start).astype(np.float32)
        start += n if steps else 4 * n
        if steps:
            values = values * np.float32(steps["scale"]) + np.float32(steps["min"])
        tensors[each["name"]] = torch.from_numpy(values).view(each["shape"])
    return tensors


def _folded(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Fold dlib's scale and shift of each convolution's output into the convolution's weights."""
    state: dict[str, Tensor] = {}
    for theirs, ours in _names().items():
        scale = tensors[f"{theirs}/scale/weights"]
        weight = tensors[f"{theirs}/conv/filters"].permute(3, 2, 0, 1) * scale.view(-1, 1, 1, 1)
        bias = tensors[f"{theirs}/conv/bias"] * scale + tensors[f"{theirs}/scale/biases"]
        if ours == "conv":  # takes in (255 · (x + 1) / 2 - mean) / 256; exact, as the input is not padded
            bias = bias + (weight * ((127.5 - MEAN) / 256).view(1, 3, 1, 1)).sum((1, 2, 3))
            weight = weight * (127.5 / 256)
        state |= {f"{ours}.weight": weight.contiguous(), f"{ours}.bias": bias}
    return state


def _names() -> dict[str, str]:
    """face-api's name of each convolution -> ours."""
    names, block = {"conv32_down": "conv"}, 0
    for stage, (width, n) in enumerate(STAGES):
        for i in range(n):
            if stage == 0 or i:
                theirs = f"conv{width}_{i if stage else i + 1}"
            else:
                theirs = f"conv{width}_down" + ("_out" if stage and STAGES[stage - 1][0] == width else "")
            names |= {f"{theirs}/conv{j}": f"blocks.{block}.conv{j}" for j in (1, 2)}
            block += 1
    return names
