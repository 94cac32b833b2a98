"""A face as a flat row: every value under its own name."""

import numpy as np
import pyarrow as pa
import pytest

from agr.images import ImageError
from agr.table import COLUMNS, face_row, photo_rows, schema
from tests.faces import make_face


@pytest.fixture
def face():
    return make_face(100, age=41)


def test_every_value_has_its_own_column(face):
    row = face_row(vars(face))
    assert tuple(row) == COLUMNS
    assert tuple(row[f"box_{side}"] for side in ("left", "top", "right", "bottom")) == face.box
    assert (row["score"], row["age"]) == (face.score, face.age)
    assert (row["age_low"], row["age_high"]) == face.age_interval
    assert row["age_low"] < row["age"] < row["age_high"]
    for task in ("age_group", "gender", "race"):
        assert row[task] == getattr(face, task)
        assert {name: row[f"prob_{task}_{name}"] for name in getattr(face, f"{task}_probs")} == getattr(
            face, f"{task}_probs"
        )


def test_every_photo_leaves_a_row(face):
    assert [row["face"] for row in photo_rows("a.jpg", [face, face])] == [1, 2]
    assert photo_rows("b.jpg", []) == [{"file": "b.jpg"}]
    assert photo_rows("c.jpg", ImageError("It is bad.")) == [{"file": "c.jpg", "error": "It is bad."}]


def test_tables_keep_the_networks_own_precision(face):
    table = pa.Table.from_pylist(photo_rows("a.jpg", [face]), schema())
    assert table.schema.field("prob_race_Others").type == pa.float32()
    assert table["age_high"][0].as_py() == pytest.approx(np.float32(face.age_interval[1]))
    assert table["error"].null_count == 1
