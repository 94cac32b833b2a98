"""What the tests share: a real portrait that may be shown, the bundled model, the user's UTKFace."""

import io
import os
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from pillow_heif import register_heif_opener

from tests.hub import WRITE, fake_hub

ROOT = Path(__file__).parent.parent
ASTRONAUT = ROOT / "agr" / "ui" / "examples" / "astronaut.jpg"

register_heif_opener()  # here to write them
os.environ["HF_HUB_OFFLINE"] = "1"  # no test may lean on the network
os.environ.setdefault("OMP_NUM_THREADS", "1")  # networks of 32 pixels: a second thread of torch only waits


@pytest.fixture(scope="session")
def astronaut() -> Image.Image:
    return Image.open(ASTRONAUT).convert("RGB")


@pytest.fixture(scope="session")
def analyzer():
    from agr import FaceAnalyzer

    return FaceAnalyzer.from_pretrained()


@pytest.fixture(scope="session")
def bundled_report():
    """The report of the bundled model."""
    from agr.evaluation.report import EvalReport

    return EvalReport.load(ROOT / "eval_reports" / "mobilenet_v2")


@pytest.fixture(scope="session")
def utkface():
    """The user's own UTKFace; the tests on it are skipped without one (CI sets it)."""
    path = os.environ.get("AGR_UTKFACE")
    if not path:
        pytest.skip("AGR_UTKFACE is not set")
    from agr.pictures import PictureSource

    return PictureSource(Path(path))


@pytest.fixture
def hub(monkeypatch):
    """A Hugging Face Hub on this machine, for the real client in this process: no Xet, and no waiting to try again."""
    from huggingface_hub import constants
    from huggingface_hub.utils import _http, disable_progress_bars

    disable_progress_bars()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "nowhere")
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(_http, "time", SimpleNamespace(**vars(time) | {"sleep": lambda seconds: None}))
    with fake_hub() as served:
        yield served


@pytest.fixture
def api(hub):
    """The client of somebody who may write there."""
    from huggingface_hub import HfApi

    return HfApi(endpoint=hub.url, token=WRITE)


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)


@pytest.fixture(scope="session")
def encoded():
    """Encode a picture: encoded(image, "PNG") -> bytes."""

    def encode(image: Image.Image, format: str, **options) -> bytes:
        buffer = io.BytesIO()
        image.save(buffer, format, **options)
        return buffer.getvalue()

    return encode
