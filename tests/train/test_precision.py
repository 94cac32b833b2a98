import pytest
import torch
from torch import nn
from torchvision.models import mobilenet_v2

from train.precision import keep_strided_depthwise_in_float32, use_bf16


@pytest.mark.parametrize(("precision", "expected"), [("bf16", True), ("fp32", False)])
def test_what_is_named_is_taken(precision, expected):
    assert use_bf16(precision) is expected


def test_strided_depthwise_layers_compute_in_float32_and_the_rest_in_bfloat16():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 3, stride=2, padding=1, groups=8), nn.Conv2d(8, 8, 3, padding=1, groups=8)
    )
    names, crops = list(net.state_dict()), torch.rand(2, 3, 9, 9)
    keep_strided_depthwise_in_float32(net)
    assert list(net.state_dict()) == names
    with torch.autocast("cpu", dtype=torch.bfloat16):
        first = net[0](crops)
        second = net[1](first)
        third = net[2](second)
    assert {first.dtype, second.dtype, third.dtype} == {torch.bfloat16}
    exact = nn.functional.conv2d(first.float(), net[1].weight, net[1].bias, stride=2, padding=1, groups=8)
    assert torch.equal(second, exact.to(torch.bfloat16))
    in_bfloat16 = nn.functional.conv2d(first, net[1].weight.bfloat16(), net[1].bias.bfloat16(), 2, 1, 1, 8)
    assert not torch.equal(second, in_bfloat16)


def test_in_float32_nothing_changes():
    net, crops = mobilenet_v2().eval(), torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        before = net(crops)
        keep_strided_depthwise_in_float32(net)
        assert torch.equal(net(crops), before)
