"""How the page holds up under load: python -m bench.load

Visitors send 20 photos each through the HTTP interface, one after the other; the baseline is a single visitor. Memory,
threads and files are the server's.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
from gradio_client import Client, handle_file
from PIL import Image

from agr.memory import GIVE_BACK_EVERY

ROOT = Path(__file__).parents[1]
PORTRAIT = ROOT / "agr/ui/examples/astronaut.jpg"
PHOTOS = 20
VISITORS = (1, 4, 16, 32)
FEW = 4
URL = "http://127.0.0.1:7871"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder) / "uploads") as server:
        started = time.perf_counter()
        _wait_for_answer()
        print(f"The app's first answer came {time.perf_counter() - started:.1f} s after its start.\n")
        photos = _photos(Path(folder))
        rows = ["| visitors | photos a second | median, s | 95th percentile, s | slowest visitor | wrong or lost |"
                " memory, MB | threads | files |", "|---|---|---|---|---|---|---|---|---|"]  # fmt: skip
        rows += [_row(n, photos, server.pid, Path(folder) / "uploads") for n in VISITORS]
        print("\n".join(rows))
    with tempfile.TemporaryDirectory() as folder, _served(Path(folder) / "uploads") as server:
        _wait_for_answer()
        print(_lasting(_photos(Path(folder)), server.pid))


@contextmanager
def _served(uploads: Path) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "app.py", "--port", URL.rsplit(":", 1)[1]]
    environment = os.environ | {"GRADIO_TEMP_DIR": str(uploads)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL) as server:
        try:
            yield server
        finally:
            server.terminate()


def _wait_for_answer() -> None:
    for _ in range(600):
        try:
            Client(URL, verbose=False).predict(handle_file(PORTRAIT), api_name="/analyze")
            return
        except Exception:  # whatever happens while the server starts
            time.sleep(0.1)
    sys.exit("The app did not start within a minute.")


def _photos(folder: Path) -> list[tuple[Path, int]]:
    """Photos of 1280×960 pixels with one to six faces, each with its number of faces."""
    face = Image.open(PORTRAIT).crop((130, 20, 310, 220))
    photos = []
    for n in range(1, 7):
        canvas = Image.new("RGB", (1280, 960), (100, 110, 120))
        for i in range(n):
            canvas.paste(face, (60 + i % 3 * 400, 100 + i // 3 * 450))
        canvas.save(folder / f"{n}.jpg", quality=92)
        photos.append((folder / f"{n}.jpg", n))
    return photos


def _row(visitors: int, photos: list[tuple[Path, int]], pid: int, uploads: Path) -> str:
    def visit(_: int) -> list[tuple[float, bool]]:
        client, seen = Client(URL, verbose=False), []
        for i in range(PHOTOS):
            path, faces = photos[i % len(photos)]
            started = time.perf_counter()
            try:
                right = len(client.predict(handle_file(path), api_name="/analyze")["faces"]) == faces
            except Exception as error:
                print(error, file=sys.stderr)
                right = False
            seen.append((time.perf_counter() - started, right))
        return seen

    started = time.perf_counter()
    with ThreadPoolExecutor(visitors) as pool:
        answers = list(pool.map(visit, range(visitors)))
    took = time.perf_counter() - started
    times = np.array([[seconds for seconds, _ in seen] for seen in answers])
    wrong = sum(not right for seen in answers for _, right in seen)
    slowest = times.sum(axis=1).max() / np.median(times.sum(axis=1))
    memory, threads = _size_of(pid)
    files = sum(1 for path in uploads.rglob("*") if path.is_file())
    return (
        f"| {visitors} | {times.size / took:.1f} | {np.median(times):.2f} | {np.quantile(times, 0.95):.2f} |"
        f" {slowest:.2f} × the median | {wrong} | {memory} | {threads} | {files} |"
    )


def _lasting(photos: list[tuple[Path, int]], pid: int) -> str:
    """Memory that a fresh server holds after 100, 1,000 and 2,000 photos, always from `FEW` visitors at a time, each
    measured after a pause in which it returns free memory."""
    lines = [f"\n| photos, from {FEW} visitors | memory, MB | threads |", "|---|---|---|"]
    with ThreadPoolExecutor(FEW) as pool:
        clients = list(pool.map(lambda _: Client(URL, verbose=False), range(FEW)))
        done = 0
        for until in (100, 1000, 2000):
            ask = [
                pool.submit(clients[i % FEW].predict, handle_file(photos[i % len(photos)][0]), api_name="/analyze")
                for i in range(done, until)
            ]
            for asked in ask:
                asked.result()
            done = until
            time.sleep(2 * GIVE_BACK_EVERY + 1)  # long enough for one to pass in full
            memory, threads = _size_of(pid)
            lines.append(f"| {until:,} | {memory} | {threads} |")
    return "\n".join(lines)


def _size_of(pid: int) -> tuple[int, int]:
    """Resident memory in MB, and the number of threads."""
    process = psutil.Process(pid)
    return round(process.memory_info().rss / 1e6), process.num_threads()


if __name__ == "__main__":
    main()
