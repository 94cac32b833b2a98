import json
from dataclasses import replace

import pytest
from PIL import Image

from agr.annotations import Labels
from agr.labels import RACES
from agr.predictions import report_of, report_row, table_of
from agr.ui.cards import jpeg
from agr.ui.dashboard.face_parts import MISSING, parts_of
from agr.ui.dashboard.look import OWN, Opened, Reports
from tests.conftest import ASTRONAUT

KEY = json.dumps(["nasa", "portrait.jpg"])


@pytest.fixture(scope="module")
def face(analyzer):
    (face,) = analyzer.analyze(ASTRONAUT)
    return face


@pytest.fixture(scope="module")
def reports(face, tmp_path_factory):
    """A report of one face, whose picture is there, and of one whose picture is not."""
    labels = Labels(age=41, gender=1, race=0)
    rows = [report_row(f"{name}.jpg", labels, face, has_twin=False) for name in ("portrait", "lost", "meadow")]
    report = report_of(table_of(rows), name="nasa", model={}, data={}, history=None)
    folder = tmp_path_factory.mktemp("reports") / "nasa"
    report.save(folder)
    meadow = jpeg(Image.new("RGB", (200, 200), "green"))
    pictures = {"portrait.jpg": ASTRONAUT.read_bytes(), "meadow.jpg": meadow, "elsewhere.jpg": meadow}

    def find(file):
        assert file != "elsewhere.jpg"  # it is in no report: nobody may ask for it
        return pictures.get(file)

    return Reports({"nasa": folder}, find)


def test_a_reports_face_is_analyzed_anew(analyzer, reports):
    (said,) = parts_of(analyzer, reports, [KEY], None).values()
    assert said.count("<figure>") == 3
    assert "29 years" in said
    assert "another model" not in said


def test_of_ones_own_pictures_there_are_crops(analyzer, reports, face):
    opened = reports.open("nasa")
    own = Opened(
        OWN,
        opened.report,
        {"portrait.jpg": jpeg(Image.fromarray(face.crop), is_fine=True)}.get,
        is_own=True,
        has_crops=True,
    )
    key = json.dumps([OWN, "portrait.jpg"])
    assert "29 years" in parts_of(analyzer, reports, [key], own)[key]
    small = jpeg(Image.fromarray(face.crop).resize((112, 112)))
    smaller = replace(own, find={"portrait.jpg": small}.get)
    assert parts_of(analyzer, reports, [key], smaller)[key].count("<figure>") == 3
    assert MISSING in parts_of(analyzer, reports, [key], None)[key]  # nobody else's


def test_another_model_is_told(analyzer, reports):
    opened = reports.open("nasa")
    table = opened.report.predictions.copy()
    table.loc[:, [f"prob_race_{race}" for race in RACES]] = [0.4, 0.3, 0.1, 0.1, 0.1]
    other = Opened(OWN, replace(opened.report, predictions=table), opened.find, is_own=True)
    key = json.dumps([OWN, "portrait.jpg"])
    said = parts_of(analyzer, reports, [key], other)[key]
    assert "another model" in said
    assert "29 years (16 to 42), Female 0.87, White 0.99" in said


@pytest.mark.parametrize(
    "key",
    [
        json.dumps(["nasa", "lost.jpg"]),
        json.dumps(["nasa", "meadow.jpg"]),
        json.dumps(["nasa", "elsewhere.jpg"]),
        json.dumps(["of nobody", "portrait.jpg"]),
        json.dumps(["nasa", ["portrait.jpg"]]),
        json.dumps([["nasa"], "portrait.jpg"]),
        json.dumps({"nasa": 1}),
        "no JSON",
        "7",
        "[" * 100_000,
    ],
)
def test_what_is_not_there_is_said(analyzer, reports, key):
    assert MISSING in parts_of(analyzer, reports, [key], None)[key]
