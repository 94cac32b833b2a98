"""AttributeNet: one torchvision backbone, three heads; its config travels with the weights."""

import json
import math
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torchvision import models

from .align import TEMPLATE
from .attributes import N_AGES, Attributes
from .labels import AGE_GROUPS, GENDERS, RACES

SCHEMA_VERSION = 1
"""Version of config.json; a reader refuses newer ones."""
CODE_VERSION = "0.1.0"
BACKBONES = ("mobilenet_v2", "densenet121")
"""Backbones that are trained and tested here; any torchvision classifier that ends in one linear layer can be added."""
CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
TASKS = ("age", "gender", "race")


class ModelError(ValueError):
    """A model folder cannot be used; the message names the file or key, what was expected and what came."""


@dataclass(frozen=True)
class ModelConfig:
    """Everything that is needed to use the weights, and no more.

    `input_size`: side of the crop in pixels. `mean`, `std`: of RGB in 0 to 1. `template`: `agr.align.TEMPLATE` when
    trained.
    `temperatures`: divide the logits of each task, chosen on validation data. `interval_mass`: see `Attributes`.
    """

    backbone: str = "mobilenet_v2"
    input_size: int = 128
    mean: tuple[float, ...] = (0.5, 0.5, 0.5)
    std: tuple[float, ...] = (0.5, 0.5, 0.5)
    template: tuple[tuple[float, ...], ...] = TEMPLATE
    genders: tuple[str, ...] = GENDERS
    races: tuple[str, ...] = RACES
    age_groups: tuple[str, ...] = AGE_GROUPS
    n_ages: int = N_AGES
    temperatures: dict[str, float] = field(default_factory=lambda: dict.fromkeys(TASKS, 1.0))
    interval_mass: float = 0.8
    schema_version: int = SCHEMA_VERSION
    code_version: str = CODE_VERSION

    def __post_init__(self) -> None:
        _expect(
            "backbone",
            self.backbone in models.list_models(module=models),
            "the name of a torchvision classifier",
            self.backbone,
        )
        size = self.input_size
        _expect("input_size", isinstance(size, int) and 32 <= size <= 1024, "a whole number of 32 to 1024 pixels", size)
        for key, fixed in (("genders", GENDERS), ("races", RACES), ("age_groups", AGE_GROUPS), ("n_ages", N_AGES)):
            _expect(key, getattr(self, key) == fixed, f"{fixed}", getattr(self, key))
        for key in ("mean", "std"):
            value = getattr(self, key)
            _expect(key, _are_numbers(value, 3) and all(0 < v <= 1 for v in value), "three numbers in 0 to 1", value)
        points = self.template
        fits = isinstance(points, tuple) and len(points) == 5 and all(_are_numbers(point, 2) for point in points)
        _expect("template", fits, "five points (x, y)", points)
        t = self.temperatures
        positive = isinstance(t, dict) and set(t) == set(TASKS) and all(_is_number(v) and v > 0 for v in t.values())
        _expect("temperatures", positive, f"a positive number for each of {TASKS}", t)
        mass = self.interval_mass
        _expect("interval_mass", _is_number(mass) and 0 < mass < 1, "a share between 0 and 1", mass)

    @classmethod
    def from_dict(cls, values: dict) -> "ModelConfig":
        """Check and freeze what a config.json holds. Raises ModelError naming the key that does not fit."""
        if not isinstance(values, dict):
            raise ModelError(f"expected {CONFIG_FILE} to hold an object, got {type(values).__name__}")
        version = values.get("schema_version")
        if not isinstance(version, int) or version > SCHEMA_VERSION:
            raise ModelError(
                f"{CONFIG_FILE}: schema_version is {version!r}, this code reads up to {SCHEMA_VERSION}. "
                "Update the code or use an older revision."
            )
        known = {f.name for f in fields(cls)}
        if missing := sorted(known - set(values)):
            raise ModelError(f"{CONFIG_FILE}: missing key(s) {missing}")
        if unknown := sorted(set(values) - known):
            raise ModelError(f"{CONFIG_FILE}: unknown key(s) {unknown}")
        try:
            return cls(**{key: _frozen(value) for key, value in values.items()})
        except TypeError as error:
            raise ModelError(f"{CONFIG_FILE}: a value is of the wrong type ({error})") from error


class AttributeNet(nn.Module):
    """RGB crops in 0 to 1, float (n, 3, size, size) -> logits {"age": (n, 117), "gender": (n, 2), "race": (n, 5)}."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.backbone, width = headless(config.backbone)
        self.heads = nn.ModuleDict(
            {
                "age": nn.Linear(width, N_AGES),
                "gender": nn.Linear(width, len(GENDERS)),
                "race": nn.Linear(width, len(RACES)),
            }
        )
        self.mean: Tensor
        self.std: Tensor
        # Not saved: the config is where these stand.
        self.register_buffer("mean", torch.tensor(config.mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(config.std).view(1, 3, 1, 1), persistent=False)

    def forward(self, crops: Tensor) -> dict[str, Tensor]:
        features = self.backbone((crops - self.mean) / self.std)
        return {task: head(features) for task, head in self.heads.items()}

    @torch.inference_mode()
    def read(self, crops: np.ndarray) -> Attributes:
        """Attributes of aligned crops, uint8 (n, size, size, 3): the mean of what each crop and its mirror image give.

        All in one batch. Puts the network into evaluation mode.
        """
        self.eval()
        batch = to_input(crops, self.mean.device)
        logits = self(torch.cat([batch, batch.flip(3)]))
        probs = {task: _mirrored_mean(logits[task] / t) for task, t in self.config.temperatures.items()}
        return Attributes(probs["age"], probs["gender"], probs["race"], self.config.interval_mass)

    def calibrated(self, *, temperatures: dict[str, float], interval_mass: float) -> "AttributeNet":
        """The same weights under a config with other temperatures and interval mass."""
        net = AttributeNet(replace(self.config, temperatures=temperatures, interval_mass=interval_mass))
        net.load_state_dict(self.state_dict())
        return net.eval()

    def save(self, folder: Path) -> None:
        """Write `config.json` and `model.safetensors` into `folder`. Raises OSError, and leaves older weights whole."""
        folder.mkdir(parents=True, exist_ok=True)
        temporary = folder / f"{WEIGHTS_FILE}.tmp"
        try:
            save_file({name: tensor.contiguous() for name, tensor in self.state_dict().items()}, temporary)
        except SafetensorError as error:  # a full disk, mostly
            temporary.unlink(missing_ok=True)
            raise OSError(f"{folder / WEIGHTS_FILE} cannot be written: {error}") from error
        config = folder / f"{CONFIG_FILE}.tmp"
        config.write_text(json.dumps(asdict(self.config), indent=2) + "\n")
        temporary.replace(folder / WEIGHTS_FILE)
        config.replace(folder / CONFIG_FILE)

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


def to_input(crops: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """uint8 crops (n, size, size, 3) -> float (n, 3, size, size) in 0 to 1, on `device`."""
    return torch.from_numpy(np.ascontiguousarray(crops)).to(device).permute(0, 3, 1, 2).float().div_(255)


def _mirrored_mean(logits: Tensor) -> np.ndarray:
    """Logits of crops and then of their mirror images, (2n, k) -> mean probabilities (n, k) in double precision."""
    plain, mirrored = torch.softmax(logits.float().cpu().double(), dim=1).chunk(2)
    return ((plain + mirrored) / 2).numpy()


def headless(name: str) -> tuple[nn.Module, int]:
    """A torchvision classifier without its last linear layer, randomly initialised, and the number of features it
    yields."""
    backbone = models.get_model(name, weights=None)
    linear = [path for path, module in backbone.named_modules() if isinstance(module, nn.Linear)]
    if not linear:
        raise ModelError(f"the backbone {name!r} does not end in a linear layer")
    width = backbone.get_submodule(linear[-1]).in_features
    backbone.set_submodule(linear[-1], nn.Identity())
    return backbone, width


def read_config(path: Path) -> ModelConfig:
    """Read and check a config.json. Raises ModelError, naming what does not fit."""
    try:
        values = json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(
            f"{path} cannot be read: {error}. Expected a folder with {CONFIG_FILE} and {WEIGHTS_FILE}."
        ) from error
    return ModelConfig.from_dict(values)


def _frozen(value):
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _are_numbers(value, n: int) -> bool:
    return isinstance(value, tuple) and len(value) == n and all(map(_is_number, value))


def _expect(key: str, holds: bool, expected: str, got) -> None:
    if not holds:
        raise ModelError(f"{CONFIG_FILE}: {key} should be {expected}, got {got!r}")
