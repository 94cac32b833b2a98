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


def test_moving_turns_zooms_and_shifts_within_its_bounds():
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
