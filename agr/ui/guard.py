"""Refuses requests that Gradio would accept: to fetch URLs, with bodies of any size, to endpoints that are not used."""

import os
import secrets
import sys
from contextlib import suppress
from pathlib import Path

import gradio as gr
from gradio import processing_utils, route_utils
from PIL import Image
from starlette.datastructures import Headers
from starlette.formparsers import MultiPartException
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .dashboard.upload import MAX_BYTES

try:
    import resource
except ImportError:  # on Windows
    resource = None  # type: ignore[assignment]

MAX_UPLOAD_BODY = MAX_BYTES + 4_000_000
"""Bytes of one upload: all files that can be evaluated at once, and the multipart separators between them."""
MAX_BODY = 8_000_000
"""Bytes of any other request; the largest is a camera frame, of at most 2 million."""
MAX_FIELD = 10_000
"""Bytes of a form field that is not a file. Gradio keeps these in memory; the page sends none."""
ALLOWED_POSTS = ("upload", "queue/join", "run/predict", "cancel", "reset")
"""Endpoints below `/gradio_api/` that accept anything but GET, besides `call/NAME`: those that the page and Gradio's
clients use. Gradio has more, such as one that passes a visitor's bytes to FFmpeg."""
REFUSED_GETS = ("deep_link", "monitoring", "custom_component", "stream", "vibe-code", "login_check")
"""Endpoints there that refuse GET. The first would write a visitor's answers to the disk, for anyone who knows the
path."""
HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin")]
MOST_FILES = 65_536
"""Limit of files that are open at once; connections count as files."""


class Guard:
    """ASGI middleware: refuses requests with too large a body, with a URL to fetch, or to unused endpoints."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self.compressed = GZipMiddleware(app, compresslevel=6)
        """For the page itself (416 KB; 114 KB compressed): Gradio compresses only its scripts."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        name = scope["path"].rpartition("/gradio_api/")[2].rstrip("/")
        if "://" in scope["path"]:
            await PlainTextResponse("Addresses are not opened.", 403)(scope, receive, send)
            return
        if scope["method"] in ("GET", "HEAD") and name.partition("/")[0] in REFUSED_GETS:
            await PlainTextResponse("There is nothing here.", 404)(scope, receive, send)
            return
        if scope["method"] not in ("GET", "HEAD") and name not in ALLOWED_POSTS and not name.startswith("call/"):
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
    """Adds headers: browsers trust the declared type of a file, and do not send this page's address to other sites."""

    async def sent(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *HEADERS]
        await send(message)

    return sent


def _counted(receive: Receive, most: int) -> Receive:
    """For bodies without a declared length: after `most` bytes, the client is taken as disconnected."""
    left = most

    async def counted() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        return message if left >= 0 else {"type": "http.disconnect"}

    return counted


class _Upload(route_utils.GradioUploadFile):
    """Gradio names an upload's folder by the hash of its content, so anyone who has the same file could find out
    whether it was uploaded, and under which name. Here random bytes go into the hash."""

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.sha.update(secrets.token_bytes(16))


class _Parser(route_utils.GradioMultiPartParser):
    """Gradio's parser, with a limit on what it keeps in memory."""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._current_part
        if part.file is None and len(part.data) + end - start > MAX_FIELD:
            raise MultiPartException(
                f"A field that is no file has at most the maximum allowed size, {MAX_FIELD} bytes."
            )
        super().on_part_data(data, start, end)


_delete_files = route_utils.delete_files_created_by_app


def _delete_what_can_be(blocks: gr.Blocks, age: int | None) -> None:
    with suppress(OSError):  # on Windows, one open file would end Gradio's cleanup for good
        _delete_files(blocks, age)


_save_picture = processing_utils.save_pil_to_cache


def _save_apart(picture: Image.Image, cache_dir: str, *args, **options) -> str:
    """Gradio names a result's folder by the hash of its content, and writes an equal picture into the same file, even
    while another visitor loads it. Here each has a folder of its own."""
    return _save_picture(picture, str(Path(cache_dir) / secrets.token_hex(8)), *args, **options)


def restrain_gradio() -> None:
    """Patch Gradio, which fetches any public URL that a client names as its file, whatever its size, keeps form fields
    of any size in memory, stops its cleanup when a file cannot be deleted, and overwrites pictures that are being
    sent."""

    async def refused(*_, **__):
        raise gr.Error("Addresses are not opened. Send the photo itself.")

    processing_utils.async_ssrf_protected_get = refused
    route_utils.GradioMultiPartParser = _Parser  # type: ignore[misc]
    route_utils.GradioUploadFile = _Upload  # type: ignore[misc]
    route_utils.delete_files_created_by_app = _delete_what_can_be
    processing_utils.save_pil_to_cache = _save_apart


def keep_to_itself(host: str | None) -> None:
    """Exempt this server from proxies: Gradio checks over HTTP whether it runs, and a proxy would answer in its place.
    To be called after all downloads: on Windows and macOS, this hides the system's proxy."""
    own = ["localhost", "127.0.0.1", "::1", *([host] if host else [])]
    for name in ("no_proxy", "NO_PROXY"):
        os.environ[name] = ",".join(filter(None, [os.environ.get(name, ""), *own]))


def keep_no_statistics() -> None:
    """Switch off Gradio's event statistics. After each event it summarizes the last 10,000 in a new table, for a
    monitoring page that is not served here, so each photo would take a little longer than the one before. To be called
    before `Blocks.queue`."""
    os.environ["GRADIO_ANALYTICS_MAX_EVENTS"] = "1"
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(sys.maxsize)


def allow_connections() -> None:
    """Raise the limit of open files as far as allowed: each visitor takes some, and the default is a thousand."""
    if resource:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):
            wanted = MOST_FILES if most == resource.RLIM_INFINITY else min(most, MOST_FILES)
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
