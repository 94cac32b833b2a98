"""Small made-up data in the form that `train` knows."""

import json

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from agr.align import TEMPLATE
from train.config import FitConfig

SIZE = 32
ONE_EPOCH = FitConfig(init="none", epochs=1, batch_size=8, precision="fp32")


@pytest.fixture
def run():
    """run(*args) -> what came of `python -m train` with them."""
    from train.__main__ import app

    return lambda *args: CliRunner().invoke(app, list(map(str, args)), catch_exceptions=False)


@pytest.fixture
def prepared(tmp_path):
    return write_prepared(tmp_path / "prepared")


@pytest.fixture
def split(prepared, tmp_path):
    return write_split(prepared, tmp_path / "split.csv")


def write_prepared(folder):
    """A folder as `prepare` leaves it, with 48 random crops of 32 px, one undetected and one malformed picture."""
    rng = np.random.default_rng(0)
    folder.mkdir()
    ages, genders, races = rng.integers(0, 90, 48), rng.integers(0, 2, 48), rng.integers(0, 5, 48)
    files = [f"{a}_{g}_{r}_2017{i:04d}.jpg" for i, (a, g, r) in enumerate(zip(ages, genders, races, strict=True))]
    index = pd.DataFrame(
        {"file": files, "content": files, "status": "face", "age": ages, "gender": genders, "race": races}
    )
    index["row"] = np.arange(48)
    others = [
        {
            "file": "30_0_0_20179998.jpg",
            "content": "x",
            "status": "undetected",
            "age": 30,
            "gender": 0,
            "race": 0,
            "row": -1,
        },
        {
            "file": "30_0_20179999.jpg",
            "content": "y",
            "status": "malformed",
            "age": -1,
            "gender": -1,
            "race": -1,
            "row": -1,
        },
    ]
    pd.concat([index, pd.DataFrame(others)]).to_csv(folder / "faces.csv", index=False)
    crops = np.full((48, SIZE, SIZE, 3), 90, np.uint8)
    crops[genders == 1] += 60  # something that can be learnt
    np.save(folder / "crops.npy", crops + rng.integers(0, 40, crops.shape, dtype=np.uint8))
    source = {"source": "elsewhere", "names": "n", "input_size": SIZE, "template": [list(p) for p in TEMPLATE]}
    (folder / "source.json").write_text(json.dumps(source))
    return folder


def write_split(prepared, path):
    files = pd.read_csv(prepared / "faces.csv")["file"].tolist()
    parts = ["train"] * 32 + ["valid"] * 12 + ["test"] * 5
    pd.DataFrame({"file": files[:49], "split": parts}).to_csv(path, index=False)
    return path
