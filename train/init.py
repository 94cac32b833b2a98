"""Initial weights: where they come from and how they are loaded."""

from dataclasses import replace
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torchvision import models

from agr.config import CONFIG_FILE, WEIGHTS_FILE, ModelConfig, read_config
from agr.pictures import DataError, content_hash

from . import face_resnet
from .face_weights import load_face_weights, values_file
from .files import content_hash_of
from .model import AttributeNet, headless, is_of_torchvision
from .provenance import is_ours

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def model_config(backbone: str, init: str, input_size: int, template) -> ModelConfig:
    """The config of a new model. ImageNet weights and this project's models bring their input statistics (mean and
    std); everything else uses 0.5. Raises DataError or ModelError if the backbone is unknown, has no ImageNet weights
    or needs larger crops."""
    if backbone == face_resnet.NAME and input_size < face_resnet.LEAST_SIDE:
        raise DataError(
            f"{backbone} takes crops of {face_resnet.LEAST_SIDE} pixels and more, these have {input_size}. "
            "Prepare larger ones."
        )
    config = ModelConfig(backbone=backbone, input_size=input_size, template=tuple(map(tuple, template)))
    if init == "imagenet":
        mean, std = _imagenet_statistics(backbone)
        return replace(config, mean=mean, std=std)
    if init == "none" or not is_ours(Path(init).parent):
        return config
    # A whole model keeps the statistics that it was trained with.
    earlier = read_config(Path(init).parent / CONFIG_FILE)
    return replace(config, mean=earlier.mean, std=earlier.std)


def hash_of_init(init: str) -> str | None:
    """Hash of the file that the weights come from, for a manifest with its values; None for names such as imagenet."""
    path = Path(init)
    if not path.is_file():
        return None
    if path.suffix != ".json":
        return content_hash_of(path)
    return content_hash((content_hash_of(path) + content_hash_of(values_file(path))).encode())


def load_init(net: AttributeNet, init: str) -> None:
    """Load initial weights into `net`.

    `init`: "none" keeps the random ones; "imagenet" takes those of torchvision or timm for the backbone; otherwise a
    .safetensors file (of a backbone, with torchvision's or timm's names, or of a whole model that `fit` saved, heads
    included), the .json of `train.face_weights` or the .onnx of `train.arcface_weights`. Raises DataError if the
    weights cannot be obtained or do not fit.
    """
    if init == "none":
        return
    tensors = _imagenet(net.config.backbone) if init == "imagenet" else _from_file(Path(init))
    is_whole = any(key.startswith("heads.") for key in tensors)
    module = net if is_whole else net.backbone
    own = module.state_dict()
    # The file's own classifier is ignored, and converted weights may lack batch counters, which they do not need.
    needed = {key for key in own if not key.endswith("num_batches_tracked")}
    missing = sorted(needed - set(tensors))
    unfit = sorted(key for key in needed & set(tensors) if own[key].shape != tensors[key].shape)
    if missing or unfit:
        raise DataError(
            f"The weights {init} do not fit {net.config.backbone}: {len(missing)} tensor(s) missing, "
            f"{len(unfit)} of another shape: {(missing + unfit)[:3]}."
        )
    module.load_state_dict({key: tensors[key].to(own[key].dtype) for key in own if key in tensors}, strict=False)


def _imagenet_statistics(name: str) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if is_of_torchvision(name):
        return IMAGENET_MEAN, IMAGENET_STD
    headless(name)  # raises ModelError if the name is wrong
    import timm

    wanted = timm.get_pretrained_cfg(name) if timm.is_model(name) else None
    if wanted is None:
        raise DataError(f"There are no ImageNet weights for {name}. Use --init PATH or --init none.")
    return tuple(wanted.mean), tuple(wanted.std)


def _imagenet(name: str) -> dict[str, torch.Tensor]:
    try:
        if is_of_torchvision(name):
            return models.get_model_weights(name).DEFAULT.get_state_dict(progress=True, check_hash=True)
        import timm

        return timm.create_model(name, pretrained=True, num_classes=0).state_dict()
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"The ImageNet weights for {name} cannot be had ({error}). Use --init PATH or --init none."
        ) from error


def _from_file(path: Path) -> dict[str, torch.Tensor]:
    if path.is_dir():
        raise DataError(f"The initial weights {path} are a folder. Name the file in it, such as {path / WEIGHTS_FILE}.")
    if path.suffix == ".json":
        return load_face_weights(path)
    if path.suffix == ".onnx":
        from .arcface_weights import load_arcface_weights  # imports onnx, which nothing else here needs

        return load_arcface_weights(path)
    try:
        return load_file(path)
    except (OSError, SafetensorError) as error:
        raise DataError(
            f"The initial weights {path} cannot be read: {error}. "
            "Expected imagenet, none, a .safetensors file, face-api's .json or InsightFace's .onnx."
        ) from error
