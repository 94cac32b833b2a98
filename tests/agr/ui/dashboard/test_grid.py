import html
import json
import re

import numpy as np
import pytest

from agr.ui.dashboard.grid import confusion_grid

COUNTS = np.arange(4).reshape(2, 2)


def test_every_cell_is_a_button_that_says_what_it_is():
    text = confusion_grid(COUNTS, "gender", by="counts", hide_diagonal=False, chosen=(1, 0))
    assert text.count("<button") == 4
    assert "true Female, predicted Male: 2 faces" in text
    sent = [json.loads(html.unescape(s)) for s in re.findall(r'data-act="(.+?)"', text)]
    assert [each["value"] for each in sent] == [[0, 0], [0, 1], None, [1, 1]]  # the chosen one lets go
    assert re.findall(r'tabindex="(.+?)"', text) == ["-1", "-1", "0", "-1"]
    assert text.count('aria-pressed="true"') == 1


def test_a_class_of_which_there_is_no_face_has_no_shares():
    counts = np.array([[3, 1], [0, 0]])
    assert confusion_grid(counts, "gender", by="rows", hide_diagonal=False, chosen=None).count(">–<") == 2
    assert "–" not in confusion_grid(counts, "gender", by="counts", hide_diagonal=False, chosen=None)


def test_shades_are_of_what_is_shown():
    counts = np.array([[90, 10], [2, 8]])

    def shades(**options) -> list[float]:
        text = confusion_grid(counts, "gender", chosen=None, **{"by": "counts", "hide_diagonal": False} | options)
        return [float(each) for each in re.findall(r"--share:([\d.]+)", text)]

    assert shades() == pytest.approx([1, 10 / 90, 2 / 90, 8 / 90], abs=1e-3)
    assert shades(hide_diagonal=True) == pytest.approx([0, 1, 0.2, 0], abs=1e-3)
    assert shades(by="rows") == pytest.approx([1, 1 / 9, 2 / 9, 8 / 9], abs=1e-3)


def test_shares_and_a_hidden_diagonal():
    text = confusion_grid(COUNTS, "gender", by="rows", hide_diagonal=True, chosen=None)
    assert "40 %" in text  # 2 of 5
    assert "60 %" not in text
