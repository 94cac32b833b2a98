"""The page refuses what Gradio alone would let through, by its real HTTP interface."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import httpx
import pytest
from gradio import processing_utils
from PIL import Image

from agr.ui import guard
from tests.agr.ui.conftest import FILE, ask, patient_client, upload
from tests.conftest import ASTRONAUT


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
        path = upload(page_url, ASTRONAUT)
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


@pytest.mark.parametrize("kind", ["lifespan", "websocket"])
def test_what_is_no_request_passes_as_it_is(kind):
    """Gradio's queue begins with the server's life span."""
    told = []

    async def page(*args):
        told.append(args)

    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, guard.Guard(page)({"type": kind}, "receive", "send")).result()
    assert told == [({"type": kind}, "receive", "send")]


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


def test_equal_pictures_are_not_written_over_each_other(tmp_path):
    """Two visitors may try the example at once, and one of them would get half a picture."""
    guard.restrain_gradio()
    picture = Image.new("RGB", (30, 20), "red")
    paths = [Path(processing_utils.save_pil_to_cache(picture, str(tmp_path), format="jpeg")) for _ in range(2)]
    assert paths[0] != paths[1]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert all(tmp_path in path.parents for path in paths)


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
    assert upload(page_url, ASTRONAUT) != upload(page_url, ASTRONAUT)
