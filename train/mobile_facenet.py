"""MobileFaceNet of InsightFace's width in torch, with its normalisation folded into the convolutions.

InsightFace's weights were trained on WebFace600K to tell people apart. As initial weights they know faces, where
ImageNet's know objects. Source: Chen et al., "MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification
on Mobile Devices" (2018), as InsightFace builds and trains it (Deng et al., "ArcFace", CVPR 2019).
"""

import torch.nn.functional as F
from torch import Tensor, nn

NAME, WIDTH = "mobile_facenet", 512
SIDE = 112
"""Side in pixels of the first convolution's input."""
STAGES = ((128, 128, 4), (256, 256, 6), (256, 512, 2))
"""Channels of each stage, inner channels of its first block, which halves the resolution, and number of residual blocks
after that."""


class Block(nn.Module):
    """A depthwise convolution between two 1×1 convolutions, with a skip connection unless it halves."""

    def __init__(self, width: int, inner: int, wider: int, *, halve: bool) -> None:
        super().__init__()
        self.halve = halve
        self.expand, self.expand_slope = nn.Conv2d(width, inner, 1), nn.PReLU(inner)
        self.depthwise = nn.Conv2d(inner, inner, 3, 2 if halve else 1, padding=1, groups=inner)
        self.depthwise_slope = nn.PReLU(inner)
        self.project = nn.Conv2d(inner, wider, 1)

    def forward(self, x: Tensor) -> Tensor:
        y = self.expand_slope(self.expand(x))
        y = self.project(self.depthwise_slope(self.depthwise(y)))
        return y if self.halve else x + y


class MobileFaceNet(nn.Module):
    """RGB in -1 to 1, (n, 3, side, side), cropped as by `agr.align` -> features (n, 512)."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, 128, 3, stride=2, padding=1), nn.PReLU(128)]
        layers += [nn.Conv2d(128, 128, 3, padding=1, groups=64), nn.PReLU(128)]
        width = 128
        for wider, inner, n in STAGES:
            layers.append(Block(width, inner, wider, halve=True))
            layers += [Block(wider, wider, wider, halve=False) for _ in range(n)]
            width = wider
        layers += [nn.Conv2d(width, 512, 1), nn.PReLU(512), nn.Conv2d(512, 64, 1), nn.PReLU(64)]
        self.layers = nn.Sequential(*layers)
        self.features = nn.Linear(64 * (SIDE // 16) ** 2, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        return self.features(self.layers(as_arcface_cuts(x)).flatten(1))


def as_arcface_cuts(crops: Tensor) -> Tensor:
    """Crops (n, 3, side, side) from `agr.align` -> (n, 3, 112, 112), with the face where ArcFace's alignment has it.
    That needs more surroundings than the crop holds, so its edge pixels are repeated."""
    side = crops.shape[3]
    beside, above, window = side // 8, 23 * side // 80, 199 * side // 160
    wider = F.pad(crops, (beside, beside, above, 0), mode="replicate")[:, :, :window, :window]
    # In two steps, as bilinear downscaling without antialiasing would skip pixels.
    twice = F.interpolate(wider, size=(2 * SIDE, 2 * SIDE), mode="bilinear")
    return F.avg_pool2d(twice, 2)
