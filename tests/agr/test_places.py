"""Rows of a CSV find the photos that they name, and no others."""

import pandas as pd
import pytest

from agr.annotations import Labels
from agr.places import _below_their_folder, labels_at, place_of, report_names


@pytest.mark.parametrize(
    ("places", "shown"),
    [
        ([], []),
        (["home/anna/p/3/a.jpg", "home/anna/p/4/a.jpg"], ["3/a.jpg", "4/a.jpg"]),
        (["x/a.jpg", "y/a.jpg"], ["x/a.jpg", "y/a.jpg"]),
        (["a.jpg", "y/a.jpg"], ["a.jpg", "y/a.jpg"]),
        (["x/a.jpg", "x/y/a.jpg"], ["a.jpg", "y/a.jpg"]),
    ],
)
def test_a_report_does_not_tell_where_on_the_machine_photos_lie(places, shown):
    assert list(_below_their_folder(pd.Series(places, dtype=object))) == shown


@pytest.mark.parametrize(
    ("places", "listed", "joined", "ambiguous"),
    [
        (["mu\u0308ller.jpg"], ["m\u00fcller.jpg"], {"m\u00fcller.jpg": "m\u00fcller.jpg"}, 0),
        (["001.jpg"], ["holiday/001.jpg"], {"001.jpg": "holiday/001.jpg"}, 0),
        (["001.jpg"], ["holiday/001.jpg", "christmas/001.jpg"], {}, 2),
        (["001.jpg"], ["holiday/001.jpg", "001.jpg"], {"001.jpg": "001.jpg"}, 0),
        (["../photos/a.jpg"], ["/home/u/photos/a.jpg"], {"photos/a.jpg": "/home/u/photos/a.jpg"}, 0),
        (["p/a.jpg"], ["a.jpg", "./p/a.jpg"], {"p/a.jpg": "./p/a.jpg"}, 0),
        (["p/a.jpg", "q/a.jpg"], ["a.jpg", "q/a.jpg"], {"q/a.jpg": "q/a.jpg"}, 1),
        (["a.jpg", "p/a.jpg"], ["x/p/a.jpg"], {"p/a.jpg": "x/p/a.jpg"}, 0),
        (["p\\a.jpg.chip.jpg"], ["p/a.jpg"], {"p/a.jpg": "p/a.jpg"}, 0),
        (["a.jpg", "p/a.jpg"], ["a.jpg", "p/a.jpg"], {"a.jpg": "a.jpg", "p/a.jpg": "p/a.jpg"}, 0),
        (["p/a.jpg"], ["q/a.jpg", "b.jpg"], {}, 0),
    ],
)
def test_rows_and_photos_find_each_other(places, listed, joined, ambiguous):
    labels = {place_of(name): name for name in listed}  # told apart by what they are called
    found, several, absent = labels_at([place_of(place) for place in places], labels)
    assert (found, len(several)) == (joined, ambiguous)
    assert absent == (["b.jpg", "q/a.jpg"] if "b.jpg" in listed else [])


def test_many_photos_of_a_name_are_joined_at_once():
    listed = {f"{i}/01.jpg": Labels(age=i % 100) for i in range(20_000)}
    found, ambiguous, _ = labels_at([f"photos/{place}" for place in listed], listed)
    assert (len(found), ambiguous) == (20_000, [])  # pair by pair, this would take minutes


def test_a_report_calls_photos_by_name_or_where_several_share_it_by_path():
    places = pd.Series(["x/p/a.jpg", "x/q/a.jpg", "y/b.jpg"])
    assert list(report_names(places)) == ["p/a.jpg", "q/a.jpg", "b.jpg"]
