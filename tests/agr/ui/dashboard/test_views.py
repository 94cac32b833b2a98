"""What the views show, against the report itself."""

import base64
import copy
import html
import io
import re
from dataclasses import replace

import gradio as gr
import pandas as pd
import plotly.graph_objects as go
import pytest
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix

from agr.evaluation.figures import FAINT
from agr.evaluation.report import EvalReport
from agr.labels import RACES, TASK_CLASSES
from agr.ui.dashboard import BUSY, IDLE, Dashboard
from agr.ui.dashboard.face import face_page
from agr.ui.dashboard.head import head
from agr.ui.dashboard.html import act
from agr.ui.dashboard.look import NO_FACE, OWN, Opened, Reports, look_at
from agr.ui.dashboard.state import Spot, read_address
from agr.ui.dashboard.views import VIEWS
from agr.ui.dashboard.views import compare as views_compare
from tests.conftest import ROOT

BY_NAME = {view.name: view for view in VIEWS}


def columns_of(text: str) -> list[str]:
    """The names of a table's columns, without the buttons that sort it."""
    return [re.sub("<.*?>", "", name) for name in re.findall(r'<th scope="col">(.*?)</th>', text)]


def saved(text: str, name: str) -> pd.DataFrame:
    """The table behind a link."""
    found = re.search(rf'download="{name}.csv" href="data:text/csv;base64,([^"]+)"', text)
    assert found, name
    return pd.read_csv(io.BytesIO(base64.b64decode(found[1])))


@pytest.mark.parametrize("name", [view.name for view in VIEWS])
@pytest.mark.parametrize("task", TASK_CLASSES)
@pytest.mark.parametrize("chosen", [{}, {"gender": ["Female"], "least": 0.6}, {"race": ["Asian"], "least": 1.0}])
def test_every_view_answers_every_look(look_with, dashboard, name, task, chosen):
    """Also where the filters leave no face."""
    shown = BY_NAME[name].show(look_with(Spot(name, cell=(1, 0)), task=task, **chosen))
    assert len(shown) == len(dashboard.outputs[name])
    assert all(value is None or isinstance(value, (str, go.Figure)) for value in shown)


@pytest.mark.parametrize("twins", [True, False])
def test_figures_are_the_reports_to_the_last_digit(look_with, opened, twins):
    table = saved(BY_NAME["Figures"].show(look_with(twins=twins))[0], "figures").set_index("figure")
    for name, cell in opened.report.summary["figures"]["all" if twins else "without_twins"].items():
        assert table.loc[name, ["value", "low", "high", "n"]].tolist() == pytest.approx(list(cell.values()), abs=1e-9)


def test_the_ancestors_stand_beside_the_whole_test_part_alone(look_with, opened, dashboard):
    assert "DenseNet ancestor" in BY_NAME["Figures"].show(look_with())[0]
    assert "ancestor" not in BY_NAME["Figures"].show(look_with(race=["Others"]))[0]
    own = {**opened.report.summary, "data": {"name": "your own pictures"}}
    theirs = Opened("own", EvalReport(own, opened.report.predictions), opened.find, is_own=True)
    assert "ancestor" not in BY_NAME["Figures"].show(look_at(theirs, Spot(), look_with().options, dashboard.initial))[0]


def test_filtered_figures_equal_scikit_learn(look_with, opened):
    table = saved(BY_NAME["Figures"].show(look_with(gender=["Female"]))[0], "figures").set_index("figure")
    part = opened.predictions[opened.predictions["true_gender"] == "Female"]
    expected = accuracy_score(part["true_race"], part["pred_race"].fillna("nothing"))
    assert table.loc["race_accuracy", "value"] == pytest.approx(expected, abs=1e-9)
    assert table.loc["race_accuracy", "low"] < expected < table.loc["race_accuracy", "high"]
    assert table.loc["race_accuracy", "n"] == len(part)


def test_the_matrix_equals_scikit_learn(look_with, opened):
    counts = saved(BY_NAME["Confusion"].show(look_with())[0], "confusion_race")
    found = opened.predictions[opened.predictions["detected"]]
    expected = confusion_matrix(found["true_race"], found["pred_race"], labels=list(RACES))
    assert counts[list(RACES)].to_numpy().tolist() == expected.tolist()


def test_a_cell_holds_its_faces_and_an_empty_one_says_so(look_with, opened):
    table = opened.predictions
    inside = table[(table["true_race"] == "Others") & (table["pred_race"] == "White")]
    text, table, _ = BY_NAME["Confusion"].show(look_with(Spot("Confusion", cell=(4, 0))))[2:]
    assert f"{len(inside)} faces" in text
    assert set(saved(table, "faces")["file"]) == set(inside["file"])
    empty = BY_NAME["Confusion"].show(look_with(Spot("Confusion", cell=(4, 0)), race=["White"]))[2:]
    assert "There is none to show" in empty[0]
    assert not empty[1]


def test_each_class_has_its_recall_precision_and_f1(look_with, opened):
    *_, text = BY_NAME["Confusion"].show(look_with(task="race"))
    table = opened.predictions
    assert not table["detected"].all()  # what is not found is missed, and no wrong answer
    expected = classification_report(
        table["true_race"], table["pred_race"].fillna("none"), labels=list(RACES), output_dict=True, zero_division=0
    )
    found = saved(text, "classes_race").set_index("class")
    for race in RACES:
        row = found.loc[race]
        wanted = expected[race]
        assert (row["recall"], row["precision"], row["f1"]) == pytest.approx(
            (wanted["recall"], wanted["precision"], wanted["f1-score"])
        )
        assert row["n"] == wanted["support"]
        assert row["f1_low"] < row["f1"] < row["f1_high"]
        assert f"<td>{100 * row['precision']:.1f}<small>" in text


def test_a_cell_of_few_faces_is_not_said_to_be_empty(look_with):
    text, figure, *_ = BY_NAME["Confusion"].show(look_with(task="age_group"))
    drawn = figure.data[0]
    few = (drawn.customdata > 0) & (drawn.z < 0.01)
    assert few.any()
    assert {*drawn.text[few]} == {"&lt;1 %"}
    assert set(drawn.customdata[drawn.text == "0 %"]) == {0}
    assert text.count(">&lt;1 %</button>") == few.sum()


def test_a_label_that_the_model_agrees_with_is_not_ticked(look_with):
    right, wrong = (BY_NAME["Confusion"].show(look_with(Spot("Confusion", cell=cell)))[2] for cell in ((0, 0), (0, 1)))
    assert "agr-tile" in right
    assert "checkbox" not in right
    assert "checkbox" in wrong


def test_the_threshold_counts_and_the_ticked_are_exported_over_tasks(look_with, opened):
    text, export, link = BY_NAME["Mislabels"].show(look_with(threshold=0.5))
    listed = saved(link, "mislabels_race")
    assert f"{len(listed)} of them" in text
    assert (listed["wrong_confidence"] >= 0.5).all()
    assert "chosen: 0" in export
    file, table = listed["file"][0], opened.predictions
    old = table[table["pred_age_group"] != table["true_age_group"]].iloc[0]
    ticked = ((opened.title, "race", file), (opened.title, "age_group", old["file"]), ("another", "gender", file))
    export = BY_NAME["Mislabels"].show(look_with(Spot(ticked=ticked)))[1]
    assert saved(export, "relabel")[["file", "task"]].to_numpy().tolist() == [[old["file"], "age"], [file, "race"]]


def test_groups_name_the_widest_gap_and_save_selection_rates(look_with, opened):
    gap, _, text = BY_NAME["Groups"].show(look_with(group_by=["race"], figure="selection rate", task="gender"))
    table = saved(text, "groups").set_index("race")
    part = opened.predictions[opened.predictions["true_race"] == "Asian"]
    assert table.loc["Asian", "n"] == len(part)
    assert table.loc["Asian", "gender_selection_Female"] == pytest.approx((part["pred_gender"] == "Female").mean())
    assert "predicted" in gap
    assert "Choose at least one" in BY_NAME["Groups"].show(look_with(group_by=[]))[0]


def test_groups_of_other_ages_are_compared_at_equal_ones(look_with, opened):
    show = BY_NAME["Groups"].show
    gap, _, text = show(look_with(group_by=["race"], figure="accuracy", task="gender"))
    assert "The groups differ in age too, from 2" in gap
    equal, drawn, table = show(look_with(group_by=["race"], figure="accuracy", task="gender", at_equal_ages=True))
    assert "differ in age" not in equal
    assert "at equal ages" in drawn.layout.title.text
    before, after = (saved(each, "groups").set_index("race")["gender_accuracy"] for each in (text, table))
    assert after["Asian"] > before["Asian"] + 0.02  # of whose faces a quarter are small children's
    by_age = [show(look_with(group_by=["race", "age_group"], at_equal_ages=equal))[2] for equal in (False, True)]
    assert saved(by_age[0], "groups").equals(saved(by_age[1], "groups"))
    assert "has no effect" in show(look_with(group_by=["age_group"], at_equal_ages=True))[0]
    assert "Compared without" not in equal
    table = opened.predictions
    fewer = table[(table["true_race"] != "Black") | (table["true_age"] > 6)]
    look = replace(
        look_with(group_by=["race"], at_equal_ages=True),
        table=fewer,
        opened=Opened("fewer", opened.report, opened.find),
    )
    assert "Compared without the ages 0-2, 3-6: there some group has fewer than 5 faces." in show(look)[0]


def test_every_predicted_class_says_how_sure_and_how_often_right(look_with, opened):
    table = saved(BY_NAME["Calibration"].show(look_with())[3], "by_predicted_class").set_index(["task", "predicted"])
    assert len(table) == sum(map(len, TASK_CLASSES.values()))
    part = opened.predictions[opened.predictions["pred_race"] == "Others"]
    row = table.loc[("race", "Others")]
    assert row["n"] == len(part)
    assert row["confidence"] == pytest.approx(part["prob_race_Others"].mean())
    assert row["accuracy"] == pytest.approx((part["true_race"] == "Others").mean())


def test_no_gap_is_named_where_there_is_none(look_with):
    look = look_with(task="gender", predicted=["Male"], group_by=["race"], figure="selection rate")
    assert "No gap" in BY_NAME["Groups"].show(look)[0]
    said, figure, _ = BY_NAME["Groups"].show(look_with(task="race", group_by=["race"], figure="selection rate"))
    assert "is the confusion matrix" in said
    assert figure is None


@pytest.mark.parametrize("name", ["Confusion", "Mislabels", "Groups", "Abstain", "Figures"])
def test_what_has_no_label_of_the_task_says_so(opened, look_with, name, dashboard):
    table = opened.report.predictions.assign(true_race=None)
    bare = Opened("x", EvalReport(opened.report.summary, table), opened.find)
    shown = BY_NAME[name].show(look_at(bare, Spot(), look_with(task="race", least=0.1).options, dashboard.initial))
    assert "nan" not in shown[0]
    if name == "Figures":
        return
    assert "None of these faces has" in shown[0]
    none = BY_NAME[name].show(
        look_at(opened, Spot(), look_with(task="race", least=1.0, race=["Others"]).options, dashboard.initial)
    )
    assert NO_FACE in none[0]
    assert not [figure for figure in none[1:] if isinstance(figure, go.Figure)]


def test_no_f1_of_classes_that_were_filtered_away(look_with):
    table = saved(BY_NAME["Figures"].show(look_with(race=["Asian"]))[0], "figures").set_index("figure")
    assert "race_macro_f1" not in table.index
    assert "gender_macro_f1" in table.index


def test_what_depends_on_no_task_is_computed_once_for_all(look_with):
    first, second = (look_with(task=task, race=["Asian"]) for task in ("race", "gender"))
    assert first.table is second.table
    assert first.once("x", lambda: 1) == second.once("x", lambda: 2) == 1
    sure = [look_with(task=task, least=0.9) for task in ("race", "gender")]
    assert len(sure[0].table) != len(sure[1].table)


def test_a_lost_report_is_said_by_compare_alone(look_with, dashboard, opened):
    options = look_with().options | {"report": "mobilenet_v2", "other": OWN}
    answer = dashboard.answer("", Spot("Compare"), None, *options.values())
    assert "Selected" in answer[dashboard.head]
    assert "it is kept for an hour" in answer[dashboard.outputs["Compare"][0]]


def test_where_the_session_was_forgotten_the_address_says_what_is_open(look_with, dashboard):
    options = look_with(task="gender", twins=False).options
    query = "?show=Confusion&cell=0%2C1&tick=gender%3A1_0_0_2.jpg&task=gender"
    answer = dashboard.first_page(query, None, None, *options.values())
    assert answer[dashboard.spot] == Spot("Confusion", (0, 1), ticked=((options["report"], "gender", "1_0_0_2.jpg"),))
    assert "true Male, predicted Female" in answer[dashboard.outputs["Confusion"][0]]
    assert answer[dashboard.address] == query + "&twins=0"
    for query in ("", "?show=nothing", "?tab=video"):
        assert dashboard.answer(query, None, None, *options.values())[dashboard.spot] == Spot()


def test_after_an_address_was_restored_the_view_is_of_what_the_controls_say(look_with, dashboard):
    spot, options = Spot("Confusion"), look_with(task="gender", twins=False).options
    said = dashboard.answer("", spot, None, *options.values())[dashboard.address]
    assert set(dashboard.reconcile(said, spot, None, *options.values())) == {dashboard.spot}  # as it is
    assert set(dashboard.reconcile("", None, None, *options.values())) == {dashboard.spot}  # nothing was restored
    changed = options | {"twins": True}
    answer = dashboard.reconcile(said, spot, None, *changed.values())
    assert answer == dashboard.answer(said, spot, None, *changed.values())


def test_the_sign_of_work_goes_after_a_failure_too(dashboard):
    fns = dashboard.tab.parent.parent.fns.values()
    ends = {fn.trigger_after: fn for fn in fns if fn.js == IDLE and fn.trigger_only_on_failure}
    begun = [fn for fn in fns if fn.js == BUSY]
    assert len(begun) > 10
    assert all(fn._id in ends for fn in begun)


def test_of_twins_nothing_is_said_where_nobody_looked(opened, look_with, dashboard):
    file = opened.predictions["file"].iloc[0]
    for data, said in (({"name": "x"}, ""), ({"name": "x", "twins_of": {}}, "No identical copy was found")):
        report = EvalReport({**opened.report.summary, "data": data}, opened.report.predictions)
        look = look_at(Opened("x", report, lambda file: None), Spot(face=file), look_with().options, dashboard.initial)
        assert "twins" not in head(look)
        assert said in face_page(look)
        assert ("identical" in face_page(look)) == bool(said)


def test_small_groups_are_faint_and_no_gap_is_named_after_them(look_with):
    look = look_with(group_by=["race", "age_group"])
    gap, figure, text = BY_NAME["Groups"].show(look)
    table = saved(text, "groups")
    small = table[table["n"] < 30]
    assert len(small)
    assert text.count("agr-faint") == len(small)
    assert list(figure.data[0].marker.opacity).count(FAINT) == len(small)
    assert not any(f"{row.race}, {row.age_group} " in gap for row in small.itertuples())


def test_two_reports_are_compared_on_their_files(look_with, first):
    text, faces, link = BY_NAME["Compare"].show(look_with(other=first))
    table = saved(text, "compare").set_index("figure")
    figures = first.report.summary["figures"]["all"]
    assert table.loc["race_accuracy", "first"] == pytest.approx(figures["race_accuracy"]["value"])
    assert (table["difference_low"] <= table["difference"]).all()
    listed = saved(link, "disagreements")
    assert f"Only first is right: {len(listed)} faces" in faces
    assert (listed["true_race"] != listed["pred_race"].fillna("")).all()
    assert {"true_age", "true_gender", "prob_race_Asian"} <= {*listed}
    assert "Choose another report" in BY_NAME["Compare"].show(look_with())[0]
    _, faces, link = BY_NAME["Compare"].show(look_with(other=first, side="both contradict the label alike"))
    both = saved(link, "contradicted")
    assert f"Both models give {len(both)} faces the same class" in faces
    assert (both["true_race"] != both["pred_race"]).all()


@pytest.mark.parametrize(
    ("kept", "said"), [(2, "b is the open report: compared with a."), (1, "Choose another report")]
)
def test_a_report_is_not_compared_with_itself(look_with, kept, said):
    folders = {"b": ROOT / "eval_reports" / "mobilenet_v2", "a": ROOT / "eval_reports" / "mobilenet_v2_stage1"}
    with gr.Blocks() as page:
        tab_of = Dashboard(Reports(dict(list(folders.items())[:kept])))
        with gr.Tabs() as tabs, gr.Tab("Evaluation", id="evaluation") as tab:
            tab_of.build(tab, tabs, page, None)
    options = look_with().options | {"report": "b", "other": "b"}
    text = tab_of.answer("", Spot("Compare"), None, *options.values())[tab_of.outputs["Compare"][0]]
    assert said in text
    assert ("agr-table" in text) == (kept == 2)


def test_another_task_is_no_other_comparison(look_with, first, monkeypatch):
    calls = []
    compare = views_compare.compare
    monkeypatch.setattr(views_compare, "compare", lambda *tables: calls.append(1) or compare(*tables))
    other = Opened("first", first.report, lambda file: None, is_own=True)
    for task in ("race", "gender", "age_group"):
        BY_NAME["Compare"].show(look_with(other=other, task=task))
    assert len(calls) == 1


def test_models_are_not_compared_where_one_of_them_is_unsure(look_with, first):
    text, *_ = BY_NAME["Compare"].show(look_with(other=first, race=["Asian"]))
    again, *_ = BY_NAME["Compare"].show(look_with(other=first, race=["Asian"], most=0.5, predicted=["White"]))
    assert saved(again, "compare").equals(saved(text, "compare"))
    assert "ignores the filters" in again
    assert "ignores the filters" not in text


def test_what_a_choice_by_label_makes_senseless_is_not_compared(look_with, first):
    text, *_ = BY_NAME["Compare"].show(look_with(other=first, race=["Asian"]))
    names = {*saved(text, "compare")["figure"]}
    assert {"race_accuracy", "gender_ece"} <= names
    assert not {"race_macro_f1", "race_ece"} & names


def test_who_is_abstained_on(look_with, opened):
    *_, text = BY_NAME["Abstain"].show(look_with(task="gender", floor=0.8))
    table = opened.predictions
    babies = table[table["true_age_group"] == "0-2"]
    sure = babies[["prob_gender_Male", "prob_gender_Female"]].max(axis=1) >= 0.8
    row = re.search(r"Age group: 0-2</th><td>(\d+)</td><td>(\d+)</td><td>([\d.]+)<small>", text)
    assert row
    assert [int(row[1]), int(row[2])] == [len(babies), (~sure).sum()]
    assert float(row[3]) == pytest.approx(100 * (~sure).mean(), abs=0.05)
    answered = saved(text, "abstain_groups").set_index(["by", "group"]).loc[("age_group", "0-2")]
    right = (babies["pred_gender"] == babies["true_gender"])[sure]
    assert (answered["answered"], answered["right"]) == (sure.sum(), pytest.approx(right.mean()))
    assert answered["right_low"] < right.mean() < answered["right_high"]
    assert f"<td>{100 * right.mean():.1f}<small>" in text


def test_the_training_says_what_came_before(opened, dashboard):
    options = {name: control.value for name, control in dashboard.controls.items()}
    text = BY_NAME["Training"].show(look_at(opened, Spot(), options, dashboard.initial))[-1]
    assert "the last of 7" in text
    assert "Of the first of the 2 runs" in text


def test_compare_says_when_there_is_nothing_in_common(look_with, opened):
    table = opened.report.predictions
    other = EvalReport(opened.report.summary, table.assign(file="other_" + table["file"]))
    text, *_ = BY_NAME["Compare"].show(look_with(other=Opened("other", other, opened.find)))
    assert "no labelled file in common" in text


def test_a_report_without_history_says_so(opened, dashboard):
    bare = Opened("bare", EvalReport(opened.report.summary, opened.report.predictions), opened.find)
    options = {name: control.value for name, control in dashboard.controls.items()}
    assert "without a history" in BY_NAME["Training"].show(look_at(bare, Spot(), options, dashboard.initial))[-1]


def test_robustness_is_shown_if_it_was_measured(opened, dashboard):
    options = {name: control.value for name, control in dashboard.controls.items()}
    gap = {"value": -0.02, "low": -0.03, "high": -0.01, "n": 1000}
    entry = {"plain": 0.9, "value": 0.88, "difference": gap}
    names = ["age_mae", "age_group_accuracy", "age_group_one_off", "gender_accuracy", "race_accuracy", "detected"]
    stress = [{"condition": "blurred", "n": 1000, "figures": dict.fromkeys(names, entry)}]
    report = EvalReport(opened.report.summary | {"stress": stress}, opened.report.predictions)
    (text,) = BY_NAME["Robustness"].show(look_at(Opened("x", report, opened.find), Spot(), options, dashboard.initial))
    assert "<strong>-2.0" in text
    assert "as by chance alone 0 of these 6 would" in text
    assert len(saved(text, "robustness")) == 6
    bare = EvalReport({k: v for k, v in opened.report.summary.items() if k != "stress"}, opened.report.predictions)
    (text,) = BY_NAME["Robustness"].show(look_at(Opened("x", bare, opened.find), Spot(), options, dashboard.initial))
    assert "--stress" in text


EVIL = "<img src=x onerror=alert(1)>.jpg"


@pytest.fixture
def evil(opened):
    """A report from anyone: what is text in it holds markup."""
    summary = copy.deepcopy(opened.report.summary)
    table = opened.predictions.copy()
    first = table["file"].iloc[0]
    table.loc[0, "file"] = EVIL
    summary["name"] = summary["model"]["backbone"] = summary["data"]["name"] = summary["data"]["subset"] = EVIL
    twin = {"file": EVIL, "subset": EVIL, "age": 3, "gender": EVIL, "race": EVIL}
    summary["data"]["twins_of"] = {EVIL: [twin], first: [twin]}
    for condition in summary["stress"]:
        condition["condition"] = EVIL
    history = opened.report.history.rename(columns={"train_age": EVIL})
    return Opened(EVIL, EvalReport(summary, table, history), lambda file: None)


@pytest.mark.parametrize("name", [view.name for view in VIEWS])
def test_no_text_of_a_report_is_markup(dashboard, evil, name):
    options = {each: control.value for each, control in dashboard.controls.items()}
    row = evil.predictions.iloc[0]
    cell = (RACES.index(row["true_race"]), RACES.index(row["pred_race"]))
    other = Opened(EVIL, evil.report, lambda file: None) if name == "Compare" else None
    look = look_at(evil, Spot(name, cell=cell, face=EVIL), options, dashboard.initial, other)
    shown = [head(look), face_page(look), *BY_NAME[name].show(look)]
    texts = [value for value in shown if isinstance(value, str)]
    assert EVIL not in "".join(texts)
    assert html.escape(EVIL) in face_page(look)
    assert "<img src=x" not in "".join(value.to_json() for value in shown if isinstance(value, go.Figure))


def test_one_visitors_comparison_is_not_anothers(opened, dashboard):
    """All who opened a report of their own call it by the same name."""
    options = {each: control.value for each, control in dashboard.controls.items()}
    shared = Opened("shared", opened.report, lambda file: None)
    texts = []
    for seed in (0, 1):
        table = opened.predictions.copy()
        table["pred_race"] = table["pred_race"].sample(frac=1, random_state=seed).to_numpy()
        probs = [f"prob_race_{race}" for race in RACES]
        table[probs] = pd.get_dummies(table["pred_race"])[list(RACES)].astype(float).to_numpy()
        table.loc[~table["detected"], ["pred_race", *probs]] = None
        found = table["detected"] & table["pred_race"].isna()
        table = table[~found]
        own = Opened("your own", EvalReport(opened.report.summary, table), lambda file: None, is_own=True)
        texts.append(
            "".join(
                filter(
                    lambda value: isinstance(value, str),
                    BY_NAME["Compare"].show(look_at(shared, Spot("Compare"), options, dashboard.initial, own)),
                )
            )
        )
    assert texts[0] != texts[1]


def test_among_faces_chosen_by_their_label_no_calibration_is_shown(look_with):
    *drawn, text = BY_NAME["Calibration"].show(look_with(race=["Others"]))
    assert [figure is None for figure in drawn] == [task == "race" for task in TASK_CLASSES]
    assert "Not shown for race" in text
    assert set(saved(text, "by_predicted_class")["task"]) == {"age_group", "gender"}
    (figures,) = BY_NAME["Figures"].show(look_with(race=["Others"]))
    names = set(saved(figures, "figures")["figure"])
    assert "race_ece" not in names
    assert "gender_ece" in names
    *drawn, text = BY_NAME["Calibration"].show(look_with(race=["Others"], gender=["Male"], age_group=["0-2"]))
    assert drawn == [None] * 3
    assert "age group and gender and race" in text
    *drawn, text = BY_NAME["Calibration"].show(look_with(youngest=20))
    assert drawn[0] is None
    assert "Not shown for age group" in text


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({"by": "rows", "predicted": ["White"]}, "shares of rows"),
        ({"by": "columns", "race": ["White"]}, "shares of columns"),
        ({"by": "counts", "race": ["White"], "predicted": ["White"]}, None),
        ({"by": "rows", "race": ["White"]}, None),
        ({"by": "columns", "task": "age_group", "oldest": 30}, "shares of columns"),
    ],
)
def test_shares_that_a_filter_makes_senseless_are_told(look_with, chosen, said):
    text = BY_NAME["Confusion"].show(look_with(**chosen))[0]
    assert ("look at counts" in text) == bool(said)
    assert said is None or f"so are the {said}" in text


def test_filters_are_named_wherever_they_are(look_with):
    look = look_with(race=["Asian", "Black"], predicted=["White"], least=0.5, twins=False)
    assert "Filtered by true race Black, Asian" in head(look) or "Filtered by true race Asian, Black" in head(look)
    assert "predicted race White; confidence in race 0.50 to 1.00; twins left out." in head(look)
    assert "Filtered by true age 20 to 39 years." in head(look_with(youngest=20, oldest=39))
    assert "Filtered" not in head(look_with())


def test_by_age_the_largest_errors_come_first_and_are_told(look_with, opened):
    text, _, link = BY_NAME["Mislabels"].show(look_with(order="years_off", threshold=1.0))
    table = opened.predictions[opened.predictions["detected"]]
    wrong = table[table["true_race"] != table["pred_race"]]
    worst = wrong.loc[(wrong["pred_age"] - wrong["true_age"]).abs().astype(float).idxmax()]
    assert f"labelled {worst['true_age']:.0f} years, predicted {worst['pred_age']:.0f}" in text
    assert saved(link, "mislabels_race")["file"].iloc[0] == worst["file"]


def test_faces_that_one_model_gets_right_begin_with_those_of_which_the_other_was_surest(look_with, opened, first):
    probabilities = [f"prob_race_{race}" for race in RACES]
    for side, wrong in (("only the other is right", opened), ("only this one is right", first)):
        _, _, link = BY_NAME["Compare"].show(look_with(other=first, side=side))
        files = saved(link, "disagreements")["file"]
        sureness = wrong.predictions.set_index("file").loc[files, probabilities].max(axis=1).dropna()
        assert len(sureness) > 10
        assert sureness.is_monotonic_decreasing


def test_groups_have_the_chosen_figure_in_their_table(look_with):
    *_, text = BY_NAME["Groups"].show(look_with(group_by=["gender"], figure="selection rate"))
    heads = columns_of(text)
    assert heads[2:4] == ["predicted White, %", "predicted Black, %"]
    *_, text = BY_NAME["Groups"].show(look_with(group_by=["gender"], figure="age bias"))
    heads = columns_of(text)
    assert heads[2] == "Age: bias, years"
    assert len(heads) == len(set(heads)) == 7


def test_age_bands_are_by_the_age_that_is_chosen(look_with, opened):
    found = opened.predictions[opened.predictions["detected"]]
    for by, title in (("true_age", "true age"), ("pred_age", "predicted age")):
        *figures, text = BY_NAME["Age"].show(look_with(age_by=by))
        assert all(figures[i].layout.xaxis.title.text == f"{title}, years" for i in (1, 3))
        part = found[(found[by] >= 30) & (found[by] < 40)]
        row = saved(text, "age_bands").set_index(by).loc["30-39"]
        assert row["age_bias"] == pytest.approx((part["pred_age"] - part["true_age"]).mean())
        holds = part["true_age"].between(part["age_low"], part["age_high"])
        assert row["age_interval_coverage"] == pytest.approx(holds.mean())
        assert f"By {title}, " in text


def test_bands_by_width_are_those_that_an_answer_shows(look_with, opened):
    *figures, text = BY_NAME["Age"].show(look_with(age_by="width"))
    assert all(figures[i].layout.xaxis.title.text == "width of the interval, years" for i in (1, 3))
    found = opened.predictions[opened.predictions["detected"]]
    width = found["age_high"] - found["age_low"]
    rows = saved(text, "age_bands").set_index("width")
    assert list(rows.index) == ["under 5", "5-10", "10-15", "15-20", "20-30", "30+"]
    assert rows["n"].sum() == len(found)
    assert rows["age_mae"].is_monotonic_increasing  # the wider, the further off
    part = found[(width >= 10) & (width < 15)]
    assert rows.loc["10-15", "age_mae"] == pytest.approx((part["pred_age"] - part["true_age"]).abs().mean())
    assert "which answers to trust" in text


@pytest.mark.parametrize(
    ("chosen", "names"),
    [
        ({"youngest": 54, "oldest": 70}, ["54-59", "60-69", "70"]),
        ({"age_group": ["0-2", "7-13", "54+"]}, ["0-2, 7-9", "10-13", "54-59", "60-69", "70-79", "80+"]),
        ({"youngest": 85}, ["85+"]),
        ({"oldest": 9}, ["0-9"]),
    ],
)
def test_a_band_of_true_ages_is_named_by_those_that_a_filter_keeps(look_with, chosen, names):
    look = look_with(**chosen)
    *figures, text = BY_NAME["Age"].show(look)
    table = saved(text, "age_bands")
    assert table["true_age"].astype(str).tolist() == names
    assert list(figures[3].data[0].x) == names
    assert table["n"].sum() == len(look.table)
    assert "A filter by true age" not in text
    *_, text = BY_NAME["Age"].show(look_with(age_by="pred_age", **chosen))
    assert "A filter by true age is set" in text


def test_a_gap_has_an_interval(look_with):
    """From those of its two groups; as the better group is named last, it is above zero."""
    gap, _, text = BY_NAME["Groups"].show(look_with(group_by=["race"], task="gender"))
    said = re.search(r"is ([\d.]+) points \(([-\d.]+) to ([\d.]+), not corrected", gap)
    assert said
    value, low, high = map(float, said.groups())
    shares = saved(text, "groups")["gender_accuracy"]
    assert value == pytest.approx(100 * (shares.max() - shares.min()), abs=0.05)
    assert low < value < high
    gap, *_ = BY_NAME["Groups"].show(look_with(group_by=["race"], figure="age bias"))
    assert re.search(r"is [\d.]+ years \(", gap)


def test_a_gap_of_selection_rates_says_what_the_labels_have_of_it(look_with, opened, dashboard):
    table = opened.predictions
    gap, _, text = BY_NAME["Groups"].show(look_with(group_by=["race"], figure="selection rate", task="gender"))
    said = re.search(
        r"predicted (\w+)\) is ([\d.]+) points .*?: (\w+) .*?\), (\w+) .* themselves differ by ([\d.]+) points\.", gap
    )
    assert said
    is_class = table["true_gender"] == said[1]
    rates = is_class.groupby(table["true_race"]).mean()
    assert float(said[5]) == pytest.approx(100 * (rates[said[4]] - rates[said[3]]), abs=0.051)
    labelled = [name for name in columns_of(text) if name.startswith("labelled")]
    assert labelled == ["labelled Male, %", "labelled Female, %"]
    swapped = table.assign(true_gender=table["true_gender"].map({"Male": "Female", "Female": "Male"}))
    other = Opened("swapped", EvalReport(opened.report.summary, swapped), opened.find)
    options = look_with(group_by=["race"], figure="selection rate", task="gender").options
    gap, *_ = BY_NAME["Groups"].show(look_at(other, Spot(), options, dashboard.initial))
    assert "the other way" in gap


def test_the_recall_of_each_class_is_that_of_the_groups(look_with, opened):
    gap, figure, text = BY_NAME["Groups"].show(
        look_with(group_by=["race"], figure="recall of each class", task="gender")
    )
    table = opened.predictions
    women = table[(table["true_race"] == "Asian") & (table["true_gender"] == "Female")]
    found = saved(text, "groups").set_index("race").loc["Asian", "gender_recall_Female"]
    assert found == pytest.approx((women["pred_gender"] == "Female").mean())
    assert [bar.name for bar in figure.data] == ["recall of Male", "recall of Female"]
    assert "equalized odds difference" in gap
    gap, *_ = BY_NAME["Groups"].show(look_with(group_by=["gender"], figure="recall of each class"))
    assert "widest gap (recall of " in gap
    assert "equalized odds" not in gap
    gap, *_ = BY_NAME["Groups"].show(
        look_with(group_by=["race"], figure="recall of each class", task="gender", at_equal_ages=True)
    )
    assert "some group has fewer than 5 faces labelled " in gap


def test_at_equal_ages_few_faces_with_large_weights_are_faint_and_no_gap_is_named_after_them(look_with, opened):
    """200 men, of whom five stand for all that are not young."""
    table = opened.predictions.reset_index(drop=True)
    is_man, is_old = table["true_gender"] == "Male", table["true_age"] >= 54
    is_young = table["true_age"].between(21, 32)
    some = [(is_man & is_young, 195), (is_man & is_old, 5), (~is_man & is_young, 100), (~is_man & is_old, 300)]
    look = replace(
        look_with(group_by=["gender"], task="race", at_equal_ages=True),
        table=pd.concat([table[chosen][:n] for chosen, n in some]),
        opened=Opened("few", opened.report, opened.find),
    )
    gap, figure, text = BY_NAME["Groups"].show(look)
    assert "Fewer than two groups have effectively 30 faces" in gap
    assert list(figure.data[0].marker.opacity) == [FAINT, 1.0]
    assert columns_of(text)[1:3] == ["Faces", "Effectively"]
    number = re.search(r'<tr class="agr-faint"><th scope="row"><a [^>]*>Male</a></th><td>200</td><td>(\d+)</td>', text)
    assert number
    assert 5 < int(number[1]) < 30
    gap, _, text = BY_NAME["Groups"].show(look_with(group_by=["gender"], task="race", at_equal_ages=True))
    assert re.search(r"n = [\d]+, effectively [\d]+\)", gap)


def test_contradictions_between_identical_pictures_are_told_if_there_are_enough(look_with, opened, dashboard):
    text, *_ = BY_NAME["Mislabels"].show(look_with())
    said = re.search(
        r"of (\d+) pairs of identical pictures, of which one or both are in this report, (\d+) have contradicting race",
        text,
    )
    assert said
    by_file = opened.predictions.set_index("file")
    known = opened.report.summary["data"]["twins_of"]
    pairs = {
        tuple(sorted((file, twin["file"]))): by_file.at[file, "true_race"] != twin["race"]
        for file, twins in known.items()
        for twin in twins
        if twin["race"] is not None and isinstance(by_file.at[file, "true_race"], str)
    }
    assert [int(number) for number in said.groups()] == [len(pairs), sum(pairs.values())]
    filtered, *_ = BY_NAME["Mislabels"].show(look_with(race=["Asian"]))
    assert said[0] in filtered
    for n, is_said in ((9, False), (10, True)):
        files = [file for file in by_file.index if file not in known][:n]
        twins = {file: [{"file": f"twin of {file}", "age": 3, "gender": "Male", "race": "White"}] for file in files}
        data = {**opened.report.summary["data"], "twins_of": twins}
        report = EvalReport({**opened.report.summary, "data": data}, opened.report.predictions)
        other = Opened("few", report, opened.find)
        text, *_ = BY_NAME["Mislabels"].show(look_at(other, Spot(), look_with().options, dashboard.initial))
        assert ("identical pictures" in text) == is_said


def linked(text: str) -> dict[str, str]:
    """The addresses that the links of a text lead to, by their names."""
    links = re.findall(r'<a href="(\?.*?)" title=".*?">(.*?)</a>', text)
    return {name: html.unescape(address) for address, name in links}


def test_a_groups_name_leads_to_its_faces(dashboard, look_with):
    by = ["gender", "race"]
    show = BY_NAME["Groups"].show
    *_, text = show(look_with(group_by=by, task="race", least=0.5, predicted=["Black"], youngest=20))
    spot, read = read_address(linked(text)["Female, Others"], dashboard.controls, [*BY_NAME])
    assert spot.view == "Mislabels"
    chosen = {name: read[name] for name in ("task", "gender", "race", "least", "predicted", "youngest", "group_by")}
    assert chosen == {
        "task": "race", "gender": ["Female"], "race": ["Others"], "least": 0.5, "predicted": ["Black"], "youngest": 20,
        "group_by": by,
    }  # fmt: skip
    *_, text = show(look_with(group_by=["age_group"], task="race", figure="age bias"))
    _, read = read_address(linked(text)["54+"], dashboard.controls, [*BY_NAME])
    assert (read["task"], read["age_group"]) == ("age_group", ["54+"])


@pytest.mark.parametrize("chosen", [{}, {"least": 0.9}, {"predicted": ["Female"]}, {"most": 0.8, "twins": False}])
@pytest.mark.parametrize("figure", ["accuracy", "age error"])
def test_a_link_leads_to_as_many_faces_as_its_row_counts(dashboard, opened, look_with, chosen, figure):
    look = look_with(task="gender", group_by=["race"], figure=figure, **chosen)
    for text, column in ((BY_NAME["Groups"].show(look)[-1], "Group"), (BY_NAME["Age"].show(look)[-1], "True age")):
        assert columns_of(text)[0] == column
        counts = re.findall(r">([^<]*)</a></th><td>([\d,]+)</td>", text)
        assert len(counts) > 3
        for name, count in counts:
            spot, read = read_address(linked(text)[name], dashboard.controls, [*BY_NAME])
            there = look_at(opened, spot, read, dashboard.initial)
            assert len(there.table) == int(count.replace(",", "")), name
            shown = there.part.found.true >= 0 if read["order"] == "years_off" else there.part.true != there.part.pred
            assert ("agr-tile" in BY_NAME[spot.view].show(there)[0]) == shown.any()  # none is hidden by a confidence


def test_an_age_bands_name_leads_to_its_faces(dashboard, look_with):
    *_, text = BY_NAME["Age"].show(look_with(task="race", youngest=18, oldest=95))
    links = linked(text)
    for name, ages in {"18-19": (18, 19), "20-29": (20, 29), "80-95": (80, 95)}.items():
        spot, read = read_address(links[name], dashboard.controls, [*BY_NAME])
        assert (spot.view, read["task"], read["youngest"], read["oldest"]) == ("Mislabels", "age_group", *ages)
    _, read = read_address(linked(BY_NAME["Age"].show(look_with())[-1])["80+"], dashboard.controls, [*BY_NAME])
    assert (read["youngest"], read["oldest"]) == (80, 116)
    assert not linked(BY_NAME["Age"].show(look_with(age_by="pred_age"))[-1])  # nothing filters by it


def test_the_largest_age_errors_are_shown_whatever_the_group(look_with, opened):
    """Of those of 54 and more, the model may be decades off, and right about the group."""
    text, export, link = BY_NAME["Mislabels"].show(look_with(task="age_group", order="years_off"))
    table = opened.predictions.set_index("file")
    off = (table["pred_age"] - table["true_age"]).abs().sort_values(ascending=False)
    listed = saved(link, "mislabels_age_group")
    assert listed["years_off"].tolist() == pytest.approx(off.head(len(listed)).tolist())
    same = listed[listed["given"] == listed["suggested"]]
    assert len(same)
    assert f"{table['detected'].sum():,} faces with an age, the largest age error first" in text
    file = same["file"].iloc[0]
    _, export, _ = BY_NAME["Mislabels"].show(look_with(Spot(ticked=((opened.title, "age_group", file),))))
    row = table.loc[file]
    assert f"age: {row['true_age']:.0f} → {max(54, round(row['pred_age']))}" in export
    assert act("tick", ["age_group", file]) in face_page(look_with(Spot(face=file)))


def test_faces_that_were_not_found_can_be_opened(look_with, opened):
    missed = opened.report.summary["data"]["undetected"]
    text = BY_NAME["Mislabels"].show(look_with())[0]
    assert f"Not found by the detector, and so wrong: {len(missed)} faces" in text
    for file in missed:
        assert act("face", file) in text
    assert "Not found" not in BY_NAME["Mislabels"].show(look_with(least=0.5))[0]


def test_without_a_minimum_nothing_is_said_of_one(look_with):
    text = BY_NAME["Mislabels"].show(look_with(task="gender", threshold=0.0))[0]
    assert re.search(r"the label says: \d+ faces\. ", text)
