"""The options of a training run. They are saved in its `fit.json`, so that it can be repeated."""

import math
from dataclasses import dataclass

from agr.engine import backbones
from agr.pictures import DataError


@dataclass(frozen=True)
class FitConfig:
    """The recipe of a run. `batch_size`: over all processes together. `init`: "imagenet", "none" or a file of weights
    (see `train.init`). `soft_weight`: the share of each target that comes from teachers or soft labels, if there are
    any. `mixup`: the share of crops that are blended with another crop; their targets come from the teachers alone."""

    backbone: str = "mobilenet_v2"
    init: str = "imagenet"
    epochs: int = 14
    batch_size: int = 64
    lr: float = 1e-3
    weight_decay: float = 0.02
    warmup_epochs: float = 0.5
    ema_decay: float = 0.998
    precision: str = "auto"
    seed: int = 0
    soft_weight: float = 0.5
    mixup: float = 0.0

    def __post_init__(self) -> None:
        if self.backbone not in backbones():
            raise DataError(
                f"Unknown backbone {self.backbone!r}. Known: {', '.join(backbones())}. Others become known by "
                f"python -m train graphs {self.backbone}."
            )
        for name in ("epochs", "batch_size", "lr"):
            if not 0 < getattr(self, name) < math.inf:
                raise DataError(f"expected {name} above 0, got {getattr(self, name)}")
        for name in ("weight_decay", "seed"):
            if not 0 <= getattr(self, name) < math.inf:
                raise DataError(f"expected {name} of 0 or more, got {getattr(self, name)}")
        for name in ("soft_weight", "mixup"):
            if not 0 <= getattr(self, name) <= 1:
                raise DataError(f"expected {name} of 0 to 1, got {getattr(self, name)}")
        if not 0 <= self.ema_decay < 1:
            raise DataError(f"expected ema_decay of 0 up to but not including 1, got {self.ema_decay}")
        if self.precision not in ("auto", "fp32", "bf16"):
            raise DataError(f"expected precision auto, fp32 or bf16, got {self.precision!r}")
