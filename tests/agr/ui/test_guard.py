"""The page refuses what Gradio alone would let through, by its real HTTP interface."""

import asyncio
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest

from agr.ui import guard
from tests.agr.ui.conftest import patient_client
from tests.agr.ui.test_holds import FILE, ask
from tests.conftest import ASTRONAUT, ROOT


@pytest.fixture
def fetched(monkeypatch):
    """Addresses that Gradio's downloader was asked for, below what the page puts before it."""
    import safehttpx

    asked = []

    async def get(url, *_, **__):
        asked.append(url)
        raise OSError("not here")

    monkeypatch.setattr(safehttpx, "get", get)
    return asked


@pytest.mark.slow
class TestServed:
    @pytest.mark.parametrize("meta", [{"meta": FILE}, {}])
    def test_public_addresses_are_not_opened_either(self, page_url, fetched, meta):
        for address in ("https://example.com/a.jpg", "http://93.184.216.34/a.jpg"):
            assert "error" in ask(page_url, {"path": address, **meta})
            assert "error" in ask(page_url, {"path": "a.jpg", "url": address, **meta})
        assert fetched == []

    def test_the_page_is_no_proxy(self, page_url, fetched):
        for route in ("file=", "file/", "proxy="):
            for address in ("https://example.com/a.jpg", "https%3A%2F%2Fexample.com/a.jpg"):
                answer = httpx.get(f"{page_url}gradio_api/{route}{address}", timeout=60)
                assert (answer.status_code, answer.text) == (403, "Addresses are not opened.")
        assert fetched == []

    def test_the_page_is_sent_compressed_and_nothing_else_is(self, page_url):
        page = httpx.get(page_url, timeout=60)
        assert page.headers["content-encoding"] == "gzip"
        assert page.num_bytes_downloaded < len(page.content) / 3
        assert "content-encoding" not in httpx.get(page_url + "config", timeout=60).headers

    @pytest.mark.parametrize("name", ["process_recording", "component_server", "run/analyze", "vibe-edit", "../login"])
    def test_what_the_page_does_not_use_is_not_there(self, page_url, name):
        answer = httpx.post(page_url + "gradio_api/" + name, json={"data": []}, timeout=60)
        assert (answer.status_code, answer.text) == (404, "There is nothing here to send to.")

    def test_no_call_goes_past_the_queue(self, page_url):
        config = httpx.get(page_url + "config", timeout=60).json()
        (number,) = [each["id"] for each in config["dependencies"] if each["api_name"] == "analyze"]
        sent = {"data": [None], "fn_index": number, "session_hash": "past"}
        answer = httpx.post(page_url + "gradio_api/run/predict", json=sent, timeout=60)
        assert answer.status_code != 200
        assert "queue" in answer.text

    def test_bodies_are_limited_by_what_they_say_and_by_what_they_are(self, page_url):
        address = page_url + "gradio_api/queue/join"
        large = b" " * (guard.MAX_BODY + 1)
        assert httpx.post(address, content=large, timeout=60).status_code == 413
        assert httpx.post(page_url + "gradio_api/call/upload", content=large, timeout=60).status_code == 413
        assert httpx.get(page_url + "gradio_api/queue/status", timeout=60).status_code == 200

    def test_fields_that_are_no_files_are_limited(self, page_url):
        field = {"files": (None, "x" * (guard.MAX_FIELD + 1))}
        assert httpx.post(page_url + "gradio_api/upload", files=field, timeout=60).status_code == 413

    def test_another_visitors_file_is_not_found_by_its_content(self, page_url):
        """Folders of uploads are named by a hash of the content and of a secret of the process."""
        with ASTRONAUT.open("rb") as stream:
            (path,) = httpx.post(page_url + "gradio_api/upload", files={"files": stream}, timeout=60).json()
        from hashlib import sha256

        guessed = path.replace(path.split("/")[-2], sha256(ASTRONAUT.read_bytes()).hexdigest())
        assert guessed != path
        assert httpx.get(f"{page_url}gradio_api/file={path}", timeout=60).status_code == 200
        assert httpx.get(f"{page_url}gradio_api/file={guessed}", timeout=60).status_code in (403, 404)


@pytest.mark.parametrize(("most", "last"), [(30, "http.request"), (29, "http.disconnect")])
def test_bodies_without_a_length_end_at_the_limit(most, last):
    """As ASGI servers hand them on, in three parts of ten bytes."""

    async def receive():
        return {"type": "http.request", "body": b"0123456789", "more_body": True}

    async def all_three():
        counted = guard._counted(receive, most)
        return [(await counted())["type"] for _ in range(3)]

    with ThreadPoolExecutor(1) as pool:  # this thread may have the browser's loop
        assert pool.submit(asyncio.run, all_three()).result() == ["http.request", "http.request", last]


def test_what_gradio_lost_sight_of_is_swept_and_the_pages_own_stays(tmp_path, monkeypatch):
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    folder = guard.own_upload_folder()
    assert folder.parent == tmp_path
    assert os.environ["GRADIO_TEMP_DIR"] == str(folder)
    with gr.Blocks() as page:
        picture = gr.Image()
        gr.Examples([[str(ASTRONAUT)]], picture, cache_examples=False)
    shown = {str(path) for block in page.blocks.values() for path in block.keep_in_cache}
    assert shown
    (folder / "part").mkdir()
    (folder / "part" / "tmp123").write_bytes(b"broken off")
    guard.sweep(folder, page)
    assert (folder / "part" / "tmp123").exists()  # still young
    (folder / guard.BOXED).write_bytes(b"x")
    time.sleep(0.01)
    guard.sweep(folder, page, boxed=0)
    assert not (folder / guard.BOXED).exists()
    assert (folder / "part" / "tmp123").exists()  # an upload may take long
    guard.sweep(folder, page, older=0)
    assert {str(path) for path in folder.rglob("*") if path.is_file()} == shown
    assert not (folder / "part").exists()


def test_app_has_a_folder_of_its_own_and_sweeps_it():
    """Before the page is made, as its components remember their folder."""
    code = (ROOT / "app.py").read_text()
    assert code.index("own_upload_folder()") < code.index("build_page(analyzer") < code.index("keep_swept(")


def test_only_the_last_event_is_remembered_and_none_are_summed_up(monkeypatch):
    for name in ("GRADIO_ANALYTICS_MAX_EVENTS", "GRADIO_ANALYTICS_CACHE_FREQUENCY"):
        monkeypatch.setenv(name, "7")  # and so put back at the end
    guard.keep_no_statistics()

    def following(number: int) -> int:
        return number + 1

    with gr.Blocks(analytics_enabled=False) as page:
        gr.api(following, api_name="next")
    page.queue().launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    try:
        client = patient_client(page.local_url)
        assert [client.predict(i, api_name="/next") for i in range(4)] == [1, 2, 3, 4]
        assert len(page._queue.event_analytics) == 1
        assert page._queue.cached_event_analytics_summary == {"functions": {}}
    finally:
        page.close()


def through_guard(path, *, method="POST", headers=None, parts=(b"",)) -> list:
    """What the guard answers (a status), or, of a request that it lets through, what the page behind it receives."""
    told, left = [], iter(parts)

    async def page(scope, receive, send):
        for _ in parts:
            told.append((await receive())["type"])

    async def receive():
        return {"type": "http.request", "body": next(left), "more_body": True}

    async def send(message):
        told.extend([message["status"]] if "status" in message else [])

    lines = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "http", "method": method, "path": path, "headers": lines}
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, guard.Guard(page)(scope, receive, send)).result()
    return told


@pytest.mark.parametrize(("name", "most"), [("queue/join", guard.MAX_BODY), ("upload", guard.MAX_UPLOAD_BODY)])
def test_a_body_in_parts_is_cut_off_at_its_limit(name, most):
    assert through_guard(f"/gradio_api/{name}", parts=(bytes(most), b"x")) == ["http.request", "http.disconnect"]


@pytest.mark.parametrize("length", ["x", "-5", "1e3", str(guard.MAX_BODY + 1)])
def test_odd_lengths_are_refused(length):
    assert through_guard("/gradio_api/queue/join", headers={"content-length": length}) == [413]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("name", ["login", "a/call/b", "file=x", ""])
def test_by_no_method_is_anything_sent_elsewhere(method, name):
    assert through_guard(f"/gradio_api/{name}", method=method) == [404]


@pytest.mark.parametrize("name", ["upload", "upload/", "queue/join", "run/predict", "cancel", "reset", "call/analyze"])
def test_what_the_page_uses_is_let_through(name):
    assert through_guard(f"/gradio_api/{name}") == ["http.request"]


def test_a_field_in_many_pieces_is_limited_too():
    parser = object.__new__(guard._Parser)
    parser.upload_progress = None
    parser._current_part = SimpleNamespace(file=None, data=bytearray())
    parser.on_part_data(bytes(guard.MAX_FIELD), 0, guard.MAX_FIELD)
    with pytest.raises(guard.MultiPartException):
        parser.on_part_data(b"x", 0, 1)


def test_files_go_after_an_hour_and_boxed_videos_after_ten_minutes(tmp_path, monkeypatch):
    (tmp_path / "photo.jpg").write_bytes(b"x")
    (tmp_path / guard.BOXED).write_bytes(b"x")
    now = time.time()
    for later, left in ((590, 2), (610, 1), (3590, 1), (3610, 0)):
        monkeypatch.setattr(guard.time, "time", lambda later=later: now + later)
        guard.sweep(tmp_path, SimpleNamespace(blocks={}))
        assert len(list(tmp_path.iterdir())) == left


def test_sweeping_goes_on_after_an_error(tmp_path, monkeypatch):
    swept, thrice = [], threading.Event()

    def sweep(*_):
        swept.append(1)
        if len(swept) < 3:
            raise OSError
        thrice.set()
        threading.Event().wait()  # no fourth time

    monkeypatch.setattr(guard, "sweep", sweep)
    monkeypatch.setattr(guard, "SWEEP_SECONDS", 0)
    guard.keep_swept(tmp_path, None)
    assert thrice.wait(10)


def test_what_visitors_were_shown_is_forgotten():
    from datetime import datetime, timedelta

    ago = {"closed": 2, "open": 2, "new": 0, "left open": 7}
    holder = SimpleNamespace(lock=threading.Lock(), session_data={}, time_last_used={})
    for name, hours in ago.items():
        holder.session_data[name] = SimpleNamespace(is_closed=name == "closed")
        holder.time_last_used[name] = datetime.now() - timedelta(hours=hours)
    queue = SimpleNamespace(pending_messages_per_session=dict.fromkeys(ago))
    guard.forget_visitors(SimpleNamespace(state_holder=holder, _queue=queue))
    for kept in (holder.session_data, holder.time_last_used, queue.pending_messages_per_session):
        assert set(kept) == {"open", "new"}
    guard.forget_visitors(SimpleNamespace(state_holder=None))  # of a page that is not served


@pytest.mark.skipif(guard.fcntl is None, reason="Windows has no such locks")
def test_folders_of_pages_that_were_killed_are_removed_and_others_are_not(tmp_path, monkeypatch):
    (tmp_path / "agr-uploads-left").mkdir(mode=0o700)
    (tmp_path / "agr-uploads-left" / "deep").mkdir()
    (tmp_path / "agr-uploads-left" / "deep" / "jane.jpg").touch()
    for name in ("other", "agr-results"):
        (tmp_path / name).mkdir(mode=0o700)
    (tmp_path / "agr-uploads-of-mine").mkdir(mode=0o755)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    first = guard.own_upload_folder()
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    second = guard.own_upload_folder()
    assert {each.name for each in tmp_path.iterdir()} == {
        *("other", "agr-results", "agr-uploads-of-mine"),
        *(first.name, second.name),
    }


@pytest.mark.skipif(guard.fcntl is None, reason="Windows has no such locks")
def test_a_folder_that_another_page_took_for_a_left_one_is_made_anew(tmp_path, monkeypatch):
    flock = guard.fcntl.flock
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

    monkeypatch.setattr(guard.fcntl, "flock", overtaken)
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    folder = guard.own_upload_folder()
    assert folder.is_dir()
    assert len({*taken, folder}) == 3


@pytest.mark.slow
def test_answers_say_that_files_are_what_they_are_called(page_url):
    answer = httpx.get(page_url, timeout=60)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["deep_link?session_hash=x", "monitoring", "vibe-code/"])
def test_what_the_page_does_not_use_is_not_there(page_url, name):
    assert httpx.get(f"{page_url}gradio_api/{name}", timeout=60).text == "There is nothing here."


@pytest.mark.slow
def test_the_same_file_lies_elsewhere_each_time(page_url):
    def sent() -> str:
        return httpx.post(f"{page_url}gradio_api/upload", files={"files": ("a.jpg", b"the same")}, timeout=60).json()[0]

    assert sent() != sent()
