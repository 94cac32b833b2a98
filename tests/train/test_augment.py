import numpy as np
import pytest
import torch
from torchvision.transforms.functional import gaussian_blur as reference_blur

from train import augment as a


@pytest.fixture
def batch():
    return torch.rand(8, 3, 48, 48, generator=torch.Generator().manual_seed(0))


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


STEPS = [a.vary, a.move, a.vary_sharpness, a.lower_resolution, a.vary_colour, a.add_noise, a.compress, a.erase]
STEPS += [lambda crops, generator: a.mix(crops, generator, share=0.5)[0]]


@pytest.mark.parametrize("step", STEPS)
def test_each_step_keeps_shape_and_range_and_leaves_its_input(step, batch):
    before = batch.clone()
    out = step(batch, seeded())
    assert out.shape == batch.shape
    assert out.min() >= 0
    assert out.max() <= 1
    assert torch.equal(batch, before)


@pytest.mark.parametrize("step", STEPS)
def test_each_step_is_a_function_of_its_seed(step, batch):
    assert torch.equal(step(batch, seeded(1)), step(batch, seeded(1)))
    assert not torch.equal(step(batch, seeded(1)), step(batch, seeded(2)))


@pytest.mark.parametrize("step", STEPS)
def test_a_batch_of_one_works(step, batch):
    for seed in range(12):
        assert step(batch[:1], seeded(seed)).shape == (1, 3, 48, 48)


def test_blur_equals_torchvision(batch):
    sigma = torch.tensor([0.4, 0.8, 1.1, 1.5] * 2)
    ours = a.gaussian_blur(batch, sigma)
    for i, s in enumerate(sigma.tolist()):
        theirs = reference_blur(batch[i : i + 1], kernel_size=13, sigma=s)
        inside = (slice(None), slice(None), slice(8, 40), slice(8, 40))  # torchvision mirrors at the edge, we repeat
        assert torch.allclose(ours[i : i + 1][inside], theirs[inside], atol=1e-5)


def test_moving_mirrors_about_half():
    ramp = torch.linspace(0, 1, 48).expand(200, 3, 48, 48)
    moved = a.move(ramp, seeded())
    mirrored = (moved[:, 0, 24, 8] > moved[:, 0, 24, 40]).float().mean()
    assert 0.4 < mirrored < 0.6


def test_moving_turns_zooms_and_shifts_within_its_bounds_and_keeps_right_angles():
    side = 48
    place = (torch.arange(side) + 0.5) / side - 0.5  # of the side, from the centre
    x, y = place.expand(side, side), place[:, None].expand(side, side)
    moved = a.move(torch.stack([x, y, x]).expand(400, 3, side, side), seeded())[:, :2, 16:32, 16:32]
    across, down = ((moved.diff(dim=d) * side).mean((2, 3)) for d in (3, 2))  # (n, 2): where one step goes
    zoom = down.norm(dim=1)
    angle = torch.rad2deg(torch.atan2(-down[:, 0], down[:, 1]))
    shift = moved.mean((2, 3))
    assert torch.allclose(across.norm(dim=1), zoom, atol=1e-3)
    for values, bound in ((angle, a.MAX_ROTATION), (zoom.log(), a.MAX_ZOOM), (shift, a.MAX_SHIFT)):
        assert values.max() == pytest.approx(bound, rel=0.05)
        assert values.min() == pytest.approx(-bound, rel=0.05)
    assert (across * down).sum(dim=1).abs().max() < 1e-3
    assert abs(np.corrcoef(shift.T.numpy())[0, 1]) < 0.15  # one way says nothing of the other


def test_erasing_covers_as_much_as_it_says():
    crops = torch.zeros(600, 3, 48, 48)
    covered = (a.erase(crops, seeded(), share=1.0) > 0).float().mean((1, 2, 3))
    assert covered.max() == pytest.approx(0.16, abs=0.01)
    assert covered.min() == pytest.approx(0.02, abs=0.005)


def test_mixing_lays_each_chosen_crop_under_one_other():
    crops = torch.eye(40)[:, :, None, None].expand(40, 40, 8, 8)  # crop i is 1 in channel i alone
    batch, mixed = a.mix(crops, seeded(), share=0.5)
    assert 10 < mixed.sum() < 30
    assert torch.equal(batch[~mixed], crops[~mixed])
    shares = batch[:, :, 0, 0]
    assert torch.allclose(shares.sum(dim=1), torch.ones(40))
    assert ((shares > 0).sum(dim=1) <= 2).all()
    opacity = 1 - shares.diagonal()[mixed]
    assert opacity.min() < 0.2
    assert opacity.max() > 0.8


def test_a_varied_crop_went_through_every_step(batch, monkeypatch):
    order = []
    names = ["vary_sharpness", "lower_resolution", "vary_colour", "add_noise", "compress", "erase"]
    for name in names:
        monkeypatch.setattr(a, name, lambda crops, generator, name=name: order.append(name) or crops + 1)
    assert torch.allclose(a.vary(batch, seeded()), batch + len(names))
    assert order == names


@pytest.mark.parametrize("step", [a.vary_sharpness, a.lower_resolution, a.add_noise, a.compress, a.erase])
@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_step_changes_the_share_of_crops_that_it_says(step, share, batch):
    changed = (step(batch, seeded(), share=share) != batch).flatten(1).any(1)
    assert changed.float().mean() == pytest.approx(share, abs=0.13)  # the least blur is none at 48 pixels


def test_a_fifth_is_grey_and_the_others_keep_their_colour():
    crops = torch.rand(400, 3, 8, 8, generator=seeded())
    out = a.vary_colour(crops, seeded())
    in_grey = (out.amax(1) - out.amin(1)).flatten(1).amax(1) < 1e-6
    assert in_grey.float().mean() == pytest.approx(0.2, abs=0.06)
    red_leads = (crops[:, 0] - crops[:, 2] > 0.3) & ~in_grey.view(-1, 1, 1)
    assert (out[:, 0] > out[:, 2])[red_leads].float().mean() > 0.95  # channels stay where they are


def test_half_are_blurred_and_half_sharpened():
    crops = 0.3 + 0.4 * torch.rand(400, 3, 48, 48, generator=seeded(1))
    ratio = a.vary_sharpness(crops, seeded(), share=1.0).std((1, 2, 3)) / crops.std((1, 2, 3))
    assert 0.4 < (ratio < 1).float().mean() < 0.6
    assert ratio.max() < 3.1


def test_colours_vary_as_far_as_is_said():
    out = a.vary_colour(torch.full((4000, 3, 2, 2), 0.5), seeded())[:, :, 0, 0]
    in_grey = (out.amax(1) - out.amin(1)) < 1e-6
    assert out[in_grey].min() == pytest.approx((0.5 * 0.65) ** 1.15, abs=0.02)
    assert out[in_grey].max() == pytest.approx((0.5 * 1.35) ** 0.85, abs=0.02)


def test_red_is_as_dark_in_grey_as_in_photos():
    red = torch.tensor([1.0, 0, 0]).view(1, 3, 1, 1).expand(4000, 3, 2, 2)
    out = a.vary_colour(red, seeded())[:, :, 0, 0]
    in_grey = (out.amax(1) - out.amin(1)) < 1e-6
    assert out[in_grey].mean() == pytest.approx(0.299, abs=0.02)  # ITU-R BT.601


def test_noise_is_up_to_three_per_cent():
    noise = a.add_noise(torch.full((200, 3, 24, 24), 0.5), seeded(), share=1.0).std((1, 2, 3))
    assert noise.max() == pytest.approx(0.03, abs=0.003)


def test_jpegs_return_to_their_places_and_have_the_qualities_of_photos(monkeypatch):
    qualities, encode = [], a.encode_jpeg
    monkeypatch.setattr(
        a, "encode_jpeg", lambda crop, quality: qualities.append(quality) or encode(crop, quality=quality)
    )
    crops = torch.linspace(0.1, 0.9, 300).view(-1, 1, 1, 1).expand(300, 3, 16, 16)
    assert torch.allclose(a.compress(crops, seeded(), share=0.5), crops, atol=0.02)
    assert (min(qualities), max(qualities)) == (pytest.approx(30, abs=3), pytest.approx(90, abs=3))


def test_what_moves_into_the_picture_repeats_its_edge():
    assert torch.allclose(a.move(torch.ones(50, 3, 24, 24), seeded()), torch.ones(1), atol=1e-6)


def test_mixing_takes_the_share_that_it_is_told():
    _, mixed = a.mix(torch.rand(400, 3, 4, 4), seeded(), share=0.2)
    assert mixed.float().mean() == pytest.approx(0.2, abs=0.06)
