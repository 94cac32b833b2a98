"""AttributeNet, the torch network that is trained: one backbone with three heads. `agr.reader` runs the same network
without torch."""

import copy
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn
from torchvision import models

from agr.attributes import N_AGES, Attributes
from agr.config import CODE_VERSION, CONFIG_FILE, WEIGHTS_FILE, ModelConfig, ModelError, read_config
from agr.labels import GENDERS, RACES

from . import face_resnet, mobile_facenet
from .files import write_atomically


class AttributeNet(nn.Module):
    """RGB crops in 0 to 1, float (n, 3, size, size) -> logits {"age": (n, 117), "gender": (n, 2), "race": (n, 5)}."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone, width = headless(config.backbone)
        self.heads = heads(width)
        self.mean: Tensor
        self.std: Tensor
        # Not saved with the weights: the config holds them.
        self.register_buffer("mean", torch.tensor(config.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, crops: Tensor) -> dict[str, Tensor]:
        features = self.backbone((crops - self.mean) / self.std)
        return {task: head(features) for task, head in self.heads.items()}

    @torch.inference_mode()
    def read(self, crops: np.ndarray) -> Attributes:
        """Predict the attributes of aligned crops, uint8 (n, size, size, 3), in one batch. Switches the network to
        evaluation mode."""
        self.eval()
        logits = self(to_input(crops, self.mean.device))
        return Attributes.from_logits({task: each.float().cpu().numpy() for task, each in logits.items()}, self.config)

    def calibrated(self, **calibration: Any) -> "AttributeNet":
        """A copy with another calibration: `temperatures`, `age_spread` and `interval_mass` of `ModelConfig`, or some
        of them."""
        net = copy.deepcopy(self)
        net.config = replace(self.config, **calibration)
        return net.eval()

    def save(self, folder: Path) -> None:
        """Write `config.json` and `model.safetensors` into `folder`. Raises DataError if that fails, with older weights
        intact."""
        # Not with safetensors' save_file, whose files only their owner may read.
        weights = save({name: tensor.contiguous() for name, tensor in self.state_dict().items()})
        write_atomically(folder / WEIGHTS_FILE, lambda path: path.write_bytes(weights))
        config = json.dumps(asdict(self.config) | {"code_version": CODE_VERSION}, indent=2) + "\n"
        write_atomically(folder / CONFIG_FILE, lambda path: path.write_text(config))

    @classmethod
    def load(cls, folder: Path) -> "AttributeNet":
        """Read what `save` wrote, strictly. Raises ModelError, naming the file, key or tensor that does not fit."""
        net = cls(read_config(folder / CONFIG_FILE))
        try:
            tensors = load_file(folder / WEIGHTS_FILE)
        except (OSError, SafetensorError) as error:
            raise ModelError(f"{folder / WEIGHTS_FILE} cannot be read: {error}") from error
        try:
            net.load_state_dict(tensors, strict=True)
        except RuntimeError as error:
            raise ModelError(
                f"{folder / WEIGHTS_FILE} does not fit the backbone {net.config.backbone!r}: {error}"
            ) from error
        return net.eval()


def heads(width: int) -> nn.ModuleDict:
    """A linear layer on `width` features for each task."""
    classes = {"age": N_AGES, "gender": len(GENDERS), "race": len(RACES)}
    return nn.ModuleDict({task: nn.Linear(width, n) for task, n in classes.items()})


def to_input(crops: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """uint8 crops (n, size, size, 3) -> float (n, 3, size, size) in 0 to 1, on `device`."""
    return torch.from_numpy(np.ascontiguousarray(crops)).to(device).permute(0, 3, 1, 2).float().div_(255)


def headless(name: str) -> tuple[nn.Module, int]:
    """A randomly initialised backbone without its classifier, and the number of features it yields. `name`:
    `face_resnet`, `mobile_facenet`, or a classifier of torchvision or, if that has none of the name, of timm. Raises
    ModelError if there is none."""
    if name == face_resnet.NAME:
        return face_resnet.FaceResNet(), face_resnet.WIDTH
    if name == mobile_facenet.NAME:
        return mobile_facenet.MobileFaceNet(), mobile_facenet.WIDTH
    if not is_of_torchvision(name):
        return _of_timm(name)
    backbone = models.get_model(name, weights=None)
    linear = [path for path, module in backbone.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ModelError(f"the backbone {name!r} does not end in a linear layer")
    width = backbone.get_submodule(linear[-1]).in_features
    backbone.set_submodule(linear[-1], nn.Identity())
    return backbone, width


def is_of_torchvision(name: str) -> bool:
    return name in models.list_models(module=models)


def _of_timm(name: str) -> tuple[nn.Module, int]:
    import timm  # the import takes seconds, and most backbones are torchvision's

    if not timm.is_model(name):
        raise ModelError(f"neither torchvision nor timm has a classifier {name!r}")
    try:
        backbone: Any = timm.create_model(name, num_classes=0)
    except RuntimeError as error:  # the name has an unknown tag
        raise ModelError(f"timm cannot make {name!r}: {error}") from error
    return backbone, backbone.head_hidden_size
