"""The files of a model folder, and the config that is stored with the weights."""

import json
import os
from dataclasses import dataclass, field, fields
from pathlib import Path

import numpy as np

from . import __version__
from .align import TEMPLATE, fit_of
from .attributes import INTERVAL_AGES, N_AGES, PLAIN_SPREAD, SPREAD_AGES
from .engine import backbones
from .errors import AgrError, reason_of
from .labels import AGE_GROUPS, GENDERS, RACES

SCHEMA_VERSION = 4
"""Version of the format of config.json; newer ones are refused."""
CODE_VERSION = __version__
CONFIG_FILE, WEIGHTS_FILE = "config.json", "model.safetensors"
HEADS = ("age", "gender", "race")
"""Heads of the network, in the order of a graph's outputs."""
LARGEST_NUMBER = 1e6
"""Upper limit for the numbers in a config, far above any valid one."""
TEMPERATURES = (0.01, 100.0)
"""Smallest and largest temperature of a model: beyond them every probability is 0 or 1, or all are alike."""
AGE_SPREADS = (0.1, 10.0)
"""Smallest and largest factor by which a model changes the width of the age distribution."""
_LEAST_SIZES = {"face_resnet": 103}
"""Side of the smallest crop, in pixels, of a backbone that cannot take crops of 32."""
_EARLIER_INTERVAL_AGES = (10, 30, 50, 70, 90)
"""`INTERVAL_AGES` of schema versions 2 and 3."""


class ModelError(AgrError):
    """A model folder cannot be used; the message names the file or key, what was expected and what was found."""


@dataclass(frozen=True)
class ModelConfig:
    """Everything needed to use the weights, and the version of the code that wrote them, for information.

    `input_size`: side of the crop in pixels. `mean`, `std`: normalization of RGB values in 0 to 1. `template`:
    `agr.align.TEMPLATE` at the time of training.
    `temperatures`: divisors of each task's logits; `age_spread`: see `agr.attributes.respread`; `interval_mass`: see
    `Attributes`. These three were chosen on validation data.
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
    temperatures: dict[str, float] = field(default_factory=lambda: dict.fromkeys(HEADS, 1.0))
    age_spread: tuple[float, ...] = PLAIN_SPREAD
    interval_mass: tuple[float, ...] = (0.8,) * len(INTERVAL_AGES)
    schema_version: int = SCHEMA_VERSION
    code_version: str = CODE_VERSION

    def __post_init__(self) -> None:
        known = backbones()
        _expect("backbone", self.backbone in known, f"one of {', '.join(known)}", self.backbone)
        size, smallest = self.input_size, _LEAST_SIZES.get(self.backbone, 32)
        fits = isinstance(size, int) and smallest <= size <= 1024
        _expect("input_size", fits, f"a whole number of {smallest} to 1024 pixels for {self.backbone}", size)
        for key, fixed in (("genders", GENDERS), ("races", RACES), ("age_groups", AGE_GROUPS), ("n_ages", N_AGES)):
            _expect(key, getattr(self, key) == fixed, f"{fixed}", getattr(self, key))
        mean, std = self.mean, self.std
        _expect("mean", _are_numbers(mean, 3) and all(0 <= v <= 1 for v in mean), "three numbers in 0 to 1", mean)
        _expect("std", _are_numbers(std, 3) and all(0.001 <= v <= 1 for v in std), "three numbers of 0.001 to 1", std)
        points = self.template
        fits = isinstance(points, tuple) and len(points) == 5 and all(_are_numbers(point, 2) for point in points)
        _expect("template", fits and _is_face(points), "five points (x, y) where eyes, nose and mouth may lie", points)
        t = self.temperatures
        numbers = isinstance(t, dict) and set(t) == set(HEADS) and all(map(_is_number, t.values()))
        least, greatest = TEMPERATURES
        within = numbers and all(least <= v <= greatest for v in t.values())
        _expect("temperatures", within, f"a number of {least} to {greatest} for each of {HEADS}", t)
        spread, (narrowest, widest) = self.age_spread, AGE_SPREADS
        fits = _are_numbers(spread, len(SPREAD_AGES)) and all(narrowest <= v <= widest for v in spread)
        _expect("age_spread", fits, f"{len(SPREAD_AGES)} numbers of {narrowest} to {widest}", spread)
        n, masses = len(INTERVAL_AGES), self.interval_mass
        shares = _are_numbers(masses, n) and all(0 < mass < 1 for mass in masses)
        _expect("interval_mass", shares, f"{n} shares between 0 and 1", masses)

    @classmethod
    def from_dict(cls, values: dict) -> "ModelConfig":
        """Check and freeze the content of a config.json. Raises ModelError, naming the key that does not fit."""
        if not isinstance(values, dict):
            raise ModelError(f"expected {CONFIG_FILE} to hold an object, got {type(values).__name__}")
        version = values.get("schema_version")
        if version not in (2, 3, SCHEMA_VERSION):
            is_newer = isinstance(version, int) and version > SCHEMA_VERSION
            what_to_do = "Use a newer version of the code, or" if is_newer else "Use"
            raise ModelError(
                f"{CONFIG_FILE}: schema_version is {version!r}, this code reads 2 to {SCHEMA_VERSION}. "
                f"{what_to_do} another revision of the model."
            )
        if version < SCHEMA_VERSION:
            values = _of_today({"age_spread": 1.0} | values if version == 2 else values)
        known = {f.name for f in fields(cls)}
        if missing := sorted(known - set(values)):
            raise ModelError(f"{CONFIG_FILE}: missing key(s) {missing}")
        if unknown := sorted(set(values) - known):
            raise ModelError(f"{CONFIG_FILE}: unknown key(s) {unknown}")
        try:
            return cls(**{key: _frozen(value) for key, value in values.items()})
        except TypeError as error:
            raise ModelError(f"{CONFIG_FILE}: a value is of the wrong type ({error})") from error


def _of_today(values: dict) -> dict:
    """Convert a config of version 2 or 3: the same spread at every age, and masses interpolated from the earlier
    ages."""
    values = values | {"schema_version": SCHEMA_VERSION}
    if _is_number(spread := values.get("age_spread")):
        values["age_spread"] = [spread] * len(SPREAD_AGES)
    masses = values.get("interval_mass")
    if isinstance(masses, list) and _are_numbers(tuple(masses), len(_EARLIER_INTERVAL_AGES)):
        values["interval_mass"] = np.interp(INTERVAL_AGES, _EARLIER_INTERVAL_AGES, masses).tolist()
    return values


def _is_face(points: tuple[tuple[float, ...], ...]) -> bool:
    """Whether the points lie in or near the crop, arranged and spaced like those of a face: landmarks that almost
    coincide would need a crop of gigabytes."""
    if len(set(points)) < 5 or not all(-0.5 <= value <= 1.5 for point in points for value in point):
        return False
    spread, usual = np.std(points, axis=0), np.std(TEMPLATE, axis=0)
    return fit_of(points, TEMPLATE) >= 0.9 and np.hypot(*spread) >= 0.2 * np.hypot(*usual)


def read_config(path: Path) -> ModelConfig:
    """Read and check a config.json. Raises ModelError, naming what does not fit."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        best = path.parent / "best"
        if not os.path.exists(path) and os.path.exists(best / CONFIG_FILE):
            raise ModelError(
                f"{path.parent} is a training run that was not finished. Go on with it (fit --resume), or take {best}."
            ) from error
        raise ModelError(
            f"{path} cannot be read: {reason_of(error)}. Expected a folder with {CONFIG_FILE} and {WEIGHTS_FILE}."
        ) from error
    return ModelConfig.from_dict(values)


def _frozen(value):
    return tuple(map(_frozen, value)) if isinstance(value, list) else value


def _is_number(value) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return abs(value) < LARGEST_NUMBER  # false for infinities, NaN and huge integers


def _are_numbers(value, n: int) -> bool:
    return isinstance(value, tuple) and len(value) == n and all(map(_is_number, value))


def _expect(key: str, holds: bool, expected: str, got) -> None:
    if not holds:
        raise ModelError(f"{CONFIG_FILE}: {key} should be {expected}, got {got!r}")
