"""How many photos of a collection are analyzed per hour: python -m bench.collection

The baseline is one core. Photos of 2 megapixels are scenes of one to four faces from your UTKFace (AGR_UTKFACE); chips
are its pictures as they are. Figures for many cores are extrapolated, as photos are divided among the cores and no core
waits for another.
"""

import os
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

from agr.collection import analyze_collection
from agr.engine import cores
from agr.pictures import PictureSource

from .scenes import scene, users_pictures

FACES = (1, 2, 2, 4)
"""Number of faces in successive scenes: 2.25 on average."""
SCENES, CHIPS = 480, 3000
MANY = (100, 1000)


def main() -> None:
    pictures = users_pictures()
    computed = " | ".join(f"{n:,} cores, computed" for n in MANY)
    print(f"| photos an hour | one core | {cores()} cores | times | {computed} |")
    print("|---|---|---|---|---|---|")
    for name, photos in (("2 megapixels, 2.25 faces each", _scenes(pictures)), ("chips", _chips(pictures))):
        with TemporaryDirectory() as folder:
            for number, content in enumerate(photos):
                (Path(folder) / f"{number:05d}.jpg").write_bytes(content)
            one, all_ = (_an_hour(Path(folder), n) for n in (1, cores()))
        more = " | ".join(f"{all_ / cores() * n / 1e6:,.1f} million" for n in MANY)
        print(f"| {name} | {one:,.0f} | {all_:,.0f} | {all_ / one:.2f} | {more} |", flush=True)


def _scenes(pictures: PictureSource) -> Iterator[bytes]:
    made = [
        scene(pictures, faces=FACES[seed % len(FACES)], size=(1600, 1200), chip=(100, 400), seed=seed).jpeg
        for seed in range(24)
    ]
    return (made[i % len(made)] for i in range(SCENES))


def _chips(pictures: PictureSource) -> Iterator[bytes]:
    return (content for _, content in islice(pictures.read(), CHIPS))


def _an_hour(folder: Path, workers: int) -> float:
    """Photos per hour, including the start of the workers."""
    before = os.environ.get("AGR_CORES", "")  # empty counts as unset
    os.environ["AGR_CORES"] = str(workers)
    cores.cache_clear()
    try:
        started = time.perf_counter()
        with TemporaryDirectory() as output:
            counts = analyze_collection([folder], Path(output) / "faces.parquet")
        return counts.photos / (time.perf_counter() - started) * 3600
    finally:
        os.environ["AGR_CORES"] = before
        cores.cache_clear()


if __name__ == "__main__":
    main()
