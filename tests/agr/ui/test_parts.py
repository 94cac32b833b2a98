import base64
import io
import json
import re
from types import SimpleNamespace

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from agr.occlusion import CELLS, Hold, Occlusion
from agr.ui.parts import MOST_AT_ONCE, fold, fold_slot, parts_html
from tests.faces import make_face

CROP = np.full((160, 160, 3), 120, np.uint8)
LEFT, RIGHT = (slice(None), slice(0, 40)), (slice(None), slice(120, 160))


def hold(left=0.0, right=0.0, answer=0.87, least=0.6, most=0.93):
    """The left third of the cells has one effect, the right third another one."""
    effect = np.zeros((CELLS, CELLS))
    effect[:, :3], effect[:, 7:] = left, right
    return Hold(effect, answer, least, most)


def maps(text: str) -> list[np.ndarray]:
    """The pictures in HTML, as floats."""
    found = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text)
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(one))).convert("RGB"), float) for one in found]


def test_each_map_says_what_covering_does():
    found = Occlusion(
        make_face(0, female=0.87),
        hold(8, answer=34.4, least=26.0, most=35.5),
        hold(2),
        hold(-2, least=0.871, most=0.873),
    )
    text = parts_html(CROP, found).replace("&nbsp;", " ")
    said = re.findall("<figcaption>(.*?)</figcaption>", text)
    assert said == [
        "<strong>34 years</strong> with a part covered: 26 to 36",
        "<strong>Female 87 %</strong> with a part covered: 60 % to 93 %",
        "<strong>White 87 %</strong> with a part covered: 87 %",
    ]
    age, gender, race = maps(text)
    for picture, channel in ((age, 0), (gender, 0), (race, 2)):  # red speaks for it, blue against it
        assert picture[LEFT].mean(axis=(0, 1)).argmax() == channel
        assert np.ptp(picture[RIGHT].mean(axis=(0, 1))) < 3  # grey
    assert re.findall('alt="(.*?)"', text) == [
        "red most at the top, left, blue most nowhere",
        "red most at the top, left, blue most nowhere",
        "red most nowhere, blue most at the top, left",
    ]


def test_little_effects_are_pale():
    """Or what is far from changing an answer would look as if it decided it."""
    found = Occlusion(make_face(0), hold(0.1), hold(0.5), hold(5))
    colours = [np.ptp(picture[LEFT].mean(axis=(0, 1))) for picture in maps(parts_html(CROP, found))]
    assert colours[0] < colours[1] / 5
    assert colours[1] == pytest.approx(colours[2], rel=0.02)


def test_a_key_may_hold_anything():
    assert 'data-key="&lt;b&gt;&quot;"' in fold("slot", '<b>"')


@pytest.mark.parametrize(
    ("sent", "asked"),
    [
        ({"keys": ["a", "b"]}, ["a", "b"]),
        ({"keys": ["a", 1, None, ["b"]]}, ["a"]),
        ({"keys": "abc"}, []),
        ({"keys": ["a", "a", "b"]}, ["a", "b"]),
        ({}, []),
        (None, []),
        ("abc", []),
        ({"keys": [*"abcdefgh"]}, [*"abcdefgh"][:MOST_AT_ONCE]),
    ],
)
def test_a_browser_may_send_anything(sent, asked):
    with gr.Blocks() as page:
        fold_slot("slot", lambda keys: {key: key.upper() for key in keys}, [])
    event, _ = page.fns.values()
    first, second = (json.loads(event.fn(SimpleNamespace(_data=sent))) for _ in range(2))
    assert first["answers"] == {key: key.upper() for key in asked}
    assert first != second  # or the page would not notice the second one
