"""The precision that a training run computes in, and a fix that keeps bfloat16 fast on CPUs."""

import os

import torch
from torch import Tensor, nn


def use_bf16(precision: str) -> bool:
    """Whether "fp32", "bf16" or "auto" means bfloat16 here; auto does if the hardware multiplies in bfloat16."""
    if precision != "auto":
        return precision == "bf16"
    if os.environ.get("ACCELERATE_USE_CPU", "").lower() not in ("1", "true") and torch.cuda.is_available():
        return torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.cpu._is_amx_tile_supported() or torch.cpu._is_avx512_bf16_supported()


class _InFloat32(nn.Conv2d):
    """A convolution that autocast leaves in float32; its output has the type of its input."""

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return super().forward(x.float()).to(x.dtype)


def keep_strided_depthwise_in_float32(net: nn.Module) -> None:
    """Make depthwise convolutions with a stride compute in float32 under autocast on a CPU. Works in place; weights and
    their names stay.

    oneDNN has no fast bfloat16 kernel for the gradient of their input: 101 ms instead of 8 for a layer of MobileNetV2,
    whose three such layers made a step take 0.69 instead of 0.38 s (AMD Zen 4, batch 64, 128 px).
    """
    for module in net.modules():
        if type(module) is nn.Conv2d and module.groups > 1 and max(module.stride) > 1:
            module.__class__ = _InFloat32
