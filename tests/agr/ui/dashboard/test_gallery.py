import re
from dataclasses import replace

import pytest

from agr.ui.dashboard.gallery import PAGE_SIZE, gallery, heading, pictures_of
from agr.ui.dashboard.html import pager


@pytest.fixture
def rows(opened):
    table = opened.predictions
    return table[table["detected"]]


def test_faces_that_cannot_be_had_are_placeholders(rows, encoded, astronaut):
    rows = rows.head(3)
    pictures = {rows["file"].iloc[0]: encoded(astronaut, "JPEG"), rows["file"].iloc[1]: b"broken"}
    text = gallery(rows, "race", pictures.get, ticked=[("race", rows["file"].iloc[2])])
    assert text.count("data:image/jpeg") == 1
    assert text.count("unreadable") == 1
    assert text.count("no picture") == 1
    assert text.count("agr-ticked") == 1
    assert text.count("checked") == 1


@pytest.mark.parametrize(("page", "disabled"), [(0, ["Previous"]), (1, []), (2, ["Next"])])
def test_the_pager_goes_to_both_ends(page, disabled):
    text = pager(2 * PAGE_SIZE + 3, page, PAGE_SIZE)
    for title in ("Previous", "Next"):
        (button,) = re.findall(rf'<button[^>]*data-key="{title}"[^>]*>', text)
        assert ("disabled" in button) == (title in disabled)
    assert pager(PAGE_SIZE, 0, PAGE_SIZE) == ""


def test_without_any_picture_tiles_are_text_and_no_label_is_judged(rows, opened):
    text = gallery(rows.head(2), "race", pictures_of(replace(opened, has_faces=False)), ticked=[])
    assert text.count('class="agr-tile"><button type="button" data-act=') == 2  # by which the dialog finds neighbours
    assert "agr-placeholder" not in text
    assert "checkbox" not in text
    assert all(line in text for line in (*heading(rows.iloc[0].to_dict(), "race"), rows["file"].iloc[1]))
    assert pictures_of(opened) is opened.find


def test_a_long_name_is_there_in_full(rows):
    text = gallery(rows.head(1), "race", {}.get)
    assert f'<small title="{rows["file"].iloc[0]}">{rows["file"].iloc[0]}</small>' in text


def test_a_tick_belongs_to_its_task(rows):
    assert "agr-ticked" not in gallery(rows.head(1), "gender", {}.get, ticked=[("race", rows["file"].iloc[0])])


def test_pages_hold_all_faces_once(rows):
    rows = rows.head(2 * PAGE_SIZE + 3)
    pages = [gallery(rows, "race", {}.get, page=page) for page in range(3)]
    assert [text.count("agr-tile") for text in pages] == [PAGE_SIZE, PAGE_SIZE, 3]
    assert all(sum(file in text for text in pages) == 1 for file in rows["file"])
    assert "49 to 51 of 51" in pages[2]
    assert gallery(rows, "race", {}.get, page=99) == pages[2]
    assert "<nav" not in gallery(rows.head(2), "race", {}.get)


def test_a_files_name_cannot_break_the_page(rows):
    evil = rows.head(1).assign(file="\"><script>alert('1')</script>")
    text = gallery(evil, "race", lambda key: None, ticked=[], note=lambda row: "<b>")
    assert "<script>" not in text
    assert "<b>" not in text


def test_headings(opened, rows):
    row = rows.iloc[0].to_dict()
    true, pred = heading(row, "race")
    assert true == f"true {row['true_race']} ({row['prob_race_' + row['true_race']]:.3f})"
    assert pred == f"pred {row['pred_race']} ({row['prob_race_' + row['pred_race']]:.3f})"
    unseen = opened.predictions[~opened.predictions["detected"]].iloc[0].to_dict()
    assert heading(unseen, "race") == (f"true {unseen['true_race']}", "not found")
    assert heading(row | {"true_race": None}, "race")[0] == "no label"
