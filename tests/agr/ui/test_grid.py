import json
import re

import numpy as np
import pytest

from agr.evaluation.report import EvalReport
from agr.ui.grid import confusion_grid, gallery
from tests.conftest import ROOT

COUNTS = np.arange(4).reshape(2, 2)


def test_every_cell_is_a_button_that_says_what_it_is():
    text = confusion_grid(COUNTS, "gender", by="counts", hide_diagonal=False, chosen=(1, 0))
    assert text.count("<button") == 4
    assert "true Female, predicted Male: 2 faces" in text
    assert [json.loads(s) for s in re.findall(r"data-select='(.+?)'", text)][2] == {"row": 1, "column": 0}
    assert text.count('aria-pressed="true"') == 1


def test_shares_and_a_hidden_diagonal():
    text = confusion_grid(COUNTS, "gender", by="rows", hide_diagonal=True, chosen=None)
    assert "40 %" in text  # 2 of 5
    assert "60 %" not in text


@pytest.fixture
def rows():
    table = EvalReport.load(ROOT / "eval_reports" / "mobilenet_v2").predictions
    return table[table["detected"]].head(3)


def test_faces_that_cannot_be_had_are_placeholders(rows, encoded, astronaut):
    pictures = {rows["file"].iloc[0]: encoded(astronaut, "JPEG"), rows["file"].iloc[1]: b"broken"}
    text = gallery(rows, "race", pictures.get, ticked=[rows["file"].iloc[2]])
    assert text.count("data:image/jpeg") == 1
    assert text.count("unreadable") == 1
    assert text.count("no picture") == 1
    assert text.count("agr-ticked") == 1


def test_a_files_name_cannot_break_the_page(rows):
    evil = rows.head(1).assign(file="\"><script>alert('1')</script>")
    text = gallery(evil, "race", lambda key: None)
    assert "<script>" not in text
