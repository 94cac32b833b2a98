"""python -m train graphs: export the networks as ONNX graphs without weights, which `agr` runs with ONNX Runtime
instead of torch.

A graph is written once per architecture, to `agr/graphs`. Its weights have the names of the state dict and are supplied
when the graph is loaded, from a model's safetensors or the package mtcnn. Computations on weights alone stay in the
graph; ONNX Runtime does them once, when it loads the weights.
"""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx
import torch
import torch.nn.functional as F
from facenet_pytorch.models.mtcnn import ONet, PNet, RNet
from onnx import TensorProto, helper
from torch import Tensor, nn

from agr.config import HEADS, ModelError
from agr.engine import GRAPHS

from .files import write_atomically
from .model import headless, heads

OPSET = 17


@dataclass(frozen=True, eq=False)
class Architecture:
    """A network to export. `inputs`: name -> example; `free`: input name -> its axes of variable length and their
    names."""

    network: nn.Module
    inputs: dict[str, Tensor]
    outputs: tuple[str, ...]
    free: dict[str, dict[int, str]]


class LogitsOfBytes(nn.Module):
    """Crops, uint8 (n, size, size, 3), mean and std of RGB in 0 to 1, each (3,) -> logits of age, gender and race."""

    def __init__(self, backbone: str) -> None:
        super().__init__()
        self.backbone, width = headless(backbone)
        self.heads = heads(width)
        with torch.no_grad():
            for tensor in self.state_dict().values():
                if tensor.is_floating_point():
                    tensor.normal_()  # the exporter merges equal tensors, and those of fresh layers are equal

    def forward(self, crops: Tensor, mean: Tensor, std: Tensor) -> tuple[Tensor, ...]:
        scale, shift = 1 / (255 * std), -mean / std
        # Channels first: ONNX Runtime broadcasts over whole planes, but pixel by pixel over a last axis of three.
        features = self.backbone(crops.permute(0, 3, 1, 2).float() * scale.view(1, 3, 1, 1) + shift.view(1, 3, 1, 1))
        return tuple(head(features) for head in self.heads.values())


class Proposals(PNet):
    """A downscaled picture, uint8 (h, w, 3) -> for each window of 12 px, at stride 2, its face probability (rows,
    columns) and the corrections of its sides (4, rows, columns).

    Equivalent to facenet-pytorch's P-Net, but pools before the first PReLU, which then has a quarter of the values to
    process. A PReLU with a positive slope is increasing, so it can trade places with the maximum. One with a negative
    slope is max(x, slope · x), so after pooling it is the maximum of both pooled terms; the six such channels are
    therefore computed twice. That makes the ten channels 16, which the kernels compute together.
    """

    def __init__(self) -> None:
        super().__init__()
        slopes = self.prelu1.weight
        self.falling, self.rising = (slopes < 0).nonzero().flatten(), (slopes >= 0).nonzero().flatten()

    def forward(self, picture: Tensor) -> tuple[Tensor, ...]:
        x = self._first(picture.permute(2, 0, 1)[None].float())
        x = _sloped(self.conv2(x), self.prelu2.weight)
        x = _sloped(self.conv3(x), self.prelu3.weight)
        return self._scores_and_corrections(x)

    def _scores_and_corrections(self, x: Tensor) -> tuple[Tensor, ...]:
        """Both last layers as one convolution; of the two classes' logits only the difference matters."""
        weight, bias = self.conv4_1.weight, self.conv4_1.bias
        weight = torch.cat([weight[1:] - weight[:1], self.conv4_2.weight])
        x = F.conv2d(x, weight, torch.cat([bias[1:] - bias[:1], self.conv4_2.bias]))
        return torch.sigmoid(x[0, 0]), x[0, 1:]

    def _first(self, x: Tensor) -> Tensor:
        falling, rising, slopes = self.falling, self.rising, self.prelu1.weight
        n, m = len(falling), len(slopes)
        order = torch.cat([falling, rising])
        weight, bias = _for_bytes(self.conv1)
        weight = torch.cat([weight[order], weight[falling] * slopes[falling].view(-1, 1, 1, 1)])
        bias = torch.cat([bias[order], bias[falling] * slopes[falling]])
        x = self.pool1(F.conv2d(x, weight, bias))
        x = torch.cat([torch.maximum(x[:, :n], x[:, m : m + n]), _sloped(x[:, n:m], slopes[rising])], dim=1)
        return x[:, torch.argsort(order)]


class Refined(RNet):
    """Candidates, uint8 (n, 24, 24, 3) -> face probability (n,) and corrections (n, 4)."""

    def __init__(self) -> None:
        super().__init__()
        _adapt(self)

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        corrections, probs = super().forward(crops.permute(0, 3, 1, 2).float())
        return probs[:, 1], corrections


class Final(ONet):
    """As `Refined`, for candidates of 48 pixels, and with five landmarks (n, 10): all x, then all y, as fractions of
    the box."""

    def __init__(self) -> None:
        super().__init__()
        _adapt(self)

    def forward(self, crops: Tensor) -> tuple[Tensor, ...]:
        corrections, landmarks, probs = super().forward(crops.permute(0, 3, 1, 2).float())
        return probs[:, 1], corrections, landmarks


class OfBytes(nn.Module):
    """The first convolution, for colours of 0 to 255 instead of -1 to 1."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.weight, self.bias = conv.weight, conv.bias

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, *_for_bytes(self))


class Slope(nn.Module):
    """PReLU in operations that ONNX Runtime fuses with the convolution before them."""

    def __init__(self, weight: nn.Parameter) -> None:
        super().__init__()
        self.weight = weight

    def forward(self, x: Tensor) -> Tensor:
        return _sloped(x, self.weight)


def _sloped(x: Tensor, slopes: Tensor) -> Tensor:
    slopes = slopes.view(1, -1, *[1] * (x.dim() - 2))
    return F.relu(x) * (1 - slopes) + x * slopes


def _adapt(net: nn.Module) -> None:
    """Make R-Net or O-Net take bytes, and replace its PReLUs by ones that fuse with the layers before them."""
    for name, module in list(net.named_children()):
        if isinstance(module, nn.PReLU):
            setattr(net, name, Slope(module.weight))
        elif isinstance(module, nn.Conv2d) and name == "conv1":
            setattr(net, name, OfBytes(module))


def _for_bytes(conv: nn.Conv2d | OfBytes) -> tuple[Tensor, Tensor]:
    """Weight and bias with which an unpadded convolution gives for x what it gave for (x - 127.5) / 128."""
    assert conv.bias is not None
    weight = conv.weight / 128
    return weight, conv.bias - 127.5 * weight.sum((1, 2, 3))


def write_graphs(backbones: list[str], folder: Path = GRAPHS) -> list[Path]:
    """Write the detector's graphs and that of each backbone, each with a list of the tensors that it needs.

    Raises ModelError if neither torchvision nor timm has such a classifier, if torchvision's does not end in a linear
    layer, or if it cannot be exported.
    """
    graphs = {name: _exported(network) for name, network in _detector().items()} | {"nms": _non_maximum_suppression()}
    graphs |= {name: _exported_backbone(name) for name in backbones}
    return [_write(graph, folder / f"{name}.onnx") for name, graph in graphs.items()]


def _detector() -> dict[str, Architecture]:
    def candidates(side: int) -> dict[str, Tensor]:
        return {"crops": torch.zeros(2, side, side, 3, dtype=torch.uint8)}

    picture = {"picture": torch.zeros(60, 80, 3, dtype=torch.uint8)}
    scores = ("scores", "corrections")
    return {
        "pnet": Architecture(Proposals(), picture, scores, {"picture": {0: "h", 1: "w"}}),
        "rnet": Architecture(Refined(), candidates(24), scores, {"crops": {0: "n"}}),
        "onet": Architecture(Final(), candidates(48), (*scores, "landmarks"), {"crops": {0: "n"}}),
    }


def _attributes(backbone: str) -> Architecture:
    crops = torch.zeros(2, 128, 128, 3, dtype=torch.uint8)
    inputs = {"crops": crops, "mean": torch.zeros(3), "std": torch.ones(3)}
    return Architecture(LogitsOfBytes(backbone), inputs, HEADS, {"crops": {0: "n", 1: "size", 2: "size"}})


def _exported_backbone(name: str) -> onnx.ModelProto:
    architecture = _attributes(name)
    try:
        architecture.network.train()(*architecture.inputs.values())  # fails if the outputs differ in training mode
        graph = _exported(architecture)
        foreign = [tensor.name for tensor in graph.graph.initializer if tensor.data_type != TensorProto.FLOAT]
        if foreign:
            raise TypeError(f"{foreign[0]} holds other things than weights")
        return graph
    except Exception as error:  # of the network, at this crop size, or of the exporter
        raise ModelError(
            f"{name!r} cannot be written as a graph for crops of any size: {error or type(error).__name__}"
        ) from error


def _exported(architecture: Architecture) -> onnx.ModelProto:
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        # The newer exporter splits batch normalisation into steps that ONNX Runtime cannot fold into convolutions.
        warnings.simplefilter("ignore")
        path = Path(folder) / "graph.onnx"
        torch.onnx.export(
            architecture.network.eval(),
            tuple(architecture.inputs.values()),
            path,
            dynamo=False,
            training=torch.onnx.TrainingMode.PRESERVE,  # keeps the weights' names; the network is in evaluation mode
            do_constant_folding=False,
            opset_version=OPSET,
            input_names=list(architecture.inputs),
            output_names=list(architecture.outputs),
            dynamic_axes=architecture.free,
        )
        return onnx.load(path)


def _non_maximum_suppression() -> onnx.ModelProto:
    """Boxes (1, n, 4), scores (1, 1, n) and the overlap (1,) above which the box with the lower score is dropped -> (m,
    3), whose last column holds the indices of the boxes that stay, best first."""
    inputs: dict[str, list[int | str]] = {"boxes": [1, "n", 4], "scores": [1, 1, "n"], "overlap": [1]}
    keep_all = helper.make_node("Constant", [], ["most"], value_ints=[2**31 - 1])
    node = helper.make_node("NonMaxSuppression", ["boxes", "scores", "most", "overlap"], ["kept"])
    graph = helper.make_graph(
        [keep_all, node],
        "nms",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info("kept", TensorProto.INT64, ["m", 3])],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)


def _write(model: onnx.ModelProto, path: Path) -> Path:
    for tensor in model.graph.initializer:
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="weights")
    tensors = {tensor.name: list(tensor.dims) for tensor in model.graph.initializer}
    write_atomically(path, lambda temporary: temporary.write_bytes(model.SerializeToString(deterministic=True)))
    write_atomically(path.with_suffix(".json"), lambda temporary: temporary.write_text(json.dumps(tensors) + "\n"))
    return path
