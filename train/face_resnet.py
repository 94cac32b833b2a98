"""dlib's face recognition network in torch: a small ResNet with its normalisation folded into the convolutions.

Its weights, in the public domain, were trained on three million faces to tell people apart. As initial weights they
know faces, where ImageNet's know objects. Source: King, "High Quality Face Recognition with Deep Metric Learning"
(dlib, 2017).
"""

import torch.nn.functional as F
from torch import Tensor, nn

NAME, WIDTH = "face_resnet", 256
LEAST_SIDE = 103
"""Smallest side in pixels of an input that leaves the last block something to see."""
STAGES = ((32, 3), (64, 4), (128, 3), (256, 3), (256, 1))
"""Channels and number of blocks of each stage; all but the first begin by halving the resolution."""


class Block(nn.Module):
    """Two convolutions with a skip connection, which is average-pooled and zero-padded where they halve and widen."""

    def __init__(self, width: int, wider: int, *, halve: bool) -> None:
        super().__init__()
        self.halve = halve
        self.conv1 = nn.Conv2d(width, wider, 3, stride=2) if halve else nn.Conv2d(width, wider, 3, padding=1)
        self.conv2 = nn.Conv2d(wider, wider, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv2(F.relu(self.conv1(x)))
        if self.halve:
            x = F.avg_pool2d(x, 2)
            x = F.pad(x, (0, 0, 0, 0, 0, y.shape[1] - x.shape[1]))
            y = F.pad(y, (0, x.shape[3] - y.shape[3], 0, x.shape[2] - y.shape[2]))
        return F.relu(x + y)


class FaceResNet(nn.Module):
    """RGB in -1 to 1, (n, 3, h, w), with sides of at least `LEAST_SIDE` pixels -> features (n, 256)."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 32, 7, stride=2)
        blocks, width = [], 32
        for stage, (wider, n) in enumerate(STAGES):
            for i in range(n):
                blocks.append(Block(width, wider, halve=stage > 0 and i == 0))
                width = wider
        self.blocks = nn.Sequential(*blocks)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv(x)), 3, stride=2)
        return self.blocks(x).mean((2, 3))
