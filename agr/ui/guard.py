"""What Gradio alone would let through: addresses to open, bodies of any size, and files that nobody comes back for."""

import atexit
import os
import secrets
import shutil
import stat
import sys
import tempfile
import threading
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import gradio as gr
from gradio import processing_utils, route_utils
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .dashboard.upload import MAX_BYTES

try:
    import fcntl
    import resource
except ImportError:  # on Windows
    fcntl = resource = None  # type: ignore[assignment]

MAX_UPLOAD_BODY = MAX_BYTES + 4_000_000
"""Bytes of one request that sends files: as many as are evaluated at once, and what separates them."""
MAX_BODY = 8_000_000
"""Bytes of any other request; the largest, a frame of the camera, has at most 2 million."""
MAX_FIELD = 10_000
"""Bytes of a form's field that is no file, and which Gradio keeps in memory; the page sends none."""
POSTS = ("upload", "queue/join", "run/predict", "cancel", "reset")
"""What may be sent to below `/gradio_api/`, beside `call/NAME`: what the page and Gradio's clients use. Gradio has
more, such as one that hands a visitor's bytes to FFmpeg."""
NOT_GOT = ("deep_link", "monitoring", "custom_component", "stream", "vibe-code", "login_check")
"""What may not be got from there: the first writes a visitor's answers to the disk, for whoever knows where."""
HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin")]
SWEEP_SECONDS = 60
KEPT_SECONDS, BOXED_SECONDS = 3600, 600
"""Gradio deletes what was uploaded or shown within ten minutes. This is for what it loses track of: uploads that broke
off (after an hour, as one may be slow), and annotated videos (after ten minutes) that were never shown to it."""
BOXED = "boxed.mp4"
UPLOADS = "agr-uploads-"
"""So begins the name of the folder of a page's uploads."""
MOST_FILES = 65_536
"""That are open at once, connections among them."""
CLOSED_SECONDS, IDLE_SECONDS = 3600, 6 * 3600
"""How long what was shown to a visitor stays in memory: Gradio too lets them come back within an hour."""


class Guard:
    """ASGI middleware: refuses bodies that are too large, to pass on what lies at an address, and what is not used."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.compressed = GZipMiddleware(app, compresslevel=6)
        """Gradio compresses its scripts, and not the page that names them (416 KB; 114 compressed)."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name = scope["path"].rpartition("/gradio_api/")[2].rstrip("/")
        if "://" in scope["path"]:
            await PlainTextResponse("Addresses are not opened.", 403)(scope, receive, send)
            return
        if scope["method"] in ("GET", "HEAD") and name.partition("/")[0] in NOT_GOT:
            await PlainTextResponse("There is nothing here.", 404)(scope, receive, send)
            return
        if scope["method"] not in ("GET", "HEAD") and name not in POSTS and not name.startswith("call/"):
            await PlainTextResponse("There is nothing here to send to.", 404)(scope, receive, send)
            return
        most = MAX_UPLOAD_BODY if name == "upload" else MAX_BODY
        length = Headers(scope=scope).get("content-length", "0")
        if not length.isdecimal() or int(length) > most:
            await PlainTextResponse(f"A request has at most {most} bytes.", 413)(scope, receive, send)
            return
        app = self.compressed if scope["path"].endswith("/") else self.app
        await app(scope, _counted(receive, most), _with_headers(send))


def _with_headers(send: Send) -> Send:
    """Files are what they say they are, and other sites are not told of this page's addresses."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *HEADERS]
        await send(message)

    return sent


def _counted(receive: Receive, most: int) -> Receive:
    """For bodies that do not say their length: beyond `most` bytes the client counts as gone."""
    left = most

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        return message if left >= 0 else {"type": "http.disconnect"}

    return counted


class _Upload(route_utils.GradioUploadFile):
    """Gradio's lies in a folder that is named after its content: whoever has the same file could see whether it was
    sent, and under which name."""

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.sha.update(secrets.token_bytes(16))


class _Parser(route_utils.GradioMultiPartParser):
    """Gradio's, with a limit for what it keeps in memory."""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._current_part
        if part.file is None and len(part.data) + end - start > MAX_FIELD:
            raise MultiPartException(
                f"A field that is no file has at most the maximum allowed size, {MAX_FIELD} bytes."
            )
        super().on_part_data(data, start, end)


_delete_files = route_utils.delete_files_created_by_app


def _delete_what_can_be(blocks: gr.Blocks, age: int | None) -> None:
    with suppress(OSError):  # or one file that is open, on Windows, would end Gradio's deleting for good
        _delete_files(blocks, age)


def restrain_gradio() -> None:
    """Gradio fetches whatever public address a client names as its file, of any size, and keeps form fields of any
    size; here it does neither, and goes on deleting files if one cannot be."""

    async def refused(*_, **__):
        raise gr.Error("Addresses are not opened. Send the photo itself.")

    processing_utils.async_ssrf_protected_get = refused
    route_utils.GradioMultiPartParser = _Parser  # type: ignore[misc]
    route_utils.GradioUploadFile = _Upload  # type: ignore[misc]
    route_utils.delete_files_created_by_app = _delete_what_can_be


def keep_to_itself(host: str | None) -> None:
    """Gradio asks itself over HTTP whether it runs, and would ask a proxy in place of itself. To be called when all has
    been downloaded: on Windows and macOS this hides the system's proxy."""
    own = ["localhost", "127.0.0.1", "::1", *([host] if host else [])]
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name, ""), *own]))


def keep_no_statistics() -> None:
    """Gradio sums up its last 10,000 events in a new table at the end of each, for a page that is not shown here: so
    every photo would be answered a little later than the one before. To be called before a page gets its queue."""
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(sys.maxsize)


def own_upload_folder() -> Path:
    """Where this process keeps uploads and results, deleted with it; by default Gradio shares one with every program.

    To be called before any component is made, for each remembers its folder.
    """
    parent = os.environ.get("GRADIO_TEMP_DIR")
    if parent:
        Path(parent).mkdir(parents=True, exist_ok=True)
    folder = _locked_folder(parent or None)
    if fcntl:
        remove_left(folder.parent)
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _locked_folder(parent: str | None) -> Path:
    """A new one, locked for as long as this process lives."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=UPLOADS, dir=parent)).resolve()
        if not fcntl:
            return folder
        with suppress(FileNotFoundError):  # another page took it for one that was left, before it was locked
            place = os.open(folder, os.O_RDONLY)
            fcntl.flock(place, fcntl.LOCK_EX)
            if folder.exists():
                return folder
            os.close(place)


def remove_left(parent: Path) -> None:
    """Delete the folders of pages that were killed: ours alone to read, and nobody has them locked."""
    for folder in parent.glob(f"{UPLOADS}*"):
        with suppress(OSError):  # somebody else's, or in use
            if stat.S_IMODE(folder.lstat().st_mode) != stat.S_IRWXU:
                continue
            place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(place)


def allow_connections() -> None:
    """As many open files as this process may have: each visitor takes some, and by default there are a thousand."""
    if resource:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):
            wanted = MOST_FILES if most == resource.RLIM_INFINITY else min(most, MOST_FILES)
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


def keep_swept(folder: Path, page: gr.Blocks) -> None:
    """Every minute, `sweep`, for as long as the process runs."""

    def sweep_for_ever() -> None:
        while True:
            time.sleep(SWEEP_SECONDS)
            with suppress(OSError):  # of a folder that vanished meanwhile; what is left comes next time
                sweep(folder, page)
            forget_visitors(page)

    threading.Thread(target=sweep_for_ever, name="sweep", daemon=True).start()


def forget_visitors(page: gr.Blocks, *, closed: float = CLOSED_SECONDS, idle: float = IDLE_SECONDS) -> None:
    """Drop the sessions, and answers that were never fetched, of those who closed the page or did nothing on it for so
    many seconds.

    Gradio keeps both, faces and all, until hundreds of others have come.
    """
    holder = getattr(page, "state_holder", None)
    if holder is None:  # not yet served
        return
    waiting = page._queue.pending_messages_per_session
    now = datetime.now()
    for name, used in list(holder.time_last_used.items()):
        session = holder.session_data.get(name)
        left = closed if session is None or session.is_closed else idle
        if (now - used).total_seconds() <= left:
            continue
        with holder.lock:
            holder.session_data.pop(name, None)
            holder.time_last_used.pop(name, None)
        waiting.pop(name, None)


def sweep(folder: Path, page: gr.Blocks, *, older: float = KEPT_SECONDS, boxed: float = BOXED_SECONDS) -> None:
    """Delete the files in `folder` that are older than so many seconds, `boxed` for those of that name, save those that
    the page itself shows, and folders that are left empty.

    Gradio loses sight of uploads that break off, or come under a name that it does not know.
    """
    shown = {str(path) for block in page.blocks.values() for path in getattr(block, "keep_in_cache", ())}
    for path in sorted(folder.rglob("*"), reverse=True):  # what lies in a folder before the folder
        with suppress(OSError):  # someone else was faster, or a folder is not empty
            kept = boxed if path.name == BOXED else older
            if str(path) in shown or time.time() - path.stat().st_ctime < kept:
                continue
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
