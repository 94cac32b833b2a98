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
"""Gradio deletes what was uploaded or shown within ten minutes. This is for what it loses track of: uploads that broke
off (after an hour, as one may be slow), and annotated videos (after ten minutes) that were never shown to it."""
BOXED = "boxed.mp4"
UPLOADS = "agr-uploads-"
"""So begins the name of the folder of a page's uploads."""
CLOSED_SECONDS, IDLE_SECONDS = 3600, 6 * 3600
"""How long what was shown to a visitor stays in memory: Gradio too lets them come back within an hour."""


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
