"""A report made of random predictions, with everything that real ones have: twins, faces not found."""

import numpy as np
import pandas as pd
import pytest

from agr.evaluation.report import COLUMNS, PROBABILITY_COLUMNS, SCHEMA_VERSION, EvalReport
from agr.evaluation.summary import figures, group_figures
from agr.labels import GENDERS, RACES, TASK_CLASSES


@pytest.fixture(scope="session")
def predictions() -> pd.DataFrame:
    rng, n = np.random.default_rng(3), 300
    age = rng.integers(0, 100, n)
    table = pd.DataFrame({"file": [f"{a}_0_0_{i}.jpg" for i, a in enumerate(age)], "true_age": age})
    table["true_gender"] = rng.choice(GENDERS, n)
    table["true_race"] = rng.choice(RACES, n)
    table["pred_age"] = (age + rng.normal(0, 6, n)).clip(0, 116)
    table["age_low"], table["age_high"] = (table["pred_age"] - 8).clip(0), (table["pred_age"] + 8).clip(upper=116)
    for task, columns in PROBABILITY_COLUMNS.items():
        table[columns] = rng.dirichlet(np.full(len(columns), 0.5), n)
        table[f"pred_{task}"] = np.array(TASK_CLASSES[task])[table[columns].to_numpy().argmax(axis=1)]
    table["detected"] = rng.random(n) > 0.03
    table["has_twin"] = rng.random(n) < 0.1
    said = [c for c in COLUMNS if c.startswith(("pred_", "prob_", "age_"))]
    table.loc[~table["detected"], said] = None
    return table[COLUMNS]


@pytest.fixture(scope="session")
def report(predictions) -> EvalReport:
    summary = {
        "schema_version": SCHEMA_VERSION,
        "name": "random",
        "created": "2026-01-01T00:00:00+00:00",
        "model": {},
        "data": {},
        "figures": {"all": figures(predictions), "without_twins": figures(predictions[~predictions["has_twin"]])},
        "groups": group_figures(predictions),
    }
    return EvalReport(summary, predictions, pd.DataFrame({"epoch": [1, 2], "train_age": [3.0, 2.5]}))
