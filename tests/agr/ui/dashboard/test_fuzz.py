"""Every view can be drawn from whatever report opens: few faces, none found, labels missing, one class, odd numbers."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agr.evaluation.report import COLUMNS, PROBABILITY_COLUMNS, SCHEMA_VERSION, EvalReport
from agr.evaluation.summary import figures, group_figures
from agr.labels import GENDERS, MAX_AGE, RACES, TASK_CLASSES
from agr.ui.dashboard.look import Opened, look_at
from agr.ui.dashboard.state import Spot
from agr.ui.dashboard.views import VIEWS
from agr.ui.dashboard.views.age import BANDS
from agr.ui.dashboard.views.groups import KINDS

pytestmark = pytest.mark.slow
SOME = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
NAMES = st.text(st.characters(blacklist_categories=["Cs"]), max_size=12)
FIGURE = st.fixed_dictionaries({"value": st.none() | st.floats(-1e9, 1e9), "low": st.none(), "high": st.none()})
TOLD = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | NAMES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)


@st.composite
def tables(draw) -> pd.DataFrame:
    """Predictions that a report may hold, however odd."""
    n = draw(st.integers(1, 30))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    classes = draw(st.sampled_from([1, 2, 8]))  # how many of each task's classes are said and true
    labelled, found = draw(st.sampled_from([0, 0.5, 1])), draw(st.sampled_from([0, 0.5, 1]))
    files = draw(st.lists(NAMES, min_size=n, max_size=n, unique=True))
    table = pd.DataFrame({"file": files, "true_age": rng.integers(0, MAX_AGE + 1, n).astype(float)})
    table["true_gender"] = rng.choice(GENDERS[:classes], n)
    table["true_race"] = rng.choice(RACES[:classes], n)
    for name in ("true_age", "true_gender", "true_race"):
        table.loc[rng.random(n) >= labelled, name] = None
    table["pred_age"], table["age_low"], table["age_high"] = draw(st.sampled_from([0.0, 40.0, 116.0])), 3.0, 5.0
    for task, columns in PROBABILITY_COLUMNS.items():
        sharp = draw(st.sampled_from([1e-3, 1.0, 1e3]))  # certain, mixed or even
        probs = rng.dirichlet(np.full(len(columns), sharp), n)
        probs = np.nan_to_num(probs / probs.sum(axis=1, keepdims=True), nan=1 / len(columns))
        table[columns] = probs if classes > 1 else -np.sort(-probs, axis=1)  # or the first class is always said
        table[f"pred_{task}"] = np.asarray(TASK_CLASSES[task])[table[columns].to_numpy().argmax(axis=1)]
    table["detected"], table["has_twin"] = rng.random(n) < found, rng.random(n) < 0.3
    return table[COLUMNS]


@st.composite
def reports(draw) -> EvalReport:
    table = draw(tables())
    summary = {"schema_version": SCHEMA_VERSION, "name": draw(NAMES), "created": draw(NAMES)}
    summary |= {key: draw(st.dictionaries(NAMES, TOLD, max_size=3)) for key in ("model", "data")}
    honest = {"all": figures(table), "without_twins": figures(table[~table["has_twin"]])}
    odd = st.dictionaries(NAMES, FIGURE.map(lambda figure: figure | {"n": 3}), max_size=3)
    summary["figures"] = draw(st.just(honest) | st.fixed_dictionaries({"all": odd, "without_twins": odd}))
    summary["groups"] = draw(st.just(group_figures(table)) | TOLD)
    if draw(st.booleans()):
        summary["stress"] = draw(TOLD)
    columns = draw(st.lists(NAMES.filter(lambda name: name != "epoch"), max_size=3, unique=True))
    history = pd.DataFrame({"epoch": [1, 2], **{column: [0.5, np.nan] for column in columns}})
    return EvalReport(summary, table, draw(st.none() | st.just(history)))


@SOME
@given(
    report=reports(),
    chosen=st.fixed_dictionaries(
        {
            "task": st.sampled_from(list(TASK_CLASSES)),
            "twins": st.booleans(),
            "least": st.sampled_from([0, 0.9]),
            "oldest": st.sampled_from([MAX_AGE, 30]),
            "age_by": st.sampled_from(list(BANDS)),
            "figure": st.sampled_from(KINDS),
            "group_by": st.sampled_from([["race"], ["gender", "age_group"]]),
            "at_equal_ages": st.booleans(),
        }
    ),
)
def test_every_view_of_every_report(dashboard, report, chosen):
    opened = Opened("odd", report, lambda file: None)
    options = {name: control.value for name, control in dashboard.controls.items()}
    options |= chosen
    for view in VIEWS:
        look = look_at(
            opened, Spot(view.name, cell=(0, 0)), options, dashboard.initial, opened if view.name == "Compare" else None
        )
        shown = view.show(look)
        assert len(shown) == len(dashboard.outputs[view.name])
        assert all(value is None or isinstance(value, (str, go.Figure)) for value in shown)
