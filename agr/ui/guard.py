"""What Gradio alone would let through: addresses to open, and bodies of any size."""

import os
import secrets
import sys
from contextlib import suppress

import gradio as gr
from gradio import processing_utils, route_utils
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
"""Bytes of one request that sends files: as many as are evaluated at once, and what separates them."""
MAX_BODY = 8_000_000
"""Bytes of any other request; the largest, a frame of the camera, has at most 2 million."""
MAX_FIELD = 10_000
"""Bytes of a form's field that is no file, and which Gradio keeps in memory; the page sends none."""
ALLOWED_POSTS = ("upload", "queue/join", "run/predict", "cancel", "reset")
"""What may be sent to below `/gradio_api/`, beside `call/NAME`: what the page and Gradio's clients use. Gradio has
more, such as one that hands a visitor's bytes to FFmpeg."""
REFUSED_GETS = ("deep_link", "monitoring", "custom_component", "stream", "vibe-code", "login_check")
"""What may not be got from there: the first writes a visitor's answers to the disk, for whoever knows where."""
HEADERS = [(b"x-content-type-options", b"nosniff"), (b"referrer-policy", b"same-origin")]
MOST_FILES = 65_536
"""That are open at once, connections among them."""


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


def allow_connections() -> None:
    """As many open files as this process may have: each visitor takes some, and by default there are a thousand."""
    if resource:
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        with suppress(OSError, ValueError):
            wanted = MOST_FILES if most == resource.RLIM_INFINITY else min(most, MOST_FILES)
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))
