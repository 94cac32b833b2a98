"""The analyzer on pictures at the edge of what is a picture."""

import subprocess
import sys

import pytest
from PIL import Image

from agr.images import MIN_SIDE, ImageError
from tests.conftest import ROOT

pytestmark = pytest.mark.slow
MOST_MEGABYTES = 1200
"""Of memory, for the whole program with a picture of 100 megapixels in work: what the README states."""


def test_two_hundred_faces(analyzer, astronaut):
    face = astronaut.crop((130, 20, 310, 220)).resize((144, 160))
    canvas = Image.new("RGB", (20 * 180, 10 * 200), (100, 110, 120))
    for i in range(200):
        canvas.paste(face, (i % 20 * 180 + 18, i // 20 * 200 + 20))
    assert len(analyzer.analyze(canvas)) == 200


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (MIN_SIDE - 1, 300), (20_000, 20)])
def test_what_is_too_narrow_is_refused(analyzer, size):
    with pytest.raises(ImageError, match="pixels"):
        analyzer.analyze(Image.new("RGB", size))


MODES = "1 L LA La P PA RGB RGBA RGBa RGBX CMYK YCbCr LAB HSV I F I;16"


@pytest.mark.parametrize("mode", MODES.split())
def test_every_mode_is_answered(analyzer, mode):
    assert analyzer.analyze(Image.new(mode, (90, 70))) == []


def test_a_picture_of_noise_is_answered(analyzer, noise):
    large = Image.fromarray(noise).resize((1600, 1200), Image.Resampling.NEAREST)
    assert isinstance(analyzer.analyze(large), list)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_for_the_largest_picture_is_bounded(tmp_path, astronaut):
    canvas = Image.new("RGB", (10_000, 10_000), (100, 110, 120))
    canvas.paste(astronaut.resize((4000, 4000)), (3000, 3000))
    canvas.save(tmp_path / "large.jpg", quality=80)
    code = (
        "import re, sys; from pathlib import Path; from agr import FaceAnalyzer\n"
        "assert len(FaceAnalyzer.from_pretrained().analyze(sys.argv[1])) == 1\n"
        # Not ru_maxrss: what a process inherits there is the size of the one that started it, pytest.
        "print(int(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1]) // 1000)"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "large.jpg")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(done.stdout) < MOST_MEGABYTES
