"""The dashboard in a real browser, on the bundled report, with a grey picture in place of each face."""

import csv
import io
import zipfile

import pandas as pd
import pytest

from agr.evaluation.selection import Selection, select
from agr.labels import RACES
from agr.ui import uploads
from tests.agr.ui.conftest import until_answered

pytestmark = [pytest.mark.slow, pytest.mark.browser]
# The first event is held back until `release()`.
HELD_JOIN = """
const send = window.fetch.bind(window);
const held = new Promise((resolve) => { window.release = resolve; });
window.fetch = async (...request) => {
    if (String(request[0].url ?? request[0]).includes('/queue/join') && !window.isHeld) {
        window.isHeld = true;
        await held;
    }
    return send(...request);
};
"""


@pytest.fixture
def predictions(bundled_report) -> pd.DataFrame:
    return bundled_report.predictions


def open_tab(page, view: str | None = None):
    page.get_by_role("tab", name="Evaluation").click()
    page.wait_for_selector("#figures .agr-card")
    if view:
        page.get_by_role("tab", name=view).click()
    return page


def choose(page, label: str, option: str) -> None:
    """Pick one option of a dropdown."""
    page.get_by_label(label).click()
    page.get_by_role("option", name=option, exact=True).click()
    page.keyboard.press("Escape")


def test_figures_are_the_reports(visit, bundled_report):
    text = open_tab(visit()).inner_text("#figures")
    cell = bundled_report.summary["figures"]["all"]["race_accuracy"]
    assert f"{100 * cell['value']:.1f}" in text
    assert f"{100 * cell['low']:.1f} to {100 * cell['high']:.1f}" in text
    assert "DenseNet ancestor: 82.06" in text


def test_a_cell_opens_its_faces(visit, predictions):
    page = open_tab(visit(), "Confusion")
    page.get_by_label("true Others, predicted White").click()
    page.wait_for_selector("#cell-faces .agr-tile")
    inside = predictions[(predictions["true_race"] == "Others") & (predictions["pred_race"] == "White")]
    assert f"true Others, predicted White: {len(inside)} faces" in page.inner_text("#cell-faces")
    top = inside.sort_values("prob_race_White", ascending=False, kind="stable").iloc[0]
    first = page.locator("#cell-faces .agr-tile").first.inner_text()
    assert f"true Others ({top['prob_race_Others']:.3f})" in first
    assert f"pred White ({top['prob_race_White']:.3f})" in first
    face, tile = (page.locator(f"#cell-faces .agr-tile{part}").first.bounding_box() for part in (" img", ""))
    assert face["width"] == pytest.approx(face["height"]) == pytest.approx(tile["width"], abs=3)  # it fills its tile
    assert tile["width"] >= 150
    said = page.locator("#cell-faces .agr-tile").first.locator("button > :not(img)")
    assert {round(line["height"]) for line in (each.bounding_box() for each in said.all())} < {
        *range(28)
    }  # one line each
    page.get_by_role("button", name="Next").click()
    page.get_by_text(f"25 to 48 of {len(inside)}").wait_for()


def test_a_cell_of_the_heatmap_opens_its_faces_too(visit, served):
    page = visit("show=Confusion")
    heatmap = page.locator("#confusion-figure .nsewdrag")

    def click(row, column):
        heatmap.wait_for()
        until_answered(page, served)
        size = heatmap.bounding_box()
        heatmap.click(
            position={"x": (column + 0.5) * size["width"] / len(RACES), "y": (row + 0.5) * size["height"] / len(RACES)}
        )

    click(4, 0)
    page.locator("#cell-faces").get_by_text("true Others, predicted White").wait_for()
    assert heatmap.evaluate("cells => getComputedStyle(cells).cursor") == "pointer"
    page.get_by_label("counts", exact=True).check()  # draws it anew
    page.wait_for_function("location.search.includes('by=counts')")
    click(1, 2)
    page.locator("#cell-faces").get_by_text("true Black, predicted Asian").wait_for()
    click(1, 2)  # as with the grid, a second click lets it go
    page.wait_for_function("!location.search.includes('cell=')")


def test_a_groups_bar_and_its_name_open_its_faces_and_back_leads_to_the_groups(visit, served, predictions):
    page = visit("show=Groups&task=gender&twins=0&__theme=dark")
    bars = page.locator("#groups-figure .nsewdrag")
    bars.wait_for()
    until_answered(page, served)
    size = bars.bounding_box()
    bars.click(position={"x": 0.9 * size["width"], "y": 0.9 * size["height"]})
    n = ((predictions["true_race"] == "Others") & ~predictions["has_twin"]).sum()
    page.wait_for_function(f"document.querySelector('#head').innerText.includes('Selected: {n} of')")
    page.locator("#mislabels").get_by_text("true Male").or_(page.get_by_text("true Female")).first.wait_for()
    for part in ("show=Mislabels", "task=gender", "race=Others", "twins=0", "__theme=dark"):
        assert part in page.url
    assert page.locator("#mislabels .agr-tile").first.bounding_box()["y"] < 1400

    until_answered(page, served)
    page.go_back()
    white = page.locator("#groups-table a", has_text="White")
    white.wait_for()
    until_answered(page, served)
    white.focus()
    page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('race=White')")
    n = ((predictions["true_race"] == "White") & ~predictions["has_twin"]).sum()
    page.wait_for_function(f"document.querySelector('#head').innerText.includes('Selected: {n:,} of')")
    assert focused(page) == "Mislabels"


def test_a_link_on_a_phone_shows_the_faces_and_keeps_the_focus(visit, served):
    page = visit(
        "show=Mislabels&race=White&threshold=0", viewport={"width": 390, "height": 844}, reduced_motion="reduce"
    )
    page.locator("#mislabels .agr-tile").first.wait_for()
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Groups").click()
    link = page.locator("#groups-table a", has_text="White")
    link.wait_for()
    until_answered(page, served)
    link.focus()
    page.keyboard.press("Enter")  # to the very faces that were shown before
    page.wait_for_function("location.search.includes('show=Mislabels')")
    until_answered(page, served)
    assert page.evaluate("document.activeElement.closest('#mislabels, #views [role=tab]') !== null")
    assert 0 <= page.locator("#mislabels .agr-tile").first.bounding_box()["y"] < 844
    assert page.evaluate("window.agrToShow") is None


def test_a_table_is_sorted_by_its_columns(visit, served):
    page = visit("show=Groups&group_by=age_group")
    table = page.locator("#groups-table table")
    table.wait_for()
    until_answered(page, served)

    def column(i: int) -> list[str]:
        return [text.split("\n")[0] for text in table.locator(f"tbody tr > :nth-child({i})").all_inner_texts()]

    ages, faces = column(1), [int(n.replace(",", "")) for n in column(2)]
    button = table.get_by_role("button", name="Faces")
    for expected in (sorted(faces, reverse=True), sorted(faces), faces):
        button.focus()
        page.keyboard.press("Enter")
        assert [int(n.replace(",", "")) for n in column(2)] == expected
    errors = table.get_by_role("button", name="mean absolute error")
    errors.click()
    values = [float(value) for value in column(6)]
    assert values == sorted(values, reverse=True)
    assert errors.locator("..").get_attribute("aria-sort") == "descending"
    group = table.get_by_role("button", name="Group", exact=True)
    group.click()
    assert column(1) == ages  # 3-6 before 14-20
    assert errors.locator("..").get_attribute("aria-sort") == "none"
    group.click()
    assert column(1) == ages[::-1]
    page.get_by_label("gender", exact=True).check()  # a new table
    page.wait_for_function("location.search.includes('gender')")
    until_answered(page, served)
    assert page.evaluate("document.querySelectorAll('#groups-table [aria-sort]:not([aria-sort=none])').length") == 0


def test_all_of_it_by_keyboard(visit):
    """From the page's tabs to a cell, a face, a tick, and back: no mouse."""
    page = visit()
    page.get_by_role("tab", name="Photo").focus()
    press_until(page, "Tab", "Evaluation")
    page.keyboard.press("Enter")
    page.wait_for_selector("#figures .agr-card")
    press_until(page, "Tab", "Mislabels")
    page.keyboard.press("Enter")
    page.wait_for_selector("#mislabels .agr-tile")
    press_until(page, "Tab", "pred")  # the first tile
    tile = focused(page)
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    assert focused(page) == "Close"
    press_until(page, "Tab", "", selector="dialog input[data-act*=race]")  # the face may err in other tasks too
    page.keyboard.press("Space")
    page.get_by_text("Suspicious labels chosen: 1").wait_for(state="attached")
    page.wait_for_function("document.activeElement.matches('dialog input[type=checkbox]')")
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog", state="detached")
    assert focused(page) == tile
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the tile's own box: ticked in the dialog, so this takes it back
    page.get_by_text("Suspicious labels chosen: 0").wait_for()
    page.wait_for_function("document.activeElement.matches('#mislabels input[type=checkbox]')")
    page.keyboard.press("Space")
    page.get_by_text("Suspicious labels chosen: 1").wait_for()


def focused(page) -> str:
    return page.evaluate("document.activeElement.innerText.trim()")


def press_until(page, key: str, text: str, selector: str = "*") -> None:
    """Press a key until what has the focus holds the text."""
    for _ in range(60):
        if page.evaluate(
            "([s, t]) => document.activeElement.matches(s) && (!t || document.activeElement.innerText."
            "includes(t) && document.activeElement !== document.body)",
            [selector, text],
        ):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{text or selector} was not reached by {key}")


def test_a_face_has_a_page_of_its_own(visit):
    page = open_tab(visit(), "Mislabels")
    page.locator("#mislabels .agr-tile button").first.click()
    dialog = page.locator("dialog[open]")
    dialog.wait_for()
    assert dialog.locator(".agr-bar").count() == 8 + 2 + 5
    assert "No identical copy was found" in dialog.inner_text() or "is also" in dialog.inner_text()
    page.wait_for_function("location.search.includes('face=')")
    dialog.get_by_role("button", name="Close").click()
    page.wait_for_selector("dialog", state="detached")
    page.wait_for_function("!location.search.includes('face=')")


def test_a_view_can_be_sent_as_an_address(visit, predictions):
    page = open_tab(visit(), "Confusion")
    page.get_by_label("Gender", exact=True).check()
    page.get_by_label("true Male, predicted Female").click()
    page.get_by_label("counts", exact=True).check()
    page.wait_for_function("location.search.includes('by=counts') && location.search.includes('cell=0')")
    count = int(((predictions["true_gender"] == "Male") & (predictions["pred_gender"] == "Female")).sum())
    other = visit(query=page.url.split("?")[1] + "&__theme=dark")
    other.get_by_text(f"true Male, predicted Female: {count} faces, the most confident").wait_for()
    assert other.get_by_label("counts", exact=True).is_checked()
    assert other.get_by_label("Gender", exact=True).is_checked()
    assert "__theme=dark" in other.url


def test_a_face_in_an_address_has_neighbours(visit, predictions):
    cell = predictions[(predictions["true_race"] == "Others") & (predictions["pred_race"] == "White")]
    third = cell.sort_values("prob_race_White", ascending=False, kind="stable")["file"].iloc[2]
    page = visit(query=f"show=Confusion&cell={RACES.index('Others')},{RACES.index('White')}&face={third}")
    page.locator("dialog[open]").get_by_text(f"3 of {len(cell)}").wait_for()
    assert page.locator("dialog[open] [data-step='1']").is_enabled()
    assert page.locator("dialog[open] [data-step='-1']").is_enabled()


def test_filters_of_an_address_are_in_sight_and_dead_names_leave_it(visit):
    page = visit(query="show=Confusion&race=Others&least=0.5&report=gone")
    page.get_by_label("True race").wait_for()
    page.wait_for_function("!location.search.includes('gone')")
    assert "race=Others" in page.url
    page = visit(query="show=Confusion")
    page.wait_for_selector("#grid button")
    assert not page.get_by_label("True race").is_visible()


def test_a_later_page_can_be_sent_as_an_address_and_the_focus_stays(visit):
    page = open_tab(visit(), "Confusion")
    page.get_by_label("true White, predicted Others").click()
    page.get_by_role("button", name="Next").focus()
    page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('sheet=1')")
    shown = page.get_by_role("navigation", name="Pages").inner_text()
    other = visit(query=page.url.split("?")[1])
    other.get_by_role("navigation", name="Pages").wait_for()
    assert other.get_by_role("navigation", name="Pages").inner_text() == shown
    page.get_by_role("button", name="Previous").focus()
    page.keyboard.press("Enter")  # onto the first page, which has none before it
    page.wait_for_function("document.activeElement?.textContent === 'Next'")


def test_a_report_that_is_not_here_any_more_is_said(visit):
    page = visit(query="show=Figures&report=your+own")
    page.get_by_text("A report in this link is not here").wait_for()


def test_figures_are_saved_as_png_and_svg(visit, tmp_path):
    page = open_tab(visit(accept_downloads=True), "Abstain")
    page.locator(".js-plotly-plot .main-svg:visible").first.wait_for()
    for kind, start in (("SVG", b"<svg"), ("PNG", b"\x89PNG")):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Save as {kind}").locator("visible=true").click()
        download.value.save_as(tmp_path / kind)
        assert (tmp_path / kind).read_bytes().startswith(start)
        assert download.value.suggested_filename == f"mobilenet_v2_abstain.{kind.lower()}"


def test_two_reports_are_compared(visit):
    page = open_tab(visit(), "Compare")
    page.get_by_text("4,744 files are in both").wait_for()
    assert page.locator("#compare tbody tr").count() == 12
    page.locator("#compare-faces .agr-tile").first.wait_for()


FOLD_IS_FULL = "!!document.querySelector('dialog .agr-parts[open] .agr-maps')"


def test_your_own_faces_become_a_report(visit, astronaut, encoded, tmp_path):
    face = encoded(astronaut, "JPEG")
    with zipfile.ZipFile(tmp_path / "mine.zip", "w") as archive:
        archive.writestr("41_1_0_2017.jpg", face)
        archive.writestr("20_0_0_2017.jpg", face)
        archive.writestr("2_0_2_2017.jpg", b"junk")
    page = open_tab(visit(accept_downloads=True, viewport={"width": 1280, "height": 600}), "Mislabels")
    page.get_by_text("Evaluate your own labelled faces").click()
    page.set_input_files("#own input[type=file]", str(tmp_path / "mine.zip"))
    page.wait_for_selector("#own .file-preview")
    page.get_by_role("button", name="Evaluate", exact=True).click()
    page.get_by_text("2 faces evaluated, 2 detected").wait_for()
    page.get_by_text("2 of 2 faces, 2 detected").wait_for()
    page.wait_for_function("document.getElementById('head').getBoundingClientRect().bottom < innerHeight")
    assert "2_0_2_2017.jpg: This is not a picture" in page.inner_text("#own-status")
    page.get_by_label("Gender", exact=True).check()
    page.get_by_text("another class than the label says: 1 face,").wait_for()
    page.get_by_role("tab", name="Confusion").click()
    page.get_by_label("true Male, predicted Female: 1 face").click()
    page.locator("#cell-faces .agr-tile img").click()  # a real face: it is the visitor's own
    page.get_by_text("Which parts count?").click()
    page.wait_for_function("document.querySelectorAll('dialog .agr-maps figure').length === 3")
    assert "Female" in page.inner_text("dialog .agr-maps")
    assert "another model" not in page.inner_text("dialog")
    page.locator("dialog input[data-act*=gender]").check()
    page.wait_for_function(f"document.querySelector('#cell-faces .agr-ticked') && {FOLD_IS_FULL}")
    page.keyboard.press("Escape")
    with page.expect_download() as download:
        page.get_by_text("Download the report").click()
    download.value.save_as(tmp_path / "report.zip")
    again = open_tab(visit())
    again.get_by_text("Evaluate your own labelled faces").click()
    again.set_input_files("#own input[type=file]", str(tmp_path / "report.zip"))
    again.wait_for_selector("#own .file-preview")
    again.get_by_role("button", name="Evaluate", exact=True).click()
    again.get_by_text("Opened a report of 2 faces").wait_for()
    again.get_by_text("2 of 2 faces, 2 detected").wait_for()


def test_filters_act_on_the_matrix(visit, predictions):
    page = open_tab(visit(), "Confusion")
    page.wait_for_selector("#grid button")
    page.get_by_text("Filter faces").click()
    choose(page, "True gender", "Female")
    kept = select(predictions, Selection(true_gender=("Female",)))
    page.get_by_text(f"{len(kept):,} of {len(predictions):,} faces").wait_for()
    page.get_by_label("counts", exact=True).check()
    count = int(((kept["true_race"] == "Asian") & (kept["pred_race"] == "Indian")).sum())
    page.get_by_label(f"true Asian, predicted Indian: {count} faces").get_by_text(str(count), exact=True).wait_for()


def test_suspicious_labels_are_collected_into_a_list(visit, predictions, tmp_path):
    page = open_tab(visit(accept_downloads=True), "Mislabels")
    tiles = page.locator("#mislabels .agr-tile")
    tiles.first.wait_for()
    files = [tiles.nth(i).locator("small").inner_text() for i in (0, 2)]
    for count, i in enumerate((0, 2)):
        tiles.nth(i).locator("input").check()
        page.locator("#mislabels .agr-ticked").nth(count).wait_for()
    page.get_by_text("Suspicious labels chosen: 2").wait_for()
    with page.expect_download() as download:
        page.get_by_text("Download the relabel list").click()
    download.value.save_as(tmp_path / "relabel.csv")
    assert download.value.suggested_filename == "mobilenet_v2_relabel.csv"
    rows = list(csv.DictReader((tmp_path / "relabel.csv").open()))
    assert sorted(row["file"] for row in rows) == sorted(files)
    by_file = predictions.set_index("file")
    for row in rows:
        assert row["given"] == by_file.loc[row["file"], "true_race"] != row["suggested"]
        assert row["suggested"] == by_file.loc[row["file"], "pred_race"]


def below_its_slot(tile) -> float:
    """Pixels from the top of the faces of a cell to a tile: what is above them may still be drawn."""
    tile.wait_for()
    top = "getBoundingClientRect().y"
    return tile.evaluate(f"(tile) => tile.{top} - tile.closest('#cell-faces').{top}")


def test_labels_are_collected_wherever_a_model_contradicts_them(visit):
    page = visit("show=Confusion&cell=4,0")
    tiles = page.locator("#cell-faces .agr-tile")
    place = below_its_slot(tiles.nth(6))
    tiles.first.locator("input").check()
    page.locator("#cell-faces").get_by_text("1 label chosen; the list is in Mislabels.").wait_for()
    assert below_its_slot(tiles.nth(6)) == place
    page.get_by_role("tab", name="Compare").click()
    page.get_by_label("both contradict the label alike").check()
    again = page.locator("#compare-faces .agr-tile input:not(:checked)").first
    again.check()
    page.locator("#compare-faces").get_by_text("2 labels chosen; the list is in Mislabels.").wait_for()
    page.get_by_role("tab", name="Mislabels").click()
    page.get_by_text("Suspicious labels chosen: 2.").wait_for()


def test_boxes_say_what_is_ticked_on_every_page(visit):
    page = open_tab(visit(), "Mislabels")
    tiles = page.locator("#mislabels .agr-tile")
    tiles.first.wait_for()
    place = tiles.nth(6).bounding_box()
    for i in (0, 1):
        tiles.nth(i).locator("input").click()
    page.get_by_text("Suspicious labels chosen: 2").wait_for()
    assert tiles.nth(6).bounding_box() == pytest.approx(place, abs=2)
    first = tiles.first.inner_text()
    page.get_by_role("button", name="Next").click()
    page.get_by_text("25 to 48").wait_for()
    assert page.locator("#mislabels input:checked").count() == 0
    tiles.first.locator("input").click()
    page.get_by_text("Suspicious labels chosen: 3").wait_for()
    page.get_by_role("button", name="Previous").click()
    page.get_by_text("1 to 24").wait_for()
    assert tiles.first.inner_text() == first
    assert page.locator("#mislabels input:checked").count() == 2
    shown = tiles.first.locator("input").evaluate("box => getComputedStyle(box).backgroundColor")
    assert shown != tiles.nth(4).locator("input").evaluate("box => getComputedStyle(box).backgroundColor")


def test_another_task_has_its_own_matrix(visit):
    page = open_tab(visit(), "Confusion")
    page.wait_for_selector("#grid button")
    assert page.locator("#grid button").count() == len(RACES) ** 2
    page.get_by_label("Age group", exact=True).check()
    page.wait_for_function("document.querySelectorAll('#grid button').length === 64")


def test_every_view_draws(visit):
    page = open_tab(visit(color_scheme="dark"))
    for view in ("Age", "Calibration", "Groups", "Abstain", "Training"):
        page.get_by_role("tab", name=view).click()
        page.get_by_role("tab", name=view, selected=True).wait_for()
        page.locator("#views [role=tabpanel]:visible .js-plotly-plot .main-svg").first.wait_for()


@pytest.mark.parametrize("view", ["Figures", "Confusion", "Mislabels", "Groups", "Compare"])
def test_on_a_phone_nothing_sticks_out(visit, view):
    page = visit(viewport={"width": 360, "height": 740}, query=f"show={view}")
    page.wait_for_selector("#head dl")
    page.locator("#views [role=tabpanel]:visible").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_from_face_to_face_by_keyboard(visit):
    page = open_tab(visit(), "Mislabels")
    tiles = page.locator("#mislabels .agr-tile button")
    tiles.first.click()
    page.locator("dialog[open]").wait_for()
    names = [tiles.nth(i).locator("small").inner_text() for i in (0, 1)]
    assert page.locator("dialog[open] h3").inner_text() == names[0]
    assert page.get_by_role("button", name="Previous", exact=True).first.is_disabled()
    page.keyboard.press("ArrowRight")
    page.locator(f"dialog[open][aria-label^='{names[1]}']").wait_for()
    page.locator("dialog[open] [data-step='-1']").click()
    page.locator(f"dialog[open][aria-label^='{names[0]}']").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog[open]").wait_for(state="detached")


def test_many_steps_from_face_to_face_are_as_many_requests(visit):
    page = open_tab(visit(), "Mislabels")
    page.locator("#mislabels .agr-tile button").first.click()
    page.locator("dialog[open]").wait_for()
    asked = []
    page.on("request", lambda request: asked.append(1) if "queue/join" in request.url else None)
    names = page.locator("#mislabels .agr-tile small").all_inner_texts()
    for number in range(1, 7):
        page.keyboard.press("ArrowRight")
        page.locator(f"dialog[open][aria-label^='{names[number]}']").wait_for()
    assert len(asked) == 6
    dialog = page.locator("dialog[open]")
    dialog.locator("h3").click()  # beside a button, but not beside the dialog
    dialog.click(position={"x": 4, "y": 60})  # its own edge
    page.wait_for_timeout(300)
    assert dialog.is_visible()
    with page.expect_request("**/queue/join*"):  # it may come after the closing
        page.mouse.click(5, 5)
    dialog.wait_for(state="detached")
    page.wait_for_timeout(300)  # for a request too many
    assert len(asked) == 7


def test_from_face_to_face_across_the_gallerys_pages(visit):
    page = open_tab(visit(), "Confusion")
    page.get_by_label("true White, predicted Others").click()
    tiles = page.locator("#cell-faces .agr-tile button")
    tiles.nth(23).click()
    page.locator("dialog[open]").get_by_text("24 of 85").wait_for()
    page.keyboard.press("ArrowRight")
    page.locator("dialog[open]").get_by_text("25 of 85").wait_for()
    assert page.locator("dialog[open] h3").inner_text() == tiles.first.locator("small").inner_text()
    page.locator("dialog[open] [data-step='-1']").click()
    page.locator("dialog[open]").get_by_text("24 of 85").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog[open]").wait_for(state="detached")


def test_on_a_phone_the_faces_of_a_cell_come_into_sight(visit):
    page = visit(viewport={"width": 390, "height": 844}, has_touch=True, query="show=Confusion")
    page.get_by_label("true Others, predicted White").tap()
    page.wait_for_function(
        "(document.querySelector('#cell-faces .agr-gallery')?.getBoundingClientRect().top ?? 9e9) < 0.85 * innerHeight"
    )


def test_what_was_ticked_can_be_seen_and_let_go_of(visit):
    page = open_tab(visit(), "Mislabels")
    tiles = page.locator("#mislabels .agr-tile")
    tiles.nth(1).locator("input").check()
    page.get_by_text("Suspicious labels chosen: 1.").wait_for()
    page.get_by_text("Show them").click()
    page.locator("#export").get_by_text(tiles.nth(1).locator("small").inner_text()).click()
    page.locator("dialog[open]").wait_for()
    page.keyboard.press("Escape")
    page.locator("dialog[open]").wait_for(state="detached")
    page.get_by_role("button", name="Untick all").click()
    page.get_by_text("Suspicious labels chosen: 0.").wait_for()
    page.wait_for_function("!document.querySelector('#mislabels input:checked')")
    page.wait_for_function("document.activeElement.textContent === 'Suspicious labels chosen: 0.'")


def test_arrow_keys_lead_from_cell_to_cell(visit):
    page = open_tab(visit(), "Confusion")
    page.get_by_label("true White, predicted White").focus()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")  # there is no row above
    page.keyboard.press("End")
    assert page.locator("*:focus").get_attribute("aria-label").startswith("true White, predicted Others")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    page.wait_for_function("location.search.includes('cell=0%2C1')")
    page.wait_for_function(
        "document.activeElement.getAttribute('aria-label')?.startsWith('true White, predicted Black')"
    )
    page.wait_for_selector("#cell-faces .agr-tile")
    page.wait_for_timeout(500)  # long enough to have scrolled
    assert page.locator("*:focus").bounding_box()["y"] > 0
    page.keyboard.press("Enter")  # once more lets it go
    page.wait_for_function("!location.search.includes('cell=')")


def test_who_chooses_a_view_in_the_menu_keeps_the_focus(visit, served):
    page = visit("show=Figures", viewport={"width": 390, "height": 800})
    page.get_by_text("Selected: ").wait_for()
    until_answered(page, served)  # the last answer selects the view's tab, which closes the menu
    page.locator("#views .overflow-menu > button").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("location.search !== '?show=Figures'")
    page.wait_for_function("document.activeElement.matches('[role=tab][aria-selected=true]')")


def test_figures_and_folded_parts_say_what_they_are(visit):
    page = visit("show=Age")
    page.get_by_role("group", name="Figure: Cumulative score").wait_for()
    head = page.get_by_role("button", name="Filter faces")
    page.wait_for_function("document.querySelector('button.label-wrap[aria-expanded=false]')")
    head.click()
    page.wait_for_function("document.querySelector('button.label-wrap[aria-expanded=true]')")


def test_all_filters_go_at_once(visit):
    page = visit("show=Figures&race=Asian&gender=Female&least=0.5&youngest=20&oldest=60")
    page.get_by_text("Selected: ").wait_for()
    assert "Selected: 4,744" not in page.locator("#head").inner_text()
    page.get_by_role("button", name="Clear filters").click()
    page.get_by_text("Selected: 4,744 of 4,744 faces").wait_for()
    page.wait_for_function("location.search === '?show=Figures'")


def test_back_leads_through_all_that_was_open(visit):
    page = visit()
    page.get_by_role("tab", name="Evaluation").click()
    page.wait_for_selector("#figures .agr-card")
    open_tab(page, "Confusion")
    page.get_by_label("true White, predicted Others").click()
    page.wait_for_function("location.search.includes('cell=0')")
    length = page.evaluate("history.length")
    page.locator(".agr-tile button:visible").first.click()
    page.locator("dialog[open]").wait_for()
    page.locator("dialog[open] input[data-act*=race]").check()
    page.wait_for_function("location.search.includes('tick=')")
    page.locator("dialog[open] [data-step='1']").click()
    page.wait_for_function("!document.querySelector('dialog[open] [data-step=\"-1\"]')?.disabled")
    assert page.evaluate("history.length") == length + 1  # from face to face is no way to go back
    page.go_back()
    page.locator("dialog[open]").wait_for(state="detached")
    page.go_forward()
    page.locator("dialog[open]").wait_for()
    page.keyboard.press("Escape")
    page.wait_for_function("!location.search.includes('face=')")
    page.go_back()  # closing was Back, too: no face opens again
    page.get_by_text("Choose a cell to see its faces.").wait_for()
    page.wait_for_function("!location.search.includes('cell=') && location.search.includes('tick=')")
    page.go_back()
    page.wait_for_selector("#figures .agr-card", state="visible")
    page.go_back()
    page.wait_for_selector("#photo", state="visible")
    page.go_forward()
    page.wait_for_selector("#figures .agr-card", state="visible")


@pytest.mark.parametrize("is_touched", [False, True])
def test_back_twice_at_once_leads_two_back(visit, is_touched):
    page = open_tab(visit())
    for view in ("Confusion", "Mislabels", "Groups"):
        page.get_by_role("tab", name=view).click()
        page.wait_for_function(f"location.search.includes('show={view}')")
    sent = []
    page.route("**/queue/join*", lambda route: sent.append(route) if not sent else route.continue_())
    page.go_back()
    while not sent:
        page.wait_for_timeout(50)
    page.go_back()
    page.wait_for_timeout(300)
    if is_touched:
        page.mouse.click(3, 3)
    sent[0].continue_()
    page.locator("#views [role=tab][aria-selected=true]:has-text('Confusion')").first.wait_for()
    page.wait_for_function("location.search.includes('show=Confusion')")
    if is_touched:
        return
    page.go_forward()
    page.locator("#views [role=tab][aria-selected=true]:has-text('Mislabels')").first.wait_for()
    assert "show=Mislabels" in page.url


def test_what_is_chosen_while_an_address_is_restored_is_shown_as_the_controls_say(visit, served):
    page = visit(query="show=Figures&task=gender&twins=0", script=HELD_JOIN)
    page.wait_for_function("window.isHeld")
    page.get_by_role("tab", name="Evaluation").click()
    page.wait_for_timeout(300)
    page.evaluate("release()")
    page.get_by_text("Selected: 4,626 of 4,744 faces").wait_for()
    page.wait_for_function("location.search.includes('twins=0')")
    until_answered(page, served)
    assert page.get_by_label("Gender", exact=True).is_checked()
    assert page.get_by_text("Selected: 4,626 of 4,744 faces").count() == 1


def test_the_page_says_who_is_evaluated_and_can_be_stopped(visit, astronaut, tmp_path):
    with zipfile.ZipFile(tmp_path / "many.zip", "w") as archive:
        content = io.BytesIO()
        astronaut.save(content, "JPEG")
        for number in range(300):
            archive.writestr(f"41_1_0_{number}.jpg", content.getvalue())
    page = visit(query="show=Mislabels&sheet=1")
    page.wait_for_selector("#mislabels .agr-tile")
    page.get_by_text("Evaluate your own labelled faces").click()
    page.set_input_files("#own-files input[type=file]", str(tmp_path / "many.zip"))
    page.wait_for_selector("#own .file-preview")
    page.locator("#own-start").click()
    page.get_by_role("button", name="Stop").and_(page.locator(":enabled")).click()
    page.get_by_text("Stopped: nothing was evaluated.").wait_for()
    page.locator("button:disabled", has_text="Stop").wait_for()
    assert page.locator("#report input").input_value() == "mobilenet_v2"
    page.wait_for_timeout(500)
    assert "sheet=1" in page.url  # where one was


def test_a_session_that_was_forgotten_goes_on_where_it_was(visit, served):
    page = visit(query="show=Confusion&task=gender&predicted=Male")
    page.get_by_label("true Female, predicted Male").wait_for()
    until_answered(page, served)  # who still waits for an answer is not forgotten
    uploads.forget_visitors(served, closed=-1, idle=-1)
    page.get_by_label("counts", exact=True).check()
    page.wait_for_function("location.search.includes('by=counts')")
    assert "show=Confusion" in page.url
    page.get_by_role("tab", name="Mislabels").click()
    page.get_by_text("another class than the label says").wait_for()
    page.wait_for_function("location.search.includes('predicted=Male')")


def test_the_address_says_the_dashboard_when_it_is_opened_again(visit):
    page = visit(query="tab=video")
    page.wait_for_selector("#clip", state="visible")
    for _ in range(2):
        page.get_by_role("tab", name="Evaluation").click()
        page.wait_for_function("location.search === '?show=Figures'")
        page.go_back()
        page.wait_for_function("location.search === '?tab=video'")
        page.wait_for_selector("#clip", state="visible")


def test_an_answer_that_takes_long_says_so(visit):
    page = open_tab(visit())
    page.evaluate("() => { window.say = agrBusy; window.said = []; agrBusy = (b) => { said.push(b); say(b); }; }")
    page.get_by_role("tab", name="Age", exact=True).click()
    page.wait_for_function("said.includes(true) && said.at(-1) === false")
    assert page.locator("#head.agr-busy").count() == 0
    page.evaluate("() => { agrBusy = () => {}; say(true); }")  # and nothing comes for half a second
    page.wait_for_selector("#head.agr-busy")
    assert page.get_by_role("status").get_by_text("Working…").count() == 1
    page.evaluate("say(false)")
    page.wait_for_selector("#head:not(.agr-busy)")
    assert page.get_by_role("status").get_by_text("Working…").count() == 0
