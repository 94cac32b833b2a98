"""What Gradio alone would let through: addresses to open, bodies of any size, and files that nobody comes back for."""

import atexit
import os
import shutil
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path

import gradio as gr
from gradio import processing_utils
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from agr.uploads import MAX_BYTES

MAX_UPLOAD_BODY = MAX_BYTES + 4_000_000
"""Bytes of one request that sends files: as many as are evaluated at once, and what separates them."""
MAX_BODY = 8_000_000
"""Bytes of any other request; the largest, a frame of the camera, has at most 2 million."""
SWEEP_SECONDS = 600
KEPT_SECONDS = 3600
"""What was asked for is deleted within minutes, by Gradio; this is for what it lost sight of."""


class Guard:
    """ASGI middleware: refuses bodies that are too large, and to pass on what lies at an address."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        path = scope["path"]
        if "://" in path.partition("/file=")[2]:
            await PlainTextResponse("Addresses are not opened.", 403)(scope, receive, send)
            return
        most = MAX_UPLOAD_BODY if path.endswith("/upload") else MAX_BODY
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > most:
            await PlainTextResponse(f"A request has at most {most} bytes.", 413)(scope, receive, send)
            return
        await self.app(scope, _counted(receive, most), send)


def _counted(receive: Receive, most: int) -> Receive:
    """For bodies that do not say their length: beyond `most` bytes the client counts as gone."""
    left = most

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        return message if left >= 0 else {"type": "http.disconnect"}

    return counted


def refuse_addresses() -> None:
    """Gradio fetches whatever public address a client names as its file, of any size; this page opens none."""

    async def refused(*_, **__):
        raise gr.Error("Addresses are not opened. Send the photo itself.")

    processing_utils.async_ssrf_protected_get = refused


def own_upload_folder() -> Path:
    """Where this process keeps uploads and results, deleted with it; by default Gradio shares one with every program.

    To be called before any component is made, for each remembers its folder.
    """
    parent = os.environ.get("GRADIO_TEMP_DIR")
    if parent:
        Path(parent).mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="agr-", dir=parent)).resolve()
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def keep_swept(folder: Path, page: gr.Blocks) -> None:
    """Every ten minutes, `sweep`, for as long as the process runs."""

    def sweep_for_ever() -> None:
        while True:
            time.sleep(SWEEP_SECONDS)
            sweep(folder, page)

    threading.Thread(target=sweep_for_ever, name="sweep", daemon=True).start()


def sweep(folder: Path, page: gr.Blocks, *, older: float = KEPT_SECONDS) -> None:
    """Delete the files in `folder` that are older than so many seconds, save those that the page itself shows.

    Gradio loses sight of uploads that break off, or come under a name that it does not know.
    """
    shown = {str(path) for block in page.blocks.values() for path in getattr(block, "keep_in_cache", ())}
    for path in folder.rglob("*"):
        with suppress(OSError):  # someone else was faster
            if path.is_file() and str(path) not in shown and time.time() - path.stat().st_ctime > older:
                path.unlink()
