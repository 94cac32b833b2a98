"""InsightFace's weights for `train.mobile_facenet`: `w600k_mbf.onnx`, for non-commercial research."""

from pathlib import Path

import numpy as np
import onnx
import torch
from google.protobuf.message import DecodeError
from onnx import numpy_helper
from torch import Tensor, nn

from agr.pictures import DataError

from .mobile_facenet import MobileFaceNet

EPSILON = 1e-5
"""Epsilon of the last batch normalisation."""
LAYERS: dict[str, type[nn.Module]] = {"Conv": nn.Conv2d, "PRelu": nn.PReLU, "Gemm": nn.Linear}


def load_arcface_weights(path: Path) -> dict[str, Tensor]:
    """The state dict of a MobileFaceNet whose input is RGB in -1 to 1. Raises DataError if the file holds another
    network."""
    try:
        return _in_order(onnx.load(path).graph)
    except (OSError, ValueError, LookupError, RuntimeError, DecodeError) as error:
        raise DataError(
            f"{path} holds no weights of a MobileFaceNet ({type(error).__name__}: {error}). Expected InsightFace's "
            "w600k_mbf.onnx."
        ) from error


def _in_order(graph: onnx.GraphProto) -> dict[str, Tensor]:
    """Map the graph's layers to ours in order. They differ only in their names and in a last batch normalisation, which
    is folded into `features`."""
    tensors = {each.name: torch.from_numpy(np.array(numpy_helper.to_array(each))) for each in graph.initializer}
    theirs = [node for node in graph.node if node.op_type in LAYERS]
    ours = [(name, each) for name, each in MobileFaceNet().named_modules() if type(each) in LAYERS.values()]
    state: dict[str, Tensor] = {}
    for node, (name, module) in zip(theirs, ours, strict=True):
        if not isinstance(module, LAYERS[node.op_type]):
            raise ValueError(f"{node.op_type} in the place of {name}")
        for (part, own), their_name in zip(module.named_parameters(), node.input[1:], strict=True):
            state[f"{name}.{part}"] = tensors[their_name].reshape(own.shape)
    (last,) = (node for node in graph.node if node.op_type == "BatchNormalization")
    scale, shift, mean, variance = (tensors[name] for name in last.input[1:])
    scale = scale / torch.sqrt(variance + EPSILON)
    state["features.weight"] = state["features.weight"] * scale[:, None]
    state["features.bias"] = (state["features.bias"] - mean) * scale + shift
    return state
