"""How fast photos are analyzed: python -m bench.speed

The baseline is facenet-pytorch's MTCNN with its defaults, then our attribute network in torch, one face at a time; both
programs start from the encoded photo. The photos are group scenes of faces from your UTKFace (AGR_UTKFACE).
"""

import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from facenet_pytorch import MTCNN
from PIL import Image

from agr import FaceAnalyzer
from agr.align import crop_face
from agr.engine import cores
from agr.pictures import PictureSource
from agr.pretrained import find_model
from train.model import AttributeNet

from .scenes import CASES, scene, users_pictures

ROOT = Path(__file__).parents[1]
REPEATS, ROUNDS = 5, 3


class Baseline:
    """A straightforward program for the same task."""

    def __init__(self) -> None:
        torch.set_num_threads(cores())
        self.mtcnn = MTCNN(keep_all=True)
        self.net = AttributeNet.load(find_model())

    def analyze(self, jpeg: bytes) -> np.ndarray:
        """Boxes (n, 4) of the faces; the network's predictions are discarded."""
        photo = Image.open(io.BytesIO(jpeg)).convert("RGB")
        boxes, _, landmarks = self.mtcnn.detect(photo, landmarks=True)
        if boxes is None:
            return np.empty((0, 4))
        for points in landmarks:
            self.net.read(crop_face(photo, points, size=self.net.config.input_size)[None])
        return boxes


def main() -> None:
    pictures = users_pictures()
    analyzer, baseline = FaceAnalyzer.from_pretrained(), Baseline()
    print(_photos())
    print(_network(analyzer, baseline))
    print(_processes(pictures))


def _photos() -> str:
    # Each in a process of its own, as torch's waiting threads would take CPU time from the other. In turns, so that a
    # minute in which the machine is busy elsewhere affects both.
    turns = [{which: json.loads(_child(_TIMES, which)) for which in ("baseline", "here")} for _ in range(ROUNDS)]
    lines = ["| photo | baseline, ms | here, ms | times faster |", "|---|---|---|---|"]
    for name in CASES:
        before, now = (statistics.median(turn[which][name] for turn in turns) for which in ("baseline", "here"))
        lines.append(f"| {name} | {before:.0f} | {now:.0f} | {before / now:.1f} |")
    return "\n".join(lines) + "\n"


def _network(analyzer: FaceAnalyzer, baseline: Baseline) -> str:
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (16, *[analyzer.config.input_size] * 2, 3), dtype=np.uint8)
    eager = _ms(lambda: baseline.net.read(crops[:1]))
    lines = ["| network | ms a face | times faster |", "|---|---|---|", f"| torch, one face | {eager:.1f} | 1.0 |"]
    for n in (1, 8, 16):
        ms = _ms(lambda n=n: analyzer.reader.read(crops[:n])) / n
        lines.append(f"| ONNX Runtime, {n} face(s) | {ms:.1f} | {eager / ms:.1f} |")
    return "\n".join(lines) + "\n"


def _processes(pictures: PictureSource) -> str:
    """Measurements that need processes of their own: many photos on one core and on all, memory, and a cold start."""
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(24):
            made = scene(pictures, faces=4, size=(1280, 960), chip=(100, 300), seed=seed)
            (Path(folder) / f"{seed:02d}.jpg").write_bytes(made.jpeg)
        one, many = (float(_child(_MANY, folder, n)) for n in ("1", str(cores())))
        lines = ["| many photos (1280×960, 4 faces) | photos a second | times faster |", "|---|---|---|"]
        lines += [f"| one core | {one:.1f} | 1.0 |", f"| {cores()} cores | {many:.1f} | {many / one:.2f} |", ""]
        lines += ["| memory, MB | at work | at rest |", "|---|---|---|"]
        for photos, line in zip(("100 photos", "1,000"), _child(_MEMORY, folder).splitlines(), strict=True):
            lines.append(f"| after {photos} | {line.replace(' ', ' | ')} |")
        lines.append("")
        photo = str(Path(folder) / "00.jpg")
        cold = _seconds([sys.executable, "-m", "agr", "analyze", photo])
        plain = _seconds([sys.executable, "-c", _COLD, photo])
        lines += ["| one photo, cold | s | times faster |", "|---|---|---|", f"| baseline | {plain:.2f} | 1.0 |"]
        lines.append(f"| python -m agr analyze | {cold:.2f} | {plain / cold:.1f} |")
    return "\n".join(lines)


_TIMES = """
import json, sys
from agr.memory import keep_freed_memory
from bench import speed
pictures = speed.users_pictures()
if sys.argv[1] == "here":  # as the page and the commands do
    keep_freed_memory()
analyze = (speed.Baseline() if sys.argv[1] == "baseline" else speed.FaceAnalyzer.from_pretrained()).analyze
found = {}
for name, (faces, size, chip) in speed.CASES.items():
    photo = speed.scene(pictures, faces=faces, size=size, chip=chip).jpeg
    found[name] = speed._ms(lambda: analyze(photo))
print(json.dumps(found))
"""

# Analyzes a folder five times on the first n cores; prints photos per second, start-up not counted.
_MANY = """
import os, sys, time
from pathlib import Path
folder, n = sys.argv[1], int(sys.argv[2])
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:n])
from agr import FaceAnalyzer
from agr.memory import keep_freed_memory
keep_freed_memory()
analyzer = FaceAnalyzer.from_pretrained()
photos = sorted(Path(folder).iterdir())
list(analyzer.analyze_many(photos[:4]))
started = time.perf_counter()
done = sum(1 for _ in analyzer.analyze_many(photos * 5))
print(done / (time.perf_counter() - started))
"""

# Prints memory in MB at work (median over a round of the photos) and at rest, after free memory was returned.
_MEMORY = """
import statistics, sys, time
from pathlib import Path
import psutil
from agr import FaceAnalyzer
from agr.memory import GIVE_BACK_EVERY, keep_freed_memory
keep_freed_memory()
def resident():
    return psutil.Process().memory_info().rss / 1e6
analyzer = FaceAnalyzer.from_pretrained()
photos = sorted(Path(sys.argv[1]).iterdir())
some = (photos * 50)[:1000]
for part in (some[:100], some[100:]):
    taken = [resident() for _ in analyzer.analyze_many(part)]
    time.sleep(2 * GIVE_BACK_EVERY + 1)
    print(round(statistics.median(taken[-len(photos):])), round(resident()))
"""

_COLD = """
import sys
from pathlib import Path
from bench.speed import Baseline
Baseline().analyze(Path(sys.argv[1]).read_bytes())
"""


def _child(code: str, *arguments: str) -> str:
    """What a program prints, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return done.stdout


def _seconds(command: list[str]) -> float:
    def run() -> None:
        subprocess.run(command, cwd=ROOT, capture_output=True, check=True)

    return _ms(run, repeats=3) / 1000


def _ms(action: Callable[[], object], *, repeats: int = REPEATS) -> float:
    """Median of `repeats` runs, in milliseconds, after a warm-up run."""
    action()
    taken = []
    for _ in range(repeats):
        started = time.perf_counter()
        action()
        taken.append(time.perf_counter() - started)
    return 1000 * statistics.median(taken)


if __name__ == "__main__":
    main()
