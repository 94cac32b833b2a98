import csv
import html
import io
import re
from base64 import b64decode
from dataclasses import replace

import pytest

from agr.tracking import FaceTracker
from agr.ui.live_html import overlay, panel, table_link
from tests.faces import MASS, SIZE, make_face


@pytest.fixture
def tracked():
    """Two people in their fourth frame and a newcomer, and their tracker."""
    tracker = FaceTracker(interval_mass=MASS)
    old = [make_face(100, female=0.9, age=25), make_face(300, female=0.2, age=60)]
    for i in range(3):
        tracker.update(old, time=i * 0.2)
    return tracker.update([*old, make_face(500)], time=0.6), tracker


def test_boxes_lie_where_the_faces_are_and_captions_say_who(tracked):
    svg = overlay(tracked[0], SIZE, frame=7)
    assert 'viewBox="0 0 640 480"' in svg
    assert 'data-frame="7"' in svg
    xs = re.findall(r'class="agr-live-box[^"]*" x="([\d.]+)"', svg)
    assert [float(x) for x in xs] == [60, 260, 460]
    texts = [html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]+)</text>", svg)]
    assert len(texts) == 2  # the newcomer is not sure yet
    assert re.fullmatch(r"1 · F 25 \(\d+–\d+\)", texts[0])
    assert texts[1].startswith("2 · M 60")
    assert svg.count("agr-live-unsure") == 1


def test_captions_of_neighbours_do_not_cover_each_other():
    tracker = FaceTracker(interval_mass=MASS)
    for i in range(3):
        crowd = tracker.update([make_face(60 + 90 * k, 240, width=80) for k in range(7)], time=i * 0.2)
    svg = overlay(crowd, SIZE, frame=0)
    place = r'agr-live-back" x="(-?\d+)" y="(-?\d+)" width="(\d+)" height="(\d+)"'
    rects = [tuple(map(int, found)) for found in re.findall(place, svg)]
    assert len(rects) == 7
    for i, (x, y, w, h) in enumerate(rects):
        for x2, y2, w2, h2 in rects[i + 1 :]:
            assert x + w <= x2 + 1 or x2 + w2 <= x + 1 or y + h <= y2 + 1 or y2 + h2 <= y + 1


@pytest.mark.parametrize("size", [(1, 1), (40, 30), (4000, 30)])
def test_frames_of_any_size_have_an_overlay(tracked, size):
    for faces in ([], tracked[0]):
        assert overlay(faces, size, frame=0).endswith("</svg>")


def test_the_panel_counts_people_by_their_probabilities(tracked):
    _, tracker = tracked
    text = panel(tracker.people, tracker.present, seconds=3.6)
    assert re.findall(r"<dd>([^<]+)</dd>", text) == ["2", "2", "4 s"]
    bars = dict(re.findall(r'<dt>(Male|Female)</dt>.*?agr-value">([\d.]+)<', text))
    assert bars == {"Male": "0.9", "Female": "1.1"}
    assert text.count('scope="row"') == 2


def test_an_empty_panel_says_that_nobody_is_there():
    text = panel([], [], seconds=0)
    assert "Nobody is in view" in text
    assert "agr-top" not in text


def test_the_table_has_a_row_a_person(tracked):
    _, tracker = tracked
    link = table_link(tracker.people, asked=3)
    data = b64decode(re.search(r"base64,([^\"]+)", link).group(1)).decode()
    rows = list(csv.DictReader(io.StringIO(data)))
    assert [row["track"] for row in rows] == ["1", "2"]
    assert {"first_seen", "last_seen", "age_low", "age_high", "prob_age_group_54+", "prob_race_White"} <= set(rows[0])
    assert link != table_link(tracker.people, asked=4)  # a second click saves again
    assert "box" not in data.splitlines()[0]


def test_names_are_escaped(tracked):
    first = tracked[0][0]
    odd = replace(first, person=replace(first.person, gender="<b>"))
    assert "1 · &lt; 25" in overlay([odd], SIZE, frame=0)
