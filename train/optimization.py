"""The learning rate's schedule, weight decay, and the exponential moving average (EMA) of the weights."""

import math

import torch

from .config import FitConfig


def learning_rate(step: int, steps_per_epoch: int, config: FitConfig) -> float:
    """Learning rate of a step: a linear warm-up to `config.lr`, then half a cosine down to 1 % of it at the last
    step."""
    warmup, total = config.warmup_epochs * steps_per_epoch, config.epochs * steps_per_epoch
    if step < warmup:
        return config.lr * (step + 1) / (warmup + 1)
    progress = (step - warmup) / max(1.0, total - warmup)
    return config.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * progress)))


def parameter_groups(net: torch.nn.Module, weight_decay: float) -> list[dict]:
    """Weight decay on matrices and filters only, as it harms biases and the scales of normalisation layers."""
    decayed = [p for p in net.parameters() if p.ndim > 1]
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0},
    ]


@torch.no_grad()
def update_ema(ema: torch.nn.Module, net: torch.nn.Module, decay: float) -> None:
    """Move the averaged weights and buffers towards the current ones by 1 - `decay`, in place."""
    pairs = list(zip(ema.state_dict().values(), net.state_dict().values(), strict=True))
    torch._foreach_lerp_(
        [e for e, _ in pairs if e.is_floating_point()], [n for e, n in pairs if e.is_floating_point()], 1 - decay
    )
    for averaged, current in pairs:
        if not averaged.is_floating_point():
            averaged.copy_(current)


def ema_decay(step: int, decay: float) -> float:
    """The EMA's decay at a step: lower at first, or the average would retain the initial weights."""
    return min(decay, (1 + step) / (10 + step))
