"""Uploads lie in a folder of the process, and are deleted when nobody needs them."""

import os
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

from agr.ui import uploads
from tests.conftest import ASTRONAUT, ROOT


def test_what_gradio_lost_sight_of_is_swept_and_the_pages_own_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    folder = uploads.own_upload_folder()
    assert folder.parent == tmp_path
    assert os.environ["GRADIO_TEMP_DIR"] == str(folder)
    with gr.Blocks() as page:
        picture = gr.Image()
        gr.Examples([[str(ASTRONAUT)]], picture, cache_examples=False)
    shown = {str(path) for block in page.blocks.values() for path in block.keep_in_cache}
    assert shown
    (folder / "part").mkdir()
    (folder / "part" / "tmp123").write_bytes(b"broken off")
    uploads.sweep(folder, page)
    assert (folder / "part" / "tmp123").exists()  # still young
    (folder / uploads.BOXED).write_bytes(b"x")
    time.sleep(0.01)
    uploads.sweep(folder, page, boxed=0)
    assert not (folder / uploads.BOXED).exists()
    assert (folder / "part" / "tmp123").exists()  # an upload may take long
    uploads.sweep(folder, page, older=0)
    assert {str(path) for path in folder.rglob("*") if path.is_file()} == shown
    assert not (folder / "part").exists()


def test_app_has_a_folder_of_its_own_and_sweeps_it():
    """Before the page is made, as its components remember their folder."""
    code = (ROOT / "app.py").read_text()
    assert code.index("own_upload_folder()") < code.index("build_page(analyzer") < code.index("keep_swept(")


def test_files_go_after_an_hour_and_boxed_videos_after_ten_minutes(tmp_path, monkeypatch):
    (tmp_path / "photo.jpg").write_bytes(b"x")
    (tmp_path / uploads.BOXED).write_bytes(b"x")
    now = time.time()
    for later, left in ((590, 2), (610, 1), (3590, 1), (3610, 0)):
        monkeypatch.setattr(uploads.time, "time", lambda later=later: now + later)
        uploads.sweep(tmp_path, SimpleNamespace(blocks={}))
        assert len(list(tmp_path.iterdir())) == left


def test_sweeping_goes_on_after_an_error(tmp_path, monkeypatch):
    swept, thrice = [], threading.Event()

    def sweep(*_):
        swept.append(1)
        if len(swept) < 3:
            raise OSError
        thrice.set()
        threading.Event().wait()  # no fourth time

    monkeypatch.setattr(uploads, "sweep", sweep)
    monkeypatch.setattr(uploads, "SWEEP_SECONDS", 0)
    uploads.keep_swept(tmp_path, None)
    assert thrice.wait(10)


def test_every_minute_files_are_swept_and_visitors_forgotten(tmp_path, monkeypatch):
    done, twice = [], threading.Event()

    def wait(seconds):
        done.append(seconds)
        if len(done) == 7:
            twice.set()
            threading.Event().wait()

    monkeypatch.setattr(uploads, "time", SimpleNamespace(sleep=wait))
    monkeypatch.setattr(uploads, "sweep", lambda *args: done.append(args))
    monkeypatch.setattr(uploads, "forget_visitors", done.append)
    uploads.keep_swept(tmp_path, "page")
    assert twice.wait(10)
    assert done == [60, (tmp_path, "page"), "page"] * 2 + [60]


def test_what_visitors_were_shown_is_forgotten():
    from datetime import datetime, timedelta

    ago = {"closed": 2, "open": 2, "new": 0, "left open": 7}
    holder = SimpleNamespace(lock=threading.Lock(), session_data={}, time_last_used={})
    for name, hours in ago.items():
        holder.session_data[name] = SimpleNamespace(is_closed=name == "closed")
        holder.time_last_used[name] = datetime.now() - timedelta(hours=hours)
    queue = SimpleNamespace(pending_messages_per_session=dict.fromkeys(ago))
    uploads.forget_visitors(SimpleNamespace(state_holder=holder, _queue=queue))
    for kept in (holder.session_data, holder.time_last_used, queue.pending_messages_per_session):
        assert set(kept) == {"open", "new"}
    uploads.forget_visitors(SimpleNamespace(state_holder=None))  # of a page that is not served


@pytest.mark.skipif(uploads.fcntl is None, reason="Windows has no such locks")
def test_folders_of_pages_that_were_killed_are_removed_and_others_are_not(tmp_path, monkeypatch):
    (tmp_path / "agr-uploads-left").mkdir(mode=0o700)
    (tmp_path / "agr-uploads-left" / "deep").mkdir()
    (tmp_path / "agr-uploads-left" / "deep" / "jane.jpg").touch()
    for name in ("other", "agr-results"):
        (tmp_path / name).mkdir(mode=0o700)
    (tmp_path / "agr-uploads-of-mine").mkdir(mode=0o755)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    first = uploads.own_upload_folder()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    second = uploads.own_upload_folder()
    assert {each.name for each in tmp_path.iterdir()} == {
        *("other", "agr-results", "agr-uploads-of-mine"),
        *(first.name, second.name),
    }


@pytest.mark.skipif(uploads.fcntl is None, reason="Windows has no such locks")
def test_a_folder_that_another_page_took_for_a_left_one_is_made_anew(tmp_path, monkeypatch):
    flock = uploads.fcntl.flock
    taken = []

    def overtaken(place, kind):
        if len(taken) == 1:
            taken.extend(tmp_path.iterdir())
            taken[1].rmdir()
        flock(place, kind)

    def opened(path, *rest):
        if not taken and tmp_path in Path(path).parents:
            taken.append(Path(path))
            taken[0].rmdir()
        return real_open(path, *rest)

    real_open = os.open
    monkeypatch.setattr(os, "open", opened)

    monkeypatch.setattr(uploads.fcntl, "flock", overtaken)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    folder = uploads.own_upload_folder()
    assert folder.is_dir()
    assert len({*taken, folder}) == 3
