from urllib.parse import parse_qs

import pytest

from agr.ui.dashboard.state import Spot, address_of, read_address
from agr.ui.dashboard.views import VIEWS

NAMES = [view.name for view in VIEWS]


def test_the_first_view_has_a_short_address(dashboard):
    assert address_of(Spot(), dashboard.initial, dashboard.initial) == "?show=Figures"


def test_an_address_brings_everything_back(dashboard):
    spot = Spot(
        "Confusion",
        (4, 0),
        "a&b=1_0_0_2017.jpg",
        3,
        (("mobilenet_v2", "race", "x:y.jpg"), ("mobilenet_v2", "gender", "b.jpg")),
    )
    values = dashboard.initial | {
        "report": "mobilenet_v2",
        "task": "age_group",
        "twins": False,
        "gender": ["Female"],
        "age_group": ["3-6", "54+"],
        "predicted": ["0-2", "54+"],
        "least": 0.25,
        "youngest": 18,
        "oldest": 65,
        "age_by": "pred_age",
        "by": "columns",
        "hide": True,
        "group_by": ["gender", "race"],
        "other": "mobilenet_v2",
    }
    found, read = read_address(address_of(spot, dashboard.initial, values), dashboard.controls, NAMES)
    assert found == spot
    assert read == values


@pytest.mark.parametrize(
    "query",
    [
        "?show=Figures&task=<script>&least=x&gender=Martian&twins=maybe&report=../../etc&sheet=-1&cell=1",
        "?show=Figures&cell=999,0&sheet=99999999&least=-5&most=7",
        "?show=Figures&least=nan&most=inf&youngest=-1&oldest=117&age_by=height",
        "?show=Figures&cell=a,b&task=",
    ],
)
def test_what_does_not_fit_is_as_at_first(dashboard, query):
    spot, read = read_address(query, dashboard.controls, NAMES)
    assert (spot.cell, spot.page) == (None, 0)
    for name in ("task", "gender", "report", "least", "most", "youngest", "oldest", "age_by"):
        assert read[name] == dashboard.controls[name].value


def test_no_name_in_an_address_is_one_of_gradios(dashboard):
    values = dashboard.initial
    address = address_of(Spot("Confusion", (1, 0), "a.jpg", 2), dashboard.initial, values)
    assert not {"page", "view", "deep_link", "user"} & set(parse_qs(address[1:]))
    assert not {"page", "view", "deep_link", "user"} & set(values)
    spot, _ = read_address("?view=Confusion&cell=1,0", dashboard.controls, NAMES)  # as addresses said it first
    assert (spot.view, spot.cell) == ("Confusion", (1, 0))


@pytest.mark.parametrize("query", ["", "?", "?__theme=dark", "?show=Secrets"])
def test_an_address_without_a_view_opens_nothing(dashboard, query):
    assert read_address(query, dashboard.controls, NAMES) is None


def test_clicks_move_the_spot():
    spot = Spot("Mislabels").after("cell", [1, 2]).after("page", 2).after("face", "a.jpg")
    assert (spot.cell, spot.page, spot.face) == ((1, 2), 2, "a.jpg")
    ticked = spot.after("tick", ["r", "race", "a.jpg", True]).after("tick", ["r", "gender", "b.jpg", True])
    assert ticked.ticked_in("r") == (("race", "a.jpg"), ("gender", "b.jpg"))
    assert ticked.ticked_in("another") == ()
    assert ticked.after("tick", ["r", "race", "a.jpg", False]).ticked_in("r") == (("gender", "b.jpg"),)
    assert ticked.after("untick", "other") == ticked
    assert ticked.after("untick", "r").ticked == ()
    assert spot.after("face", None).face is None


@pytest.mark.parametrize(
    ("action", "value"),
    [
        *(("cell", value) for value in ([1], ["1", "2"], None)),
        *(("face", value) for value in (3, "x" * 1001)),
        *(("page", value) for value in ("1", True)),
        *(("tick", value) for value in (["race"], "race", [1, 2, True], ["a", "b"])),
        ("drop", 1),
    ],
)
def test_what_a_browser_should_not_send_changes_nothing(action, value):
    assert Spot().after(action, value) == Spot()
