import base64
import csv
import io
import re
from dataclasses import replace

import numpy as np
import pytest

from agr.labels import AGE_GROUPS, GENDERS, RACES
from agr.tracking import Person
from agr.ui.video_html import MOST_ROWS, people_table, progress_bar, time_table, timeline, video_downloads
from agr.video import FaceAtTime


@pytest.fixture
def person():
    return Person(
        number=3,
        first_seen=0.0,
        last_seen=9.0,
        frames=12,
        age=34.2,
        age_interval=(28.0, 41.0),
        age_group="33-43",
        age_group_probs=dict.fromkeys(AGE_GROUPS, 0.125),
        gender="Female",
        gender_probs=dict(zip(GENDERS, (0.1, 0.9), strict=True)),
        race="Asian",
        race_probs=dict(zip(RACES, (0.1, 0.1, 0.7, 0.1, 0.0), strict=True)),
    )


@pytest.fixture
def rows(person):
    face = {name: value for name, value in person.to_dict().items() if name not in ("track", "frames")}
    face |= {"box": [1, 2, 3, 4], "score": 0.9}
    return [FaceAtTime(time, 3, face) for time in (0.0, 0.5, 1.0, 8.5, 9.0)] + [FaceAtTime(9.2, None, face)]


def test_a_person_is_a_row(person):
    text = people_table([person, replace(person, number=4)], {3: np.zeros((32, 32, 3), np.uint8)}).replace(
        "&nbsp;", " "
    )
    for said in ("0.0 to 9.0 s", "12 frames", "<strong>34</strong>", "28 to 41", "Female", "90 %", "Asian", "70 %"):
        assert said in text
    assert text.count("<img") == 1


def test_lanes_are_filled_where_somebody_is_seen(person, rows):
    text = timeline([person], rows, [0.0, 0.5, 1.0, 4.0, 8.5, 9.0, 9.2], 10.0, leads_to_video=False)
    assert "Person 3: 0.0 to 1.0 seconds, 8.5 to 9.0 seconds" in text
    assert "left:85.00%;width:5.00%" in text
    assert "<button" not in text


def test_lanes_that_lead_to_the_video_hold_a_button_for_each_stretch(person, rows):
    text = timeline([person], rows, [0.0, 0.5, 1.0, 4.0, 8.5, 9.0, 9.2], 10.0, leads_to_video=True)
    assert re.findall(r'<button[^>]*data-start="([\d.]+)"', text) == ["0.000", "8.500"]
    assert 'role="group" data-seconds="10.00" aria-label="Person 3: 0.0 to 1.0 seconds, 8.5 to 9.0 seconds"' in text
    assert "Show person 3 at 8.5 seconds" in text


@pytest.mark.parametrize(
    ("seconds", "ticks"),
    [
        (0.0, [0]),
        (3.96, [0, 1, 2, 3, 4]),
        (6.5, [0, 2, 4, 6]),
        (29.0, [0, 5, 10, 15, 20, 25]),
        (120.0, [*range(0, 121, 20)]),
    ],
)
def test_the_time_axis_has_round_steps(person, rows, seconds, ticks):
    text = timeline([person], rows, [row.time for row in rows], seconds, leads_to_video=False)
    assert [int(tick) for tick in re.findall(r">(\d+) s</span>", text)] == ticks
    assert f'<span style="left:{min(100, 100 * ticks[-1] / max(seconds, 0.1)):.2f}%' in text


def test_a_frame_that_is_shown_for_long_is_no_pause(person, rows):
    text = timeline([person], rows, [0.0, 0.5, 1.0, 8.5, 9.0, 9.2], 10.0, leads_to_video=False)
    assert "Person 3: 0.0 to 9.0 seconds" in text


def test_the_table_by_time_is_bounded(rows):
    text = time_table(rows)
    assert text.count("<tr>") == 7
    assert "<td>–</td>" in text  # found too briefly
    assert "first" not in text
    many = time_table(rows * 300)
    assert many.count("<tr>") == MOST_ROWS + 1
    assert "The first 1,000 of 1,800; the CSV has all." in many


def test_both_tables_can_be_saved(person, rows):
    links = dict(
        re.findall(r'download="(\S+)" href="data:[^,]+,([^"]+)"', video_downloads([person], rows, name="clip"))
    )
    tables = {name: list(csv.DictReader(io.StringIO(base64.b64decode(data).decode()))) for name, data in links.items()}
    assert [row["track"] for row in tables["clip-people.csv"]] == ["3"]
    assert tables["clip-people.csv"][0]["prob_race_Asian"] == "0.7"
    assert [row["time"] for row in tables["clip-times.csv"]] == ["0.0", "0.5", "1.0", "8.5", "9.0", "9.2"]
    assert tables["clip-times.csv"][-1]["track"] == ""


def test_progress_is_said_in_words_too():
    assert 'value="0.250"' in progress_bar(0.25, "Finding faces")
    assert "25 %" in progress_bar(0.25, "Finding faces")
