"""The live tab in a real browser, whose camera shows a made clip: the bundled portrait moving across the picture."""

import base64
import csv
import os
import re
from pathlib import Path
from threading import Event

import gradio as gr
import pytest
from PIL import Image

from agr.analyzer import FaceAnalyzer
from agr.ui import live
from agr.ui.live import read_frame
from tests.agr.ui.conftest import WAIT
from tests.conftest import ASTRONAUT


def make_clip(path: Path, *, frames: int = 240) -> Path:
    """Motion JPEG of 640×480: the portrait goes to the right and back, slowly, for tests run on busy machines."""
    portrait = Image.open(ASTRONAUT).convert("RGB").resize((400, 400), Image.Resampling.LANCZOS)
    with path.open("wb") as stream:
        for i in range(frames):
            frame = Image.new("RGB", (640, 480), (96, 112, 122))
            there = i / frames * 2
            frame.paste(portrait, (60 + round(120 * (there if there < 1 else 2 - there)), 80))
            frame.save(stream, "JPEG", quality=92)
    return path


@pytest.fixture(scope="module")
def camera_browser(launch_browser, tmp_path_factory):
    """A second Chromium, whose camera is the clip."""
    clip = make_clip(tmp_path_factory.mktemp("clip") / "clip.mjpeg")
    launched = launch_browser("--use-fake-device-for-media-stream", f"--use-file-for-fake-video-capture={clip}")
    yield launched
    launched.close()


@pytest.fixture
def open_live(visit):
    """open_live(browser, **options of `visit`) -> the page on its live tab."""

    def open_live(chromium, **options):
        page = visit(chromium=chromium, **({"permissions": ["camera"]} | options))
        page.get_by_role("tab", name="Live").click()
        page.wait_for_selector("#live-camera [data-live=toggle]")
        return page

    return open_live


# The streams that the page was given, to see that it lets go of them.
REMEMBER = """
window.taken = [];
const ask = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => { const got = await ask(wanted); taken.push(got); return got; };
"""


def seen(page) -> str:
    return page.inner_text("#live-panel dd >> nth=0")


def start(page) -> None:
    page.get_by_role("button", name="Start camera").click()
    page.wait_for_selector("#live-camera svg [data-caption]")


@pytest.mark.slow
@pytest.mark.browser
class TestInTheBrowser:
    def test_a_face_is_boxed_counted_paused_reset_and_taken_home(self, camera_browser, open_live, tmp_path):
        page = open_live(camera_browser, script=REMEMBER, accept_downloads=True)
        assert seen(page) == "0"
        start(page)
        assert re.match(r"\d · [FM] \d", page.text_content("#live-camera text"))
        assert seen(page) == "1"
        first = page.locator("#live-camera .agr-live-box").get_attribute("x")
        page.wait_for_function(
            f"Math.abs(document.querySelector('#live-camera .agr-live-box')?.getAttribute('x') - {first}) > 30"
        )  # the box follows
        page.wait_for_selector("#live-camera svg [data-caption]")
        assert seen(page) == "1"

        page.get_by_role("button", name="Pause").click()
        assert "Paused" in page.get_by_role("status").filter(has_text="Paused").inner_text()
        assert page.locator("#live-camera svg").count() == 0
        asked = []
        page.on("request", lambda request: asked.append(request.url) if "/queue/join" in request.url else None)
        page.wait_for_timeout(1200)
        assert asked == []  # nothing is sent any more
        assert seen(page) == "1"
        assert page.evaluate("document.querySelector('#live-camera video').srcObject") is None
        assert page.evaluate("window.taken.every((stream) => !stream.active)")  # its lamp is off

        for _ in range(2):  # the same table twice
            with page.expect_download() as download:
                page.get_by_role("button", name="Download CSV").click()
            download.value.save_as(tmp_path / "people.csv")
        (row,) = csv.DictReader((tmp_path / "people.csv").read_text().splitlines())
        assert float(row["age_low"]) < float(row["age"]) < float(row["age_high"])
        assert float(row["prob_gender_Male"]) + float(row["prob_gender_Female"]) == pytest.approx(1, abs=1e-3)
        assert int(row["frames"]) >= 3

        page.get_by_role("button", name="Resume").click()
        page.wait_for_selector("#live-camera svg [data-caption]")
        assert seen(page) == "2"  # nobody is recognised: after a pause everybody is somebody else
        page.get_by_role("button", name="Pause").click()
        page.wait_for_timeout(600)
        page.get_by_role("button", name="Reset").click()
        page.wait_for_function("document.querySelector('#live-panel dd').innerText === '0'")
        page.get_by_text("The counts are reset. The camera is off.").wait_for()
        assert page.get_by_role("button", name="Start camera").is_visible()

    def test_it_keeps_up_and_leaves_no_file(self, camera_browser, open_live):
        folder = Path(os.environ["GRADIO_TEMP_DIR"])
        page = open_live(camera_browser)
        start(page)
        before = {*folder.rglob("*")}
        page.evaluate(
            """() => {
                window.answers = 0;
                document.querySelector('#live-camera').addEventListener('answer', () => { window.answers += 1; });
            }"""
        )
        page.wait_for_function("window.answers >= 20")  # in 4 s with two free cores
        assert {*folder.rglob("*")} <= before  # what others left may be deleted meanwhile

    def test_the_time_limit_stops_the_camera_and_says_how_to_go_on(self, camera_browser, open_live):
        page = open_live(
            camera_browser,
            script="const now = performance.now.bind(performance); window.skew = 0;"
            "performance.now = () => now() + window.skew;",
        )
        start(page)
        page.evaluate(f"window.skew = {live.SECONDS * 1000}")
        page.get_by_text(f"Paused after {live.SECONDS} seconds").wait_for()
        assert seen(page) == "1"
        page.get_by_role("button", name="Resume").click()
        page.wait_for_selector("#live-camera svg [data-caption]")
        page.get_by_role("tab", name="Evaluation").click()  # out of sight it stops by itself
        page.wait_for_function("!document.querySelector('#live-camera video').srcObject")
        page.get_by_role("tab", name="Live").click()
        page.get_by_text("this tab was hidden").wait_for()

    def test_by_keyboard_in_the_dark_on_a_phone(self, camera_browser, open_live):
        page = open_live(camera_browser, viewport={"width": 390, "height": 844}, color_scheme="dark")
        page.focus("#live-camera [data-live=toggle]")
        page.keyboard.press("Enter")
        page.wait_for_selector("#live-camera svg [data-caption]")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.evaluate("document.activeElement.dataset.live") == "toggle"
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.dataset.live") == "reset"
        page.keyboard.press("Shift+Tab")
        page.keyboard.press("Space")
        page.get_by_text("Paused: the camera is off").wait_for()

    def test_boxes_do_not_outlive_their_faces(self, camera_browser, open_live, monkeypatch):
        page = open_live(camera_browser)
        start(page)
        release, analyze = Event(), FaceAnalyzer.analyze

        def held(self, image):
            release.wait(60)
            return analyze(self, image)

        monkeypatch.setattr(FaceAnalyzer, "analyze", held)
        page.get_by_text("The server is slow or out of reach").wait_for()
        assert page.locator("#live-camera svg").count() == 0
        release.set()
        page.wait_for_selector("#live-camera svg [data-caption]")
        page.get_by_text("The server answers again").wait_for()

    def test_the_photos_camera_does_not_stay_on_behind_another_tab(self, camera_browser, open_live):
        page = open_live(camera_browser, script=REMEMBER)
        page.get_by_role("tab", name="Photo").click()
        page.get_by_role("button", name="Capture from camera").click()
        page.get_by_text("Click to Access Webcam").click()
        page.wait_for_function("window.taken.length === 1 && taken[0].active")
        page.get_by_role("tab", name="Evaluation").click()
        page.wait_for_function("!taken[0].active")

    def test_the_photos_camera_says_when_there_is_none(self, browser, page_url):
        page = browser.new_page()  # not by `visit`: Gradio leaves the error uncaught
        page.set_default_timeout(WAIT)
        page.goto(page_url)
        page.get_by_role("button", name="Capture from camera").click()
        page.get_by_text("Click to Access Webcam").click()
        page.get_by_role("alert").filter(has_text="No camera was found. Connect one. Or choose a photo.").wait_for()
        page.get_by_role("button", name="Upload file").click()
        page.get_by_role("alert").wait_for(state="detached")
        page.close()

    def test_a_refused_camera_says_so(self, camera_browser, open_live):
        page = open_live(camera_browser, permissions=[])
        page.get_by_role("button", name="Start camera").click()
        page.get_by_role("status").filter(has_text="was refused").wait_for()
        assert page.get_by_role("button", name="Start camera").is_enabled()

    def test_without_any_camera_it_says_so_at_once(self, browser, open_live):
        page = open_live(browser)
        page.get_by_role("status").filter(has_text="No camera was found").wait_for()


def test_a_frame_is_a_picture_a_step_and_a_start():
    sent = {"jpeg": base64.b64encode(b"picture").decode(), "step": 0.25, "start": 2}
    assert read_frame(sent) == live.SentFrame(b"picture", 0.25, 2)
    assert read_frame(sent | {"step": 1e9}).step == read_frame(sent | {"step": 10**400}).step == live.MAX_STEP


@pytest.mark.parametrize(
    "wrong",
    [{"jpeg": None}, {"jpeg": ""}, {"jpeg": "%%"}, {"jpeg": 5}, {"jpeg": "é"}, {"jpeg": "A" * (live.MAX_FRAME + 1)}]
    + [{"step": value} for value in (None, "1", True, float("nan"), float("inf"), -3)]
    + [{"start": value} for value in (None, "1", True, 1.5)],
)
def test_what_is_no_frame_is_refused_with_a_sentence(wrong):
    with pytest.raises(gr.Error, match="Expected"):
        read_frame({"jpeg": "QUJD", "step": 0.2, "start": 1} | wrong)
    with pytest.raises(gr.Error, match="Expected"):
        read_frame("nothing")
