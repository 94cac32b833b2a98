"""Where visitors' uploads and results lie, and how they and forgotten sessions are deleted."""

import atexit
import os
import shutil
import stat
import tempfile
import threading
import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import gradio as gr

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

SWEEP_SECONDS = 60
KEPT_SECONDS, BOXED_SECONDS = 3600, 600
"""Age at which `sweep` deletes files. Gradio itself deletes uploads and results within ten minutes. This is for those
that it loses track of: interrupted uploads (after an hour, as an upload may be slow), and annotated videos that were
never handed to it (after ten minutes)."""
BOXED = "boxed.mp4"
UPLOADS = "agr-uploads-"
"""Prefix of the name of the folder in which a process keeps its uploads."""
CLOSED_SECONDS, IDLE_SECONDS = 3600, 6 * 3600
"""How long a visitor's session stays in memory after they closed the page, and after their last action. Gradio too
lets them come back within an hour."""


def own_upload_folder() -> Path:
    """Make the folder where this process keeps uploads and results, and which is deleted when it ends. By default, all
    programs that use Gradio share one.

    To be called before any component is created, as each remembers the folder.
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
    """A new folder, locked for as long as this process runs."""
    while True:
        folder = Path(tempfile.mkdtemp(prefix=UPLOADS, dir=parent)).resolve()
        if not fcntl:
            return folder
        with suppress(FileNotFoundError):  # before it was locked, another process took it for an abandoned one
            place = os.open(folder, os.O_RDONLY)
            fcntl.flock(place, fcntl.LOCK_EX)
            if folder.exists():
                return folder
            os.close(place)


def remove_left(parent: Path) -> None:
    """Delete the folders of processes that were killed: those that only we may read, and that nobody has locked."""
    for folder in parent.glob(f"{UPLOADS}*"):
        with suppress(OSError):  # another user's, or locked
            if stat.S_IMODE(folder.lstat().st_mode) != stat.S_IRWXU:
                continue
            place = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(place)


def keep_swept(folder: Path, page: gr.Blocks) -> None:
    """Start a thread that calls `sweep` and `forget_visitors` every minute."""

    def sweep_for_ever() -> None:
        while True:
            time.sleep(SWEEP_SECONDS)
            with suppress(OSError):  # a folder vanished in the meantime; the rest is swept next time
                sweep(folder, page)
            forget_visitors(page)

    threading.Thread(target=sweep_for_ever, name="sweep", daemon=True).start()


def forget_visitors(page: gr.Blocks, *, closed: float = CLOSED_SECONDS, idle: float = IDLE_SECONDS) -> None:
    """Drop the sessions, and the answers that were never fetched, of visitors who closed the page `closed` seconds ago,
    or have done nothing for `idle` seconds.

    Gradio keeps both, with the faces in them, until hundreds of other visitors have come.
    """
    holder = getattr(page, "state_holder", None)
    if holder is None:  # the page is not served yet
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
    """Delete the files in `folder` that are older than so many seconds (`boxed`: annotated videos, `older`: all
    others), except those that the page itself shows, and then empty folders.

    Gradio loses track of uploads that are interrupted, or come under a name that it does not know.
    """
    shown = {str(path) for block in page.blocks.values() for path in getattr(block, "keep_in_cache", ())}
    for path in sorted(folder.rglob("*"), reverse=True):  # files before their folder
        with suppress(OSError):  # deleted by someone else in the meantime, or a folder that is not empty
            kept = boxed if path.name == BOXED else older
            if str(path) in shown or time.time() - path.stat().st_ctime < kept:
                continue
            if path.is_dir():
                path.rmdir()
            else:
                path.unlink()
