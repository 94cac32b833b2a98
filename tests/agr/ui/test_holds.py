"""Nobody gets at what is not theirs, and whoever does odd things disturbs nobody: through the real HTTP interface."""

import http.server
import re
import threading
from concurrent.futures import ThreadPoolExecutor

import gradio as gr
import httpx
import pytest
from gradio_client import handle_file

from agr.config import ModelError
from tests.agr.ui.conftest import FILE, ask, patient_client, upload
from tests.conftest import ASTRONAUT, ROOT

pytestmark = pytest.mark.slow


@pytest.fixture
def outside(tmp_path):
    """A picture on this machine that no visitor sent."""
    (tmp_path / "private.jpg").write_bytes(ASTRONAUT.read_bytes())
    return tmp_path / "private.jpg"


@pytest.fixture
def inner_server(outside):
    """A server that only this machine reaches; yields its address and the paths that it was asked for."""
    asked = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(outside.read_bytes())

        do_HEAD = do_GET

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()


def test_a_photo_that_was_sent_is_answered(page_url):
    assert '"faces"' in ask(page_url, {"path": upload(page_url, ASTRONAUT), "meta": FILE})


@pytest.mark.parametrize("meta", [{"meta": FILE}, {}, {"meta": {}}, {"meta": {"_type": "x"}}])
@pytest.mark.parametrize("form", ["{}", "file:{}", "file://{}", "/../../../../../../..{}", "{}?x"])
def test_no_file_of_this_machine_is_read(page_url, outside, form, meta):
    said = ask(page_url, {"path": form.format(outside), **meta})
    assert '"faces"' not in said
    assert "error" in said


def test_no_file_of_the_project_is_read(page_url):
    for path in (ASTRONAUT, ROOT / "agr/weights/config.json"):
        assert '"faces"' not in ask(page_url, {"path": str(path)})


@pytest.mark.parametrize("meta", [{"meta": FILE}, {}])
def test_no_address_is_opened(page_url, inner_server, meta):
    address, asked = inner_server
    port = address.rsplit(":", 1)[1]
    for host in (address, f"http://localhost:{port}", f"http://[::ffff:127.0.0.1]:{port}", f"http://2130706433:{port}"):
        assert '"faces"' not in ask(page_url, {"path": f"{host}/a.jpg", **meta})
        assert '"faces"' not in ask(page_url, {"path": "a.jpg", "url": f"{host}/b.jpg", **meta})
    assert '"faces"' not in ask(page_url, {"path": "http://169.254.169.254/latest/meta-data", **meta})
    assert asked == []


@pytest.mark.parametrize("sent", [5, "x", [], {"a": 1}, True, {"path": None}, {"path": 5}, None, "\0"])
def test_odd_requests_get_an_error_and_the_next_visitor_an_answer(page_url, sent):
    assert '"faces"' not in ask(page_url, sent)
    assert patient_client(page_url).predict(handle_file(ASTRONAUT), api_name="/analyze")["faces"]


@pytest.mark.parametrize("route", ["file=", "file/"])
@pytest.mark.parametrize("path", ["agr/weights/config.json", "../../etc/hostname", "/etc/hostname", "requirements.txt"])
def test_no_file_is_served(page_url, route, path):
    target = path if path.startswith(("/", ".")) else str(ROOT / path)
    assert httpx.get(f"{page_url}gradio_api/{route}{target}", timeout=60).status_code in (403, 404, 405)


def test_too_large_an_upload_is_refused(page_url):
    answer = httpx.post(page_url + "gradio_api/upload", files={"files": b"\0" * 45_000_000}, timeout=120)
    assert answer.status_code == 413


def test_a_photo_of_twelve_megabytes_is_taken(page_url):
    answer = httpx.post(page_url + "gradio_api/upload", files={"files": b"\0" * 12_000_000}, timeout=120)
    assert answer.status_code == 200


def test_a_client_that_vanishes_disturbs_nobody(page_url):
    path = upload(page_url, ASTRONAUT)
    root = page_url + "gradio_api/call/analyze"
    for _ in range(20):
        event = httpx.post(root, json={"data": [{"path": path, "meta": FILE}]}, timeout=60).json()["event_id"]
        with httpx.stream("GET", f"{root}/{event}", timeout=60):
            pass  # gone before the answer
    assert '"faces"' in ask(page_url, {"path": path, "meta": FILE})


def test_cancelled_requests_leave_the_queue_to_others(page_url):
    """Each with its own words: joined, and cancelled while waiting or in work."""
    config = httpx.get(page_url + "config", timeout=60).json()
    (number,) = [each["id"] for each in config["dependencies"] if each["api_name"] == "analyze"]
    path = upload(page_url, ASTRONAUT)
    sent = {"data": [{"path": path, "meta": FILE}], "fn_index": number, "session_hash": "cancelling"}
    joined = [httpx.post(page_url + "gradio_api/queue/join", json=sent, timeout=60).json() for _ in range(30)]
    for event in joined:
        body = {"session_hash": "cancelling", "fn_index": number, "event_id": event["event_id"]}
        assert httpx.post(page_url + "gradio_api/cancel", json=body, timeout=60).json() == {"success": True}
    assert httpx.get(page_url + "gradio_api/queue/status", timeout=60).json()["queue_size"] == 0
    assert '"faces"' in ask(page_url, {"path": path, "meta": FILE})


@pytest.mark.browser
def test_who_waits_sees_place_and_time(visit, page_url, astronaut, tmp_path):
    """Behind 24 large photos of others."""
    astronaut.resize((4000, 3000)).save(tmp_path / "large.jpg")
    page = visit()
    page.evaluate(
        """() => { window.seen = ''; new MutationObserver(() => { window.seen += document.body.innerText + '\\n'; })
        .observe(document.body, {subtree: true, childList: true, characterData: true}); }"""
    )
    path = upload(page_url, tmp_path / "large.jpg")
    for _ in range(24):
        sent = {"data": [{"path": path, "meta": FILE}]}
        httpx.post(page_url + "gradio_api/call/analyze", json=sent, timeout=60).raise_for_status()
    page.set_input_files("#photo input[type=file]", ASTRONAUT)
    page.wait_for_selector("#cards .agr-card, #cards article", timeout=120_000)
    place = re.findall(r"queue: (\d+)/(\d+)", page.evaluate("window.seen"))
    assert place
    assert all(int(mine) <= int(all_) for mine, all_ in place)
    assert int(place[0][1]) > 3


def test_many_visitors_at_once_all_get_their_own_answer(page_url, astronaut, tmp_path):
    """Each sends another number of faces, and must hear that number."""
    from PIL import Image

    def visitor(n: int) -> list[int]:
        canvas = Image.new("RGB", (4 * 200, 200), (100, 110, 120))
        for i in range(n):
            canvas.paste(astronaut.crop((130, 20, 310, 220)).resize((144, 160)), (200 * i + 20, 20))
        canvas.save(tmp_path / f"{n}.png")
        client = patient_client(page_url)
        return [len(client.predict(handle_file(tmp_path / f"{n}.png"), api_name="/analyze")["faces"]) for _ in range(3)]

    with ThreadPoolExecutor(16) as pool:
        counts = list(pool.map(visitor, [1, 2, 3, 4] * 4))
    assert counts == [[n] * 3 for n in [1, 2, 3, 4] * 4]


def test_a_full_disk_is_said_and_survived(page_url, monkeypatch, tmp_path):
    import gradio.route_utils

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(gradio.route_utils.GradioUploadFile, "__init__", full)
        answer = httpx.post(page_url + "gradio_api/upload", files={"files": b"x"}, timeout=60)
        assert answer.status_code >= 400
    assert '"faces"' in ask(page_url, {"path": upload(page_url, ASTRONAUT), "meta": FILE})


def test_no_file_of_this_machine_is_evaluated(analyzer, outside):
    from agr.ui.dashboard.own import Evaluation, evaluate_own

    with pytest.raises(gr.Error, match="not sent"):
        list(evaluate_own(analyzer, None, [str(outside)], Evaluation(), gr.Progress()))
    assert [file.name for file in outside.parent.iterdir()] == ["private.jpg"]


def test_without_a_model_the_page_says_so_and_shows_the_reports():
    from agr.ui.page import build_page, launch, reports_of

    page = build_page(ModelError("The Hub cannot be reached."), reports_of(ROOT / "eval_reports"))
    launch(page, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    try:
        shown = httpx.get(page.local_url + "config", timeout=60).text
        assert "The Hub cannot be reached." in shown
        assert "mobilenet_v2_stage1" in shown
        assert 'elem_id":"photo' not in shown.replace(" ", "")
    finally:
        page.close()


def test_a_folder_beside_the_uploads_is_not_theirs(tmp_path, monkeypatch):
    from agr.ui.received import uploaded

    for name in ("uploads", "uploads-of-others"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.jpg").write_bytes(b"x")
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    assert uploaded(str(tmp_path / "uploads" / "a.jpg"))
    for path in (tmp_path / "uploads-of-others" / "a.jpg", tmp_path / "uploads" / ".." / "uploads-of-others" / "a.jpg"):
        with pytest.raises(gr.Error, match="not sent"):
            uploaded(str(path))
