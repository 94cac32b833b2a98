"""The video tab in a real browser."""

import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import gradio as gr
import pytest

import agr.ui.video as module
from agr.analyzer import FaceAnalyzer
from agr.ui.received import sent
from agr.video.frames import VideoError
from tests.clips import walk, write_clip
from tests.conftest import ASTRONAUT

pytestmark = [pytest.mark.slow, pytest.mark.browser]
WAIT = 90_000


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", walk(3))


@pytest.fixture
def tab(visit):
    """tab(file, **context options) -> the page with the video tab open and the file chosen."""

    def tab(file, **options):
        page = visit(**options)
        page.set_default_timeout(WAIT)
        button = page.get_by_role("tab", name="Video")
        if button.count() == 0 or not button.first.is_visible():  # on a phone, behind three dots
            page.locator(".overflow-menu > button").first.click()
            button = page.locator(".overflow-dropdown button", has_text="Video")
        button.first.click()
        page.set_input_files("#clip input[type=file]", str(file))
        page.wait_for_selector("#clip .file-preview")
        return page

    return tab


@pytest.fixture
def slow(monkeypatch, tmp_path):
    """Five frames a second are analyzed, never more; returns how many were. Temporary files lie apart."""
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    count = [0]
    whole = FaceAnalyzer.analyze_named

    def slowly(self, images):
        for faces in whole(self, images):
            time.sleep(0.2)
            count[0] += 1
            yield faces

    monkeypatch.setattr(FaceAnalyzer, "analyze_named", slowly)
    return count


def stands_still(count: list[int]) -> bool:
    """Whether the work ends within seconds, and its files go."""
    for _ in range(20):
        before = count[0]
        time.sleep(1)
        if count[0] == before and not list(Path(tempfile.gettempdir()).iterdir()):
            return True
    return False


def test_a_video_is_answered_and_can_be_taken_home(tab, clip):
    page = tab(clip, accept_downloads=True)
    page.click("#clip-start")
    page.wait_for_selector("#clip-found table")
    assert "1 person in 3.0 seconds" in page.inner_text("#clip-status")
    row = page.inner_text("#clip-found table >> nth=0")
    assert "0.0 to 2.8 s" in row
    assert "15 frames" in row
    page.wait_for_function("document.querySelector('#clip-boxed video')?.readyState >= 1")
    width, seconds = page.evaluate(
        "(() => { const v = document.querySelector('#clip-boxed video'); return [v.videoWidth, v.duration]; })()"
    )
    assert (width, round(seconds)) == (320, 3)
    assert (
        page.locator("#clip-boxed .controls").evaluate("bar => getComputedStyle(bar).opacity") == "0.9"
    )  # no mouse there
    lane = page.locator(".agr-lane")
    lane.click(position={"x": lane.bounding_box()["width"] / 2, "y": 5})
    page.wait_for_function("Math.abs(document.querySelector('#clip-boxed video').currentTime - 1.5) < 0.1")
    page.get_by_label("Show person 1 at 0.0 seconds").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#clip-boxed video').currentTime === 0")
    assert page.query_selector("#clip-stop").is_disabled()
    page.locator(".agr-times summary").focus()
    page.keyboard.press("Enter")
    assert "0.2 s" in page.inner_text(".agr-times table")
    for name, rows in (("person", 1), ("time", 15)):
        with page.expect_download() as download:
            page.get_by_text(f"Download by {name}").click()
        assert len(Path(download.value.path()).read_text().splitlines()) == rows + 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_cannot_be_read_in_full_is_said_on_a_phone(tab, clip, tmp_path, scheme):
    path = tmp_path / "cut.mp4"
    path.write_bytes(write_clip(path, walk(3), options={"g": "10"}).read_bytes()[: path.stat().st_size * 7 // 10])
    page = tab(path, viewport={"width": 390, "height": 800}, color_scheme=scheme)
    page.click("#clip-start")
    page.wait_for_selector("#clip-found table")
    assert "cut off" in page.inner_text("#clip-status")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    contrast = page.evaluate(
        """() => {
            const light = (c) => c.match(/[\\d.]+/g).slice(0, 3).reduce((a, v) => a + v / 765, 0);
            const text = getComputedStyle(document.querySelector('.agr-people td')).color;
            return Math.abs(light(text) - light(getComputedStyle(document.body).backgroundColor));
        }"""
    )
    assert contrast > 0.5


def test_what_is_no_video_is_refused(tab, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    page = tab(tmp_path / "text.mp4")
    page.click("#clip-start")
    alert = page.wait_for_selector("#clip-status [role=alert]")
    assert "not a video" in alert.inner_text()
    assert page.query_selector("#clip-found table") is None


def started(page, slow):
    """The page when some frames are analyzed."""
    page.click("#clip-start")
    page.wait_for_selector("#clip-stop:not([disabled])")
    deadline = time.monotonic() + WAIT / 1000
    while slow[0] < 8:
        assert time.monotonic() < deadline
        page.wait_for_timeout(100)
    return page


def test_a_stop_ends_the_work_and_shows_who_was_found(tab, clip, slow, tmp_path):
    page = started(tab(write_clip(tmp_path / "long.mp4", walk(60, fps=5))), slow)
    page.focus("#clip-stop")
    page.keyboard.press("Enter")
    page.wait_for_selector("#clip-status >> text=Stopped after")
    assert stands_still(slow)
    assert slow[0] < 290
    said = page.inner_text("#clip-status")
    assert "1 person in" in said
    assert "long.mp4" in said
    assert page.query_selector("#clip-found table") is not None
    assert page.query_selector("#clip-stop").is_disabled()
    assert page.evaluate("document.activeElement.id") == "clip-start"
    assert not page.locator("#clip-boxed").get_by_text("Error").is_visible()


def test_another_file_ends_the_work_and_leaves_nothing_of_it(tab, clip, slow, tmp_path):
    page = started(tab(write_clip(tmp_path / "long.mp4", walk(60, fps=5))), slow)
    page.get_by_label("Remove this file").or_(page.get_by_label("Clear")).first.click()
    assert stands_still(slow)
    assert slow[0] < 290
    assert page.inner_text("#clip-status").strip() == ""
    page.set_input_files("#clip input[type=file]", str(clip))
    page.wait_for_selector("#clip .file-preview")
    page.click("#clip-start")
    page.wait_for_selector("#clip-found table")
    assert "seconds of clip.mp4" in page.inner_text("#clip-status")


def test_whoever_waits_for_another_visitor_is_told_and_can_stop(tab, clip, slow, tmp_path):
    first = started(tab(write_clip(tmp_path / "long.mp4", walk(60, fps=5))), slow)
    second = tab(clip)
    second.click("#clip-start")
    second.wait_for_selector("#clip-status >> text=Another visitor's video comes first.")
    second.click("#clip-stop:not([disabled])")
    second.wait_for_selector("#clip-status >> text=Stopped.")
    second.click("#clip-start")
    second.wait_for_selector("#clip-status >> text=Another visitor's video comes first.")
    first.click("#clip-stop")
    second.wait_for_selector("#clip-found table")


def test_whoever_leaves_ends_the_work_and_holds_up_nobody(tab, clip, slow, tmp_path):
    long = write_clip(tmp_path / "long.mp4", walk(60, fps=5))
    page, waiting = started(tab(long), slow), tab(long)
    waiting.click("#clip-start")
    waiting.wait_for_selector("#clip-status >> text=Another visitor's video comes first.")
    waiting.close()
    page.close()
    assert stands_still(slow)
    assert slow[0] < 290
    page = tab(clip)
    page.click("#clip-start")
    page.wait_for_selector("#clip-found table")


def answers(analyzer, path):
    return module._answers(analyzer, str(path), 5, module.Visit(), [])


def test_longer_videos_are_analyzed_up_to_the_limit(analyzer, clip, monkeypatch):
    monkeypatch.setattr(module, "LONGEST", 2.0)
    (*_, (boxed, said, _, tables, _)) = answers(analyzer, clip)
    assert boxed.endswith("boxed.mp4")
    assert "Only the first 2 seconds of its 3 were read." in said
    assert "10 frames" in tables


def test_no_file_of_this_machine_is_read():
    with pytest.raises(gr.Error, match="not sent to this page"):
        sent(SimpleNamespace(path=str(ASTRONAUT)))
    assert sent(None) is None


def test_without_room_for_the_copy_the_rest_is_shown(analyzer, clip, monkeypatch):
    def full(*_, **__):
        raise VideoError("The disk is full.")

    monkeypatch.setattr("agr.video.analysis.mp4_writer", full)
    (*_, (boxed, said, _, tables, _)) = answers(analyzer, clip)
    assert boxed is None
    assert "could not be written" in said
    assert "15 frames" in tables


def test_an_upload_that_was_deleted_meanwhile_is_said_without_its_path(analyzer, tmp_path):
    (*_, (_, said, _, _, _)) = answers(analyzer, tmp_path / "gone.mp4")
    assert "Choose it again" in said
    assert str(tmp_path) not in said


def test_faces_that_are_too_brief_for_a_person_are_not_denied(analyzer, tmp_path):
    (*_, (_, said, links, tables, _)) = answers(analyzer, write_clip(tmp_path / "brief.mp4", walk(0.4, fps=5)))
    assert "too briefly to count" in said
    assert "brief-times.csv" in links
    assert "people.csv" not in links
    assert "By time: 2 faces" in tables
    assert "– in place of a person" in tables


class TestInAnyOrder:
    """What the browser tells of the file and of the button."""

    def works(self, analyzer, path, visit, turns):
        return module._answers(analyzer, str(path), 5, visit, turns)

    def test_a_file_that_was_left_before_its_work_began_is_not_analyzed(self, analyzer, clip):
        visit, turns = module.Visit(), []
        visit.choose(str(clip))
        visit.choose(None)
        assert list(self.works(analyzer, clip, visit, turns)) == [module.UNCHANGED]
        visit.choose(str(clip))  # again
        assert "1 person" in list(self.works(analyzer, clip, visit, turns))[-1][1]
        assert (visit.works, turns) == ([], [])

    def test_a_choice_that_is_told_late_does_not_end_the_work(self, analyzer, clip):
        visit = module.Visit()
        answers = self.works(analyzer, clip, visit, [])
        next(answers)
        visit.choose(str(clip))
        assert "1 person" in list(answers)[-1][1]

    def test_another_choice_ends_it_with_nothing(self, analyzer, clip, tmp_path):
        visit = module.Visit()
        visit.choose(str(clip))
        answers = self.works(analyzer, clip, visit, [])
        next(answers)
        visit.choose(str(tmp_path / "other.mp4"))
        boxed, said, links, tables, _ = list(answers)[-1]
        assert (boxed, said, links, tables) == (None, "", "", "")

    def test_a_second_click_is_no_second_work_and_one_is_done_at_a_time(self, analyzer, clip, tmp_path):
        visit, turns = module.Visit(), []
        first = self.works(analyzer, clip, visit, turns)
        next(first)
        assert list(self.works(analyzer, clip, visit, turns)) == [module.UNCHANGED]
        second = self.works(analyzer, write_clip(tmp_path / "b.mp4", walk(1)), module.Visit(), turns)
        assert "video comes first." in next(second)[1]
        first.close()
        assert "Reading the video" in next(second)[1]
        second.close()
        assert turns == []

    def test_an_upload_is_held_while_it_waits(self, analyzer, tmp_path):
        path = write_clip(tmp_path / "mine.mp4", walk(1))
        turns = [module.Work("elsewhere")]
        answers = self.works(analyzer, path, module.Visit(), turns)
        next(answers)
        path.unlink()  # as Gradio does after minutes
        del turns[0]
        assert "1 person in 1.0 seconds of mine.mp4" in list(answers)[-1][1]
        assert list(tmp_path.iterdir()) == []
