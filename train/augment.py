"""Augmentation of aligned crops by what varies between photos: pose, light, colour, sharpness, compression, occlusion.

Everything works on float batches (n, 3, h, w) in 0 to 1. Every random number comes from the generator that is passed
in, so the result depends only on the batch and the seed.
"""

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor
from torchvision.io import ImageReadMode, decode_jpeg, encode_jpeg

MAX_ROTATION = 15.0  # degrees; faces are aligned already, so this covers the landmarks' error and more
MAX_ZOOM = 0.15
MAX_SHIFT = 0.06  # of the side
MAX_SIGMA = 0.016  # of the side
LUMA = (0.299, 0.587, 0.114)


def vary(crops: Tensor, generator: Generator) -> Tensor:
    """Vary and partly cover what each crop shows without moving it: a new batch of the same shape, in 0 to 1."""
    batch = vary_sharpness(crops, generator)
    batch = lower_resolution(batch, generator)
    batch = vary_colour(batch, generator)
    batch = add_noise(batch, generator)
    batch = compress(batch, generator)
    return erase(batch, generator)


def mix(batch: Tensor, generator: Generator, *, share: float) -> tuple[Tensor, Tensor]:
    """Blend a `share` (0 to 1) of the crops with another crop of the batch, at 0 to 100 % opacity.

    Returns the new batch and a bool mask (n,) of the blended crops. As faces are aligned, two of them blend into a
    plausible face, but one that nobody has labelled. Source: Zhang et al., "mixup: Beyond Empirical Risk Minimization"
    (2018).
    """
    n = len(batch)
    mixed = _chosen(n, share, generator).to(batch.device)
    opacity = torch.rand(n, generator=generator).to(batch.device) * mixed
    others = batch[torch.randperm(n, generator=generator).to(batch.device)]
    return torch.lerp(batch, others, opacity.view(-1, 1, 1, 1)), mixed


def move(batch: Tensor, generator: Generator) -> Tensor:
    """Mirror half of the crops; rotate, zoom and shift all of them, repeating edge pixels as `agr.align` does."""
    n = len(batch)
    angle = math.radians(MAX_ROTATION) * _signed(n, generator)
    zoom = torch.exp(MAX_ZOOM * _signed(n, generator))
    mirror = 1.0 - 2.0 * _chosen(n, 0.5, generator).float()
    cos, sin = torch.cos(angle) * zoom, torch.sin(angle) * zoom
    shift = 2 * MAX_SHIFT * torch.stack([_signed(n, generator), _signed(n, generator)], 1)
    rows = [torch.stack([cos * mirror, -sin, shift[:, 0]], 1), torch.stack([sin * mirror, cos, shift[:, 1]], 1)]
    grid = F.affine_grid(torch.stack(rows, 1).to(batch.device), list(batch.shape), align_corners=False)
    return F.grid_sample(batch, grid, mode="bilinear", padding_mode="border", align_corners=False)


def vary_sharpness(batch: Tensor, generator: Generator, *, share: float = 0.5) -> Tensor:
    """Blur half of a `share` of the crops and sharpen the other half (unsharp mask, 30 to 200 %); σ is 0.24 to 1.6 % of
    the side."""
    chosen = _chosen(len(batch), share, generator).to(batch.device)
    n = int(chosen.sum())
    sigma = batch.shape[-1] * (0.0024 + (MAX_SIGMA - 0.0024) * torch.rand(n, generator=generator))
    # One formula for both: crop + amount · (crop - blurred); an amount of -1 gives the blurred crop.
    amount = torch.where(_chosen(n, 0.5, generator), -1.0, 0.3 + 1.7 * torch.rand(n, generator=generator))
    crops = batch[chosen]
    if not n:
        return batch.clone()
    detail = crops - gaussian_blur(crops, sigma.to(batch.device))
    batch = batch.clone()
    batch[chosen] = (crops + amount.to(batch.device).view(-1, 1, 1, 1) * detail).clamp(0, 1)
    return batch


def gaussian_blur(batch: Tensor, sigma: Tensor) -> Tensor:
    """Blur crop i of (n, c, h, w) with standard deviation `sigma[i]` pixels, up to `MAX_SIGMA` of the side, repeating
    edge pixels."""
    n, c, h, w = batch.shape
    radius = max(6, math.ceil(2.3 * MAX_SIGMA * w))
    offsets = torch.arange(-radius, radius + 1, device=batch.device, dtype=batch.dtype)
    kernel = torch.softmax(-(offsets**2) / (2 * sigma.view(-1, 1) ** 2), dim=1).repeat_interleave(c, dim=0)
    planes = F.pad(batch.reshape(1, n * c, h, w), (radius,) * 4, mode="replicate")
    planes = F.conv2d(planes, kernel.view(n * c, 1, 1, -1), groups=n * c)
    planes = F.conv2d(planes, kernel.view(n * c, 1, -1, 1), groups=n * c)
    return planes.view(n, c, h, w)


def lower_resolution(batch: Tensor, generator: Generator, *, share: float = 0.1) -> Tensor:
    """Shrink a `share` of the crops to 35 to 80 % of their side and enlarge them again: small faces look like this."""
    chosen = _chosen(len(batch), share, generator).to(batch.device)
    side = batch.shape[-1]
    small = int(side * (0.35 + 0.45 * torch.rand(1, generator=generator).item()))
    coarse = F.interpolate(batch[chosen], size=(small, small), mode="bilinear", antialias=True)
    batch = batch.clone()
    batch[chosen] = F.interpolate(coarse, size=(side, side), mode="bicubic").clamp(0, 1)
    return batch


def vary_colour(batch: Tensor, generator: Generator) -> Tensor:
    """Vary brightness ±35 %, contrast ±25 %, saturation ±40 %, white balance ±6 %, gamma ±15 %; turn a fifth grey."""
    n, device = len(batch), batch.device

    def factor(spread: float, columns: int = 1) -> Tensor:
        values = 2 * torch.rand(n, columns, generator=generator) - 1
        return (1 + spread * values).to(device).view(n, columns, 1, 1)

    in_grey = _chosen(n, 0.2, generator).to(device)
    saturation, balance = factor(0.4), factor(0.06, 3)
    saturation[in_grey], balance[in_grey] = 0.0, 1.0
    grey = (batch * torch.tensor(LUMA, device=device).view(1, 3, 1, 1)).sum(1, keepdim=True)
    centre = grey.mean((2, 3), keepdim=True)
    contrast = factor(0.25)
    # Saturation scales around grey, contrast around the mean: both in one expression; the rest in another.
    batch = centre + contrast * (grey - centre + saturation * (batch - grey))
    return (batch * (factor(0.35) * balance)).clamp(1e-4, 1) ** factor(0.15)


def add_noise(batch: Tensor, generator: Generator, *, share: float = 0.1) -> Tensor:
    """Add Gaussian sensor noise of up to 3 % to a `share` of the crops."""
    chosen = _chosen(len(batch), share, generator).to(batch.device)
    crops = batch[chosen]
    strength = 0.03 * torch.rand(len(crops), 1, 1, 1, generator=generator)
    batch = batch.clone()
    batch[chosen] = (crops + (strength * torch.randn(crops.shape, generator=generator)).to(batch.device)).clamp(0, 1)
    return batch


def compress(batch: Tensor, generator: Generator, *, share: float = 0.1) -> Tensor:
    """Compress a `share` of the crops as JPEG of quality 30 to 90."""
    chosen = _chosen(len(batch), share, generator).nonzero().flatten().tolist()
    qualities = torch.randint(30, 91, (len(batch),), generator=generator).tolist()
    if not chosen:
        return batch.clone()
    crops = (batch[chosen] * 255).round().to("cpu", torch.uint8)
    again = [
        decode_jpeg(encode_jpeg(crop, quality=qualities[i]), mode=ImageReadMode.RGB)
        for i, crop in zip(chosen, crops, strict=True)
    ]
    batch = batch.clone()
    batch[chosen] = torch.stack(again).to(batch) / 255
    return batch


def erase(batch: Tensor, generator: Generator, *, share: float = 0.25) -> Tensor:
    """Cover a rectangle, 2 to 16 % of the area, of a `share` of the crops with a random grey, as hands, glasses and
    hair do."""
    batch = batch.clone()
    side = batch.shape[-1]
    for i in _chosen(len(batch), share, generator).nonzero().flatten().tolist():
        area, ratio, x, y, grey = torch.rand(5, generator=generator).tolist()
        area, ratio = (0.02 + 0.14 * area) * side**2, math.exp((2 * ratio - 1) * math.log(2.5))
        height, width = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        top, left = int(y * (side - height)), int(x * (side - width))
        batch[i, :, top : top + height, left : left + width] = grey
    return batch


def _signed(n: int, generator: Generator) -> Tensor:
    return 2 * torch.rand(n, generator=generator) - 1


def _chosen(n: int, share: float, generator: Generator) -> Tensor:
    return torch.rand(n, generator=generator) < share
