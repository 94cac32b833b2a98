"""Trained models as teachers (distillation). They see each training crop after it was moved but before its light,
colour and sharpness are varied for the student, which thus learns to ignore these.

Sources: Beyer et al., "Knowledge distillation: A good teacher is patient and consistent" (CVPR 2022), for new
predictions on each augmented crop; Sohn et al., "FixMatch" (2020), for an easy view for the teacher and a hard one for
the student.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .model import AttributeNet
from .run_folder import trained


class Teachers:
    """The mean prediction of several models. Each sees the crops at its own input size, every other model mirrored: so
    their errors differ more, and the student learns to predict the same for both."""

    def __init__(self, folders: Sequence[Path], device: torch.device) -> None:
        """Raises ModelError if a folder holds no model."""
        nets = (AttributeNet.load(trained(folder)).to(device) for folder in folders)
        self.nets = [net.to(memory_format=torch.channels_last) for net in nets]  # type: ignore[call-overload]

    @torch.no_grad()
    def __call__(self, crops: Tensor) -> dict[str, Tensor]:
        """Crops (n, 3, h, w) in 0 to 1 -> distributions `age` (n, 117), `gender` (n, 2), `race` (n, 5)."""
        said = [_distributions(net, crops.flip(3) if i % 2 else crops) for i, net in enumerate(self.nets)]
        return {task: torch.stack([probs[task] for probs in said]).mean(dim=0) for task in said[0]}


def _distributions(net: AttributeNet, crops: Tensor) -> dict[str, Tensor]:
    size = net.config.input_size
    if crops.shape[-1] != size:
        crops = F.interpolate(crops, size=(size, size), mode="bilinear", antialias=crops.shape[-1] > size)
    logits = net(crops.contiguous(memory_format=torch.channels_last))
    # Ages without the config's spread, which is calibrated for users of the predictions.
    return {task: torch.softmax(logits[task].float() / t, dim=1) for task, t in net.config.temperatures.items()}
