import io
import json
from dataclasses import replace

import pytest
from PIL import Image

from agr.annotations import Labels
from agr.predictions import report_of, report_row, table_of
from agr.ui.cards import jpeg
from agr.ui.dashboard.face_parts import MISSING, parts_of
from agr.ui.dashboard.look import OWN, Opened, Reports
from tests.conftest import ASTRONAUT


def key_of(opened, file="portrait.jpg"):
    return json.dumps([opened.title, opened.id, file])


def png(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


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
    (said,) = parts_of(analyzer, reports, [key_of(reports.open("nasa"))], None).values()
    assert said.count("<figure>") == 3
    assert "29 years" in said
    assert "something else" not in said


def test_the_largest_face_counts(analyzer, reports, astronaut):
    face, small = astronaut.crop((130, 20, 310, 220)), astronaut.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    canvas = Image.new("RGB", (600, 300), (100, 110, 120))
    canvas.paste(small.crop((202, 20, 382, 220)).resize((90, 100)), (10, 10))
    canvas.paste(face, (300, 50))
    large, other = analyzer.analyze(canvas)
    assert large.summary() != other.summary()
    opened = reports.open("nasa")
    table = opened.report.predictions
    both = Opened("both", replace(opened.report, predictions=table), lambda file: png(canvas), is_own=True)
    (said,) = parts_of(analyzer, reports, [key_of(replace(both, title=OWN))], replace(both, title=OWN)).values()
    assert f"<strong>{large.age:.0f} years</strong>" in said


def test_of_ones_own_pictures_there_are_crops(analyzer, reports, face):
    content = jpeg(Image.fromarray(face.crop), is_fine=True)
    own = Opened(OWN, reports.open("nasa").report, {"portrait.jpg": content}.get, is_own=True, has_crops=True)
    key = key_of(own)
    assert "29 years" in parts_of(analyzer, reports, [key], own)[key]
    coarse = replace(own, find={"portrait.jpg": jpeg(Image.fromarray(face.crop).resize((112, 112)))}.get)
    said = parts_of(analyzer, reports, [key], coarse)[key]
    assert said.count("<figure>") == 3
    assert "something else" not in said  # it can only be this model's
    assert MISSING in parts_of(analyzer, reports, [key], None)[key]  # nobody else's
    assert MISSING in parts_of(analyzer, reports, [key], replace(own, id="the report before"))[key]


@pytest.mark.parametrize(
    ("change", "is_told"),
    [
        ({}, False),
        ({"pred_age": 0.1}, False),
        ({"pred_age": 0.3}, True),
        ({"prob_gender_Male": 0.008, "prob_gender_Female": -0.008}, False),
        ({"prob_gender_Male": 0.02, "prob_gender_Female": -0.02}, True),
    ],
)
def test_what_another_model_says_is_told(analyzer, reports, change, is_told):
    opened = reports.open("nasa")
    table = opened.report.predictions.copy()
    for column, difference in change.items():
        table[column] += difference
    other = Opened(OWN, replace(opened.report, predictions=table), opened.find, is_own=True)
    said = parts_of(analyzer, reports, [key_of(other)], other)[key_of(other)]
    assert (
        "which says something else than the report: 29 years (16 to 42), Female 0.87, White 0.99" in said
    ) == is_told


@pytest.mark.parametrize("file", ["lost.jpg", "meadow.jpg", "elsewhere.jpg", ["portrait.jpg"], None, 7])
def test_a_picture_that_is_not_there_is_said(analyzer, reports, file):
    key = key_of(reports.open("nasa"), file)
    assert MISSING in parts_of(analyzer, reports, [key], None)[key]


@pytest.mark.parametrize(
    "key",
    [
        json.dumps(["of nobody", "", "portrait.jpg"]),
        json.dumps(["nasa", "another id", "portrait.jpg"]),
        json.dumps([["nasa"], "", "portrait.jpg"]),
        json.dumps({"nasa": 1}),
        "no JSON",
        "7",
        "[" * 100_000,
    ],
)
def test_what_is_no_key_is_said_too(analyzer, reports, key):
    assert MISSING in parts_of(analyzer, reports, [key], None)[key]
