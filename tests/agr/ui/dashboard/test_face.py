import html
from dataclasses import replace

import pytest

from agr.evaluation.mislabels import mislabels
from agr.ui.dashboard.face import face_page
from agr.ui.dashboard.head import head
from agr.ui.dashboard.state import Spot
from tests.conftest import ASTRONAUT


def test_a_face_shows_all_three_distributions(look_with, opened):
    row = opened.predictions[opened.predictions["detected"]].iloc[10]
    text = face_page(look_with(Spot(face=row["file"])))
    assert text.count("agr-bar ") + text.count('agr-bar"') == 8 + 2 + 5
    assert f"labelled {row['true_age']:.0f} years, predicted {row['pred_age']:.1f}" in text
    assert f"{100 * row['prob_race_' + row['pred_race']]:.1f} %" in text


def test_twins_are_named_with_their_labels(look_with, opened):
    known = opened.report.summary["data"]["twins_of"]
    file, twins = next(iter(known.items()))
    text = face_page(look_with(Spot(face=file)))
    for twin in twins:
        assert f"{twin['file']}: {twin['age']}, {twin['gender']}, {twin['race']} ({twin['subset']})" in text


def test_every_face_that_is_marked_has_a_twin_elsewhere(opened):
    known, table = opened.report.summary["data"]["twins_of"], opened.predictions
    marked = set(table.loc[table["has_twin"], "file"])
    assert marked == {file for file, twins in known.items() if any(twin["subset"] != "test" for twin in twins)}
    assert len(marked) == 118


def test_only_labels_that_disagree_can_be_ticked(look_with, opened):
    file = mislabels(opened.predictions, "race")["file"].iloc[0]
    text = face_page(look_with(Spot(face=file, ticked=((opened.title, "race", file),))))
    assert html.escape(f'["race", "{file}"]', quote=True) in text
    assert text.count(" checked") == 1


@pytest.mark.parametrize("face", [None, "no such file.jpg"])
def test_no_face_no_page(look_with, face):
    assert face_page(look_with(Spot(face=face))) == ""


def test_without_any_picture_there_is_no_room_for_one(look_with, opened):
    look = look_with(Spot(face=opened.predictions["file"].iloc[0]))
    bare = replace(look, opened=replace(opened, has_faces=False))
    assert "agr-placeholder" in face_page(look)  # this one is missing, others may not be
    assert "agr-placeholder" not in face_page(bare)
    assert "AGR_UTKFACE, see README" in html.unescape(head(bare))
    assert "host" not in head(look)


def test_a_face_that_was_not_found_says_so(look_with, opened):
    file = opened.report.summary["data"]["undetected"][0]
    assert "found no face" in face_page(look_with(Spot(face=file)))


def test_what_counts_can_be_asked_of_a_face_that_was_found_if_there_are_pictures_and_a_model(look_with, opened):
    found, lost = opened.predictions["file"].iloc[0], opened.report.summary["data"]["undetected"][0]
    seen = replace(opened, find=lambda file: ASTRONAUT.read_bytes())

    def page(file, opened=seen, **options):
        return face_page(replace(look_with(Spot(face=file)), opened=opened), **options)

    key = html.escape(f'["{opened.title}", "{seen.id}", "{found}"]')
    assert f'data-key="{key}"' in page(found)
    assert "<details" not in page(found, has_model=False)
    assert "<details" not in page(found, opened=opened)  # its picture is not there
    assert "<details" not in page(found, opened=replace(seen, has_faces=False))
    assert "<details" not in page(lost)
