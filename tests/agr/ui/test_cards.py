import base64
import csv
import io
import json
import re
from dataclasses import replace

import numpy as np
import pytest

from agr.images import load_photo
from agr.labels import AGE_GROUPS, RACES
from agr.render import caption
from agr.ui.cards import SPREAD_OUT, cards, downloads, message
from tests.faces import make_face

PHOTO = load_photo(np.zeros((480, 640, 3), np.uint8))


def fold(face):
    return f"<details>{face.crop.mean():.0f}</details>"


@pytest.fixture
def face():
    return replace(
        make_face(60, width=100, female=0.996),
        age=34.2,
        age_interval=(28.0, 41.0),
        age_group="33-43",
        age_group_probs=dict.fromkeys(AGE_GROUPS, 0.0) | {"33-43": 0.6, "21-32": 0.4},
        race="Asian",
        race_probs=dict(zip(RACES, (0.1, 0.1, 0.7, 0.1, 0.0), strict=True)),
    )


def test_a_card_says_it_all(face):
    text = cards([face, face], PHOTO, fold).replace("&nbsp;", " ")
    assert text.count("<article") == 2
    assert 'aria-label="Face 2"' in text
    assert text.count(f"{fold(face)}\n</article>") == 2
    for said in ("<strong>34</strong>", "28 to 41", "33–43: 60 %", "&lt;1 %", "&gt;99 %", "70 %", "Asian"):
        assert said in text
    assert text.count("agr-top") == 4  # one gender and one race a face
    assert caption(face) == "F 34"


def test_a_mean_outside_the_likeliest_group_is_explained(face):
    assert SPREAD_OUT not in cards([face], PHOTO, fold)  # 34 years, 33-43
    assert SPREAD_OUT in cards([replace(face, age=32.9)], PHOTO, fold)
    assert SPREAD_OUT not in cards([replace(face, age=43.9)], PHOTO, fold)


def test_several_cards_say_where_their_faces_are_and_one_need_not(face):
    assert re.findall('data-box="(.*?)"', cards([face, make_face(320, width=160)], PHOTO, fold)) == [
        " ".join(f"{x / side:.4f}" for x, side in zip(box, (640, 480) * 2, strict=True))
        for box in (face.box, make_face(320, width=160).box)
    ]
    assert "data-box" not in cards([face], PHOTO, fold)
    assert "<button" not in cards([face], PHOTO, fold)


def test_downloads_hold_the_results(face):
    links = dict(re.findall(r'download="(\S+)" href="data:[^,]+,([^"]+)"', downloads([face, face], PHOTO, "group")))
    result = json.loads(base64.b64decode(links["group_faces.json"]))
    assert (result["width"], result["height"], len(result["faces"])) == (640, 480, 2)
    assert result["faces"][0] == face.to_dict()
    rows = list(csv.DictReader(io.StringIO(base64.b64decode(links["group_faces.csv"]).decode())))
    assert [row["face"] for row in rows] == ["1", "2"]
    assert rows[0]["box_left"] == "10.0"
    assert rows[0]["prob_age_group_33-43"] == "0.6"


def test_messages_are_escaped_and_announced():
    text = message("<script>", is_error=True)
    assert "<script>" not in text
    assert 'role="alert"' in text
