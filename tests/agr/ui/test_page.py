"""The page in a real browser, and its endpoint from a program."""

import json
import os
import re
import time
from pathlib import Path

import gradio as gr
import pytest
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageOps

from agr.ui.page import build_page
from tests.agr.ui.conftest import patient_client
from tests.conftest import ASTRONAUT

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def drop(page, file) -> str:
    """Put a file into the photo's input, as a drop does; returns the sentence that comes."""
    page.set_input_files("#photo input[type=file]", str(file))
    page.wait_for_selector("#status p")
    return page.inner_text("#status p")


@pytest.fixture
def crowd(astronaut, tmp_path):
    """Thirty faces on one canvas."""
    face = astronaut.crop((130, 20, 310, 220)).resize((144, 160))
    canvas = Image.new("RGB", (6 * 170, 5 * 180), (100, 110, 120))
    for i in range(30):
        canvas.paste(face, (i % 6 * 170 + 10, i // 6 * 180 + 10))
    canvas.save(tmp_path / "crowd.png")
    return tmp_path / "crowd.png"


def test_a_photo_is_answered_and_can_be_taken_home(visit, tmp_path):
    page = visit(accept_downloads=True)
    assert "1 face" in drop(page, ASTRONAUT)
    card = page.wait_for_selector(".agr-card")
    text = card.inner_text()
    assert "Female" in text
    assert "80 % likely" in text
    assert page.query_selector("#boxed img").get_attribute("src")
    for name in ("JSON", "CSV"):
        with page.expect_download() as download:
            page.get_by_text(f"Download {name}").click()
        download.value.save_as(tmp_path / name)
    result = json.loads(Path(tmp_path / "JSON").read_text())
    assert result["faces"][0]["gender"] == "Female"
    assert (tmp_path / "CSV").read_text().startswith("face,box_left")


def test_a_photo_that_comes_while_another_one_is_sent_is_next(visit, tmp_path):
    Image.new("RGB", (300, 300), "green").save(tmp_path / "meadow.png")
    page = visit()
    held = []
    page.route(lambda url: "/upload?" in url, lambda route: held.append(route) if not held else route.continue_())
    page.set_input_files("#photo input[type=file]", str(tmp_path / "meadow.png"))
    while not held:
        page.wait_for_timeout(50)
    page.locator("#example button").click()
    page.get_by_text("The photo before is still being sent. This one comes next.").wait_for()
    held[0].continue_()
    page.locator("#status p", has_text="1 face").wait_for()
    page.locator(".agr-card").wait_for()
    assert page.get_by_text("still being sent").count() == 0


def test_of_several_files_one_is_analyzed_and_the_page_says_which(visit):
    page = visit()
    page.evaluate(
        """async () => {
            const data = new DataTransfer();
            const content = await (await fetch(document.querySelector('#example img').src)).blob();
            for (const name of ['a.jpg', 'b.jpg']) data.items.add(new File([content], name, {type: 'image/jpeg'}));
            const drop = new DragEvent('drop', {dataTransfer: data, bubbles: true});
            document.querySelector('#photo button').dispatchEvent(drop);
        }"""
    )
    page.locator("#status p", has_text="1 face").wait_for()
    assert page.get_by_text("Of 2 files only a.jpg is analyzed.").is_visible()


def test_what_cannot_be_read_says_so_and_the_next_photo_works(visit, tmp_path):
    page = visit()
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    page.set_input_files("#photo input[type=file]", str(tmp_path / "cut.png"))
    alert = page.wait_for_selector("#status [role=alert]")
    assert "picture" in alert.inner_text()
    assert str(tmp_path) not in page.content()
    page.locator("#photo img").wait_for(state="hidden")  # it would be a sliver with the sign of a broken picture
    assert not page.query_selector(".agr-card")
    page.get_by_label("Remove Image").first.click()
    page.wait_for_selector("#status p", state="detached")
    assert "1 face" in drop(page, ASTRONAUT)


@pytest.mark.parametrize("is_dropped", [False, True])
def test_a_file_that_is_too_large_is_not_sent_and_says_so(visit, tmp_path, is_dropped):
    page = visit()
    sent = []
    page.on("request", lambda request: sent.append(request.url) if "/upload" in request.url else None)
    if is_dropped:
        page.evaluate(
            """() => {
                const data = new DataTransfer();
                data.items.add(new File([new Uint8Array(41 * 2 ** 20)], 'huge.png', {type: 'image/png'}));
                const drop = new DragEvent('drop', {dataTransfer: data, bubbles: true});
                document.querySelector('#photo button').dispatchEvent(drop);
            }"""
        )
    else:
        (tmp_path / "huge.png").write_bytes(bytes(41 * 2**20))
        page.set_input_files("#photo input[type=file]", str(tmp_path / "huge.png"))
    page.get_by_role("alert").get_by_text("huge.png is too large: 41 MB, and a photo may have 40 MB.").wait_for()
    assert not sent
    assert "1 face" in drop(page, ASTRONAUT)
    assert "/upload" in sent[0]


def test_a_photo_without_a_face_gets_a_friendly_sentence(visit, tmp_path):
    Image.new("RGB", (300, 200), (50, 90, 50)).save(tmp_path / "meadow.png")
    assert "No face was found" in drop(visit(), tmp_path / "meadow.png")


PASTE = """
async () => {
    const address = document.querySelector('#example img').src;
    const files = new DataTransfer();
    files.items.add(new File([await (await fetch(address)).blob()], 'pasted.jpg', {type: 'image/jpeg'}));
    document.body.dispatchEvent(new ClipboardEvent('paste', {clipboardData: files, bubbles: true, cancelable: true}));
}
"""


def test_a_photo_on_its_side_is_answered_and_said_to_be_turned(visit, astronaut, tmp_path):
    astronaut.rotate(90).save(tmp_path / "scan.png")
    page = visit()
    assert drop(page, tmp_path / "scan.png").startswith("1 face. The photo seems to be turned")
    assert "Female" in page.inner_text(".agr-card")
    page.set_input_files("#photo input[type=file]", str(ASTRONAUT))
    page.get_by_text("1 face.", exact=True).wait_for()


def test_a_photo_is_pasted_also_in_place_of_another(visit, tmp_path):
    page = visit()
    Image.new("RGB", (300, 200), (50, 90, 50)).save(tmp_path / "meadow.png")
    assert "No face was found" in drop(page, tmp_path / "meadow.png")
    page.evaluate(PASTE)
    page.wait_for_selector(".agr-card")
    page.get_by_label("Remove Image").first.click()
    page.wait_for_selector(".agr-card", state="detached")
    page.get_by_role("button", name="Capture from camera").click()  # which has no input for files
    page.evaluate(PASTE)
    page.wait_for_selector(".agr-card")


def drag(page, file):
    """Drag a file onto the photo's input and drop it. Chromium forgets such an event's files as soon as it was handled,
    but keeps those of events that a script makes."""
    box = page.locator("#photo").bounding_box()
    where = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    devtools = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(file)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        devtools.send("Input.dispatchDragEvent", {"type": kind, **where, "data": data})


def test_a_photo_is_dropped_also_in_place_of_another(visit, tmp_path):
    page = visit()
    Image.new("RGB", (300, 200), (50, 90, 50)).save(tmp_path / "meadow.png")
    (tmp_path / "notes.txt").write_text("no picture")
    drag(page, tmp_path / "meadow.png")
    page.wait_for_selector("text=No face was found")
    drag(page, ASTRONAUT)
    page.wait_for_selector(".agr-card")
    drag(page, tmp_path / "notes.txt")
    page.wait_for_selector("text=notes.txt is no picture")
    assert page.query_selector(".agr-card")  # nothing is lost
    page.get_by_role("button", name="Capture from camera").click()  # which takes no drops
    drag(page, tmp_path / "meadow.png")
    page.wait_for_selector("text=No face was found")
    assert not page.query_selector("text=notes.txt is no picture")


def test_a_clipboard_without_a_picture_is_told(visit):
    page = visit()
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.evaluate("navigator.clipboard.writeText('no picture')")
    page.get_by_role("button", name="Paste from clipboard").click()
    page.wait_for_selector("text=The clipboard holds no picture")


def test_nothing_is_cut_off_in_print(visit):
    page = visit(viewport={"width": 1280, "height": 700})
    drop(page, ASTRONAUT)
    page.emulate_media(media="print")
    laid = page.evaluate(
        """() => {
            const found = [];
            for (let each = document.querySelector('main'); each; each = each.parentElement)
                found.push(getComputedStyle(each));
            return found.map(({display, overflow}) => [display, overflow]);
        }"""
    )
    assert len(laid) > 5
    assert all(each == ["block", "visible"] for each in laid)


@pytest.mark.parametrize("content", ["a face", "nothing that can be read"])
def test_on_a_phone_the_answer_comes_into_sight(visit, tmp_path, content):
    (tmp_path / "cut.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 40)
    page = visit(viewport={"width": 390, "height": 844})
    drop(page, ASTRONAUT if content == "a face" else tmp_path / "cut.png")
    page.wait_for_function(
        """() => [...document.querySelectorAll('#boxed img, #status p')].some((each) => {
            const {top, bottom} = each.getBoundingClientRect();
            return top >= 0 && bottom <= innerHeight;
        })"""
    )
    assert page.evaluate("document.activeElement !== document.body")


@pytest.mark.parametrize("is_file", [True, False])
def test_a_file_dropped_beside_the_input_does_not_replace_the_page(visit, is_file):
    page = visit()
    prevented = page.evaluate(
        """(file) => ['dragover', 'drop'].map((kind) => {
            const dataTransfer = new DataTransfer();
            file ? dataTransfer.items.add(new File(['x'], 'x.jpg')) : dataTransfer.setData('text/plain', 'x');
            const event = new DragEvent(kind, {dataTransfer, bubbles: true, cancelable: true});
            return !document.querySelector('h1').dispatchEvent(event);
        })""",
        is_file,
    )
    assert prevented == [is_file, is_file]


def test_the_address_says_which_tab_is_open(visit):
    page = visit()
    page.get_by_role("tab", name="Evaluation").click()
    page.wait_for_function("location.search === '?show=Figures'")
    page.wait_for_selector("#figures .agr-card")  # or the reload below breaks off its request
    page.get_by_role("tab", name="Live").click()
    page.wait_for_function("location.search === '?show=Figures&tab=live'")
    page.reload()
    page.wait_for_selector("#live-camera", state="visible")
    page.get_by_role("tab", name="Evaluation").click()
    page.wait_for_selector("#figures .agr-card")
    page.wait_for_function("location.search === '?show=Figures'")


@pytest.mark.parametrize("query", ["tab=video", "tab=elsewhere&tab=video"])
def test_an_address_opens_its_tab(visit, query):
    visit(query).wait_for_selector("#clip", state="visible")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("width", "height"), [(1280, 900), (360, 740)])
def test_thirty_faces_on_a_desk_and_on_a_phone(visit, crowd, scheme, width, height):
    page = visit(viewport={"width": width, "height": height}, color_scheme=scheme)
    assert "30 faces" in drop(page, crowd)
    page.wait_for_function("document.querySelectorAll('.agr-card').length === 30")
    assert page.evaluate("document.documentElement.scrollWidth") <= width  # nothing sticks out
    contrast = page.evaluate(
        """() => {
            const style = getComputedStyle(document.querySelector('.agr-card'));
            const light = (c) => c.match(/[\\d.]+/g).slice(0, 3).reduce((a, v) => a + v / 765, 0);
            return Math.abs(light(style.color) - light(style.backgroundColor));
        }"""
    )
    assert contrast > 0.5


MARKED = "[...document.querySelectorAll('#cards .agr-marked h2')].map((h) => h.textContent)"
"""The cards that are marked, such as ["Face 3"]."""


def on_screen(page, number: int) -> tuple[float, float, float, float]:
    """The box of a face in the boxed picture, in pixels of the screen, when the picture is in sight."""
    box = page.get_attribute(f"#cards .agr-card:nth-child({number})", "data-box")
    picture = page.locator("#boxed img").bounding_box()
    width, height = page.evaluate(
        "(({naturalWidth, naturalHeight}) => [naturalWidth, naturalHeight])(document.querySelector('#boxed img'))"
    )
    zoom = min(picture["width"] / width, picture["height"] / height, 1)
    x = picture["x"] + (picture["width"] - zoom * width) / 2
    y = picture["y"] + (picture["height"] - zoom * height) / 2
    left, top, right, bottom = (float(side) * zoom for side in box.split())
    return x + left * width, y + top * height, x + right * width, y + bottom * height


@pytest.mark.parametrize("is_touched", [False, True])
def test_a_click_on_a_face_leads_to_its_card_and_back(visit, crowd, is_touched):
    page = visit(viewport={"width": 1280, "height": 700}, has_touch=is_touched, reduced_motion="reduce")
    drop(page, crowd)
    page.wait_for_function("document.querySelector('#boxed img')?.naturalWidth")
    left, top, right, bottom = on_screen(page, 17)
    centre = (left + right) / 2, (top + bottom) / 2
    (page.touchscreen.tap if is_touched else page.mouse.click)(*centre)
    page.wait_for_function(f"({MARKED}).join() === 'Face 17'")
    card = page.locator("#cards .agr-card:nth-child(17)").bounding_box()
    assert card["y"] > 0
    assert card["y"] + card["height"] < 700
    assert page.evaluate("document.activeElement.textContent") == "Face 17"

    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelector('#boxed').getBoundingClientRect().top >= 0")
    frame = page.locator("#boxed .agr-frame").bounding_box()
    expected = on_screen(page, 17)
    assert (frame["x"], frame["y"]) == pytest.approx(expected[:2], abs=1)
    assert (frame["x"] + frame["width"], frame["y"] + frame["height"]) == pytest.approx(expected[2:], abs=1)


def test_a_click_on_a_face_in_full_screen_leads_back_to_the_page(visit, crowd):
    page = visit(viewport={"width": 1280, "height": 700})
    drop(page, crowd)
    page.wait_for_function("document.querySelector('#boxed img')?.naturalWidth")
    page.click("#boxed [aria-label=Fullscreen]")
    page.wait_for_function("document.querySelector('#boxed img').clientHeight > 600")
    left, top, right, bottom = on_screen(page, 30)
    page.mouse.click((left + right) / 2, (top + bottom) / 2)
    page.wait_for_function("document.activeElement.textContent === 'Face 30'")
    assert page.locator("#boxed").bounding_box()["width"] < 700


def test_pointing_at_a_face_marks_its_card_and_the_other_way_round(visit, crowd):
    page = visit()
    drop(page, crowd)
    page.wait_for_function("document.querySelector('#boxed img')?.naturalWidth")
    left, top, right, bottom = on_screen(page, 4)
    page.mouse.move((left + right) / 2, (top + bottom) / 2)
    assert page.evaluate(MARKED) == ["Face 4"]
    page.mouse.move(left - 3, top - 3)
    assert page.evaluate(MARKED) == []
    page.locator("#cards .agr-card").nth(1).hover()
    assert page.evaluate(MARKED) == ["Face 2"]
    assert page.locator("#boxed .agr-frame").bounding_box()["x"] == pytest.approx(on_screen(page, 2)[0], abs=1)
    page.mouse.move(640, 5)
    assert page.evaluate(MARKED) == []
    assert page.locator("#boxed .agr-frame").count() == 0


def test_what_counts_in_a_face_is_told_when_its_fold_is_opened(visit, crowd):
    picture = Image.open(crowd)
    for i in range(30):  # thirty faces that differ
        place = (i % 6 * 170 + 10, i // 6 * 180 + 10)
        face = picture.crop((*place, place[0] + 144, place[1] + 160))
        picture.paste(Image.blend(ImageOps.mirror(face), face, 0.2 * (i % 6)), place)
    picture.save(crowd)
    page = visit()
    drop(page, crowd)
    folds = page.get_by_text("Which parts count?")
    for number in range(6):  # more than are answered at once
        folds.nth(number).focus()
        page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('.agr-parts[open] .agr-maps').length === 6")
    ages = []
    for number in range(6):
        card = page.locator(".agr-card").nth(number)
        said = [text.replace("\n", " ") for text in card.locator("figure").all_inner_texts()]
        ages.append(card.locator(".agr-age strong").inner_text())
        assert re.fullmatch(rf"{ages[-1]} years with a part covered: \d+ to \d+", said[0])
        assert re.fullmatch(r"(Fem|M)ale [\d>]+\s% with a part covered: [\d<>]+\s%( to [\d<>]+\s%)?", said[1])
    assert len({*ages}) > 2
    assert page.locator(".agr-maps").count() == 6
    folds.nth(0).click()
    assert page.locator(".agr-parts[open]").count() == 5


def test_what_counts_in_a_photo_that_was_deleted_says_so_until_it_is_there_again(visit, tmp_path):
    content = ASTRONAUT.read_bytes()
    (tmp_path / "deleted.jpg").write_bytes(content)
    page = visit()
    drop(page, tmp_path / "deleted.jpg")
    for photo in Path(os.environ["GRADIO_TEMP_DIR"]).glob("*/deleted.jpg"):
        photo.unlink()
    fold = page.get_by_text("Which parts count?")
    fold.click()
    page.get_by_text("not on the server any more").wait_for()
    fold.click()
    fold.click()
    page.get_by_text("not on the server any more").wait_for()  # the same answer again
    fold.click()
    photo.write_bytes(content)
    fold.click()
    page.wait_for_selector(".agr-maps")


def test_a_fold_that_gets_no_answer_says_so_and_can_be_opened_again(visit):
    page = visit(is_troubled=True)
    drop(page, ASTRONAUT)
    page.route("**/queue/join*", lambda route: route.fulfill(status=503, json={"detail": "The queue is full."}))
    fold = page.get_by_text("Which parts count?")
    fold.click()
    page.get_by_text("There was no answer.").wait_for()
    page.unroute("**/queue/join*")
    fold.click()
    fold.click()
    page.wait_for_selector(".agr-maps")


def test_the_answer_to_a_portrait_is_in_sight_on_a_desk(visit):
    page = visit(viewport={"width": 1280, "height": 800})
    drop(page, ASTRONAUT)
    card = page.locator(".agr-card").bounding_box()
    assert card["y"] + card["height"] < 800
    assert card["x"] > page.locator("#boxed").bounding_box()["x"] + 300


def test_the_example_runs_by_keyboard(visit):
    page = visit()
    example = page.get_by_role("button", name="Eileen Collins")
    example.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector(".agr-card")
    link = page.get_by_text("Download JSON")
    link.focus()
    assert page.evaluate("document.activeElement.textContent") == "Download JSON"
    assert link.get_attribute("download") == "astronaut_faces.json"


def test_no_answer_replaces_a_component_that_takes_uploads(analyzer):
    """Gradio would make it anew, as its own class, and what is sent would be opened before it was looked at."""
    page = build_page(analyzer, {})
    own = [block for block in page.blocks.values() if "preprocess" in vars(block)]
    takes = {id(block) for block in own if not isinstance(block, gr.Dropdown)}
    assert len(takes) == 4  # the photo, a program's photo, the video, one's own faces
    assert not [block for call in page.fns.values() for block in call.outputs if id(block) in takes]


def test_a_picture_that_the_browser_cannot_display_is_analyzed_and_said_to_be_one(visit, astronaut, tmp_path):
    astronaut.save(tmp_path / "photo.tiff")
    page = visit()
    assert drop(page, tmp_path / "photo.tiff") == "1 face."
    page.locator("#photo img[alt*='does not display']").wait_for()
    assert page.locator("#photo img").evaluate("photo => getComputedStyle(photo).visibility") == "visible"


def test_programs_have_an_endpoint(page_url, tmp_path):
    client = patient_client(page_url)
    result = client.predict(handle_file(str(ASTRONAUT)), api_name="/analyze")
    assert (result["width"], result["height"]) == (512, 512)
    assert result["faces"][0]["gender"] == "Female"
    (tmp_path / "empty.jpg").write_bytes(b"")
    with pytest.raises(AppError, match="empty"):
        client.predict(handle_file(str(tmp_path / "empty.jpg")), api_name="/analyze")


def test_nothing_but_the_endpoint_is_offered(page_url):
    assert list(patient_client(page_url).view_api(return_format="dict", print_info=False)["named_endpoints"]) == [
        "/analyze"
    ]


def test_photos_do_not_stay_on_disk(analyzer, astronaut, tmp_path, monkeypatch):
    import agr.ui.page as module

    ImageOps.mirror(astronaut).save(tmp_path / "mine.jpg")
    uploads = tmp_path / "uploads"
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(uploads))
    monkeypatch.setattr(module, "_CACHE_SECONDS", 5)
    page = module.build_page(analyzer, {})
    module.launch(page, prevent_thread_lock=True, quiet=True, server_name="127.0.0.1")
    try:
        client = patient_client(page.local_url)
        assert client.predict(handle_file(str(tmp_path / "mine.jpg")), api_name="/analyze")["faces"]
        deadline = time.monotonic() + 90
        while kept := [file for file in uploads.rglob("*") if file.name == "mine.jpg"]:
            assert time.monotonic() < deadline, kept
            time.sleep(0.5)
    finally:
        page.close()


def test_notes_are_fainter_than_text_and_a_phones_footer_begins_with_a_word(visit):
    page = visit(viewport={"width": 390, "height": 844})
    note, title = (
        page.locator(text).first.evaluate("each => getComputedStyle(each).color") for text in (".agr-note p", "h1")
    )
    assert note != title
    assert page.get_by_role("contentinfo").inner_text().strip().startswith("Settings")


def test_in_the_dark_a_disabled_button_is_not_the_brightest(visit):
    page = visit("tab=video", color_scheme="dark")
    page.locator("#clip-stop:disabled").wait_for()
    colour = page.evaluate("getComputedStyle(document.querySelector('#clip-stop')).backgroundColor")
    assert max(map(float, re.findall(r"[\d.]+", colour)[:3])) < 110, colour  # slate, not blue
