import shutil

import pandas as pd
import pytest
from huggingface_hub import ModelCard

from agr.evaluation.report import EvalReport
from agr.labels import GENDERS
from agr.pictures import DataError
from agr.pretrained import BUNDLED
from train.card import confusion_picture, model_card, write_card


@pytest.fixture
def report(bundled_report):
    return bundled_report


def test_the_card_is_valid_and_says_terms_and_limits(report, tmp_path):
    shutil.copy(BUNDLED / "model.safetensors", tmp_path)
    write_card(report, tmp_path)
    card = ModelCard.load(tmp_path / "README.md")
    assert card.data.license == "other"
    for said in ("non-commercial research", "Not for", "Known weaknesses", "without twins", "Others"):
        assert said in card.text


def test_a_report_of_other_weights_is_refused(report, tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"others")
    with pytest.raises(DataError, match="other weights"):
        write_card(report, tmp_path)


def test_a_report_that_names_no_weights_is_refused(report, tmp_path):
    shutil.copy(BUNDLED / "model.safetensors", tmp_path)
    model = {key: value for key, value in report.summary["model"].items() if key != "weights_hash"}
    with pytest.raises(DataError, match="does not say which weights"):
        write_card(EvalReport(report.summary | {"model": model}, report.predictions), tmp_path)


def test_every_figure_is_the_reports(report):
    cell = report.summary["figures"]["all"]["race_accuracy"]
    assert f"| Race, five classes (%) | {100 * cell['value']:.1f} ({100 * cell['low']:.1f} to" in model_card(report)
    row = next(row for row in report.summary["groups"] if row["group"] == ["Female", "Black"])
    assert f"| Female, Black | {row['n']} | {row['figures']['age_mae']['value']:.2f} (" in model_card(report)


def test_one_face_has_no_interval(report):
    groups = [row | {"figures": dict(row["figures"])} for row in report.summary["groups"]]
    row = next(row for row in groups if row["group"] == ["Female", "Others"])
    row["n"], row["figures"]["age_mae"] = 1, {"value": 2.5, "low": None, "high": None, "n": 1}
    card = model_card(EvalReport(report.summary | {"groups": groups}, report.predictions))
    assert "| Female, Others | 1 | 2.50 |" in card


def test_every_stage_of_the_training_is_told():
    from train.card import _recipe

    stage = {"epochs": 22, "lr": 1e-3, "weight_decay": 0.02, "batch_size": 64, "ema_decay": 0.998, "init": "imagenet"}
    stage["backbone"] = "mobilenet_v2"
    later = stage | {"epochs": 12, "lr": 5e-4, "soft_labels": True, "soft_weight": 0.5}
    told = _recipe(
        later
        | {
            "init_config": stage | {"epochs_done": 19, "averaged": 4},
            "averaged": 2,
            "balance": {"race": {"Others": 0.3}, "age_group": {}},
        }
    )
    first, mean, second, third, fourth = told.split("\n1. ")[1:]
    assert mean.startswith("the mean of the weights of 4 runs")
    assert third.startswith("the mean of the weights of 2 runs")
    assert fourth.startswith("the weakest classes' logits raised: Others by 0.3")
    assert first.startswith("19 of 22 epochs of AdamW (learning rate 0.001")
    assert first.endswith("from ImageNet weights")
    assert second.startswith("12 epochs of AdamW (learning rate 0.0005")
    assert "the weights before, 50% of each label being what other models said" in second
    taught = _recipe(stage | {"init": "none", "teachers": 1, "soft_weight": 0.7})
    assert "random weights, 70% of each label being what another model says of each crop" in taught
    mixed = _recipe(stage | {"teachers": 3, "soft_weight": 0.7, "mixup": 0.5})
    assert "what 3 other models say of each crop, and all of it where crops were laid over" in mixed
    assert "dlib" not in mixed
    of_faces = _recipe(
        stage | {"teachers": 2, "soft_weight": 0.7, "teacher_backbones": ["face_resnet", "mobilenet_v2"]}
    )
    assert "what 2 other models (face_resnet, mobilenet_v2) say of each crop" in of_faces
    assert "dlib's face recognition" in of_faces
    assert "WebFace600K" not in of_faces
    corrected = _recipe(stage | {"epochs": 1, "relabelled": 190, "teachers": 1, "soft_weight": 0.7})
    assert "1. 1 epoch of AdamW" in corrected
    assert "from ImageNet weights, 190 labels of the training data being corrected, 70% of" in corrected
    assert "WebFace600K" in _recipe(stage | {"backbone": "mobile_facenet"})


def test_matrices_show_shares_of_the_true_classes(report, tmp_path, monkeypatch):
    from matplotlib.figure import Figure

    drawn = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure))
    confusion_picture(report, "gender", tmp_path / "gender.png")
    ((axes,),) = (figure.axes for figure in drawn)
    found = report.predictions[report.predictions["detected"]]
    counts = pd.crosstab(found["true_gender"], found["pred_gender"], normalize="index").loc[GENDERS, GENDERS]
    assert [text.get_text() for text in axes.texts] == [f"{share:.0%}" for share in counts.to_numpy().ravel()]
    assert (axes.get_ylabel(), axes.get_xlabel()) == ("True label", "Predicted label")


def test_a_card_is_written_of_the_test_part_alone(report, tmp_path, monkeypatch):
    monkeypatch.setattr("train.card.expect_weights_of", lambda report, folder: None)
    summary = report.summary | {"data": report.summary["data"] | {"subset": "train"}}
    with pytest.raises(DataError, match="evaluate --subset test"):
        write_card(EvalReport(summary, report.predictions, report.history), tmp_path)
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(("subset", "said"), [("train", "trained on these faces"), ("valid", "chosen and calibrated")])
def test_figures_of_faces_that_the_model_knows_say_so(report, subset, said):
    summary = report.summary | {"data": report.summary["data"] | {"subset": subset}}
    assert said in model_card(EvalReport(summary, report.predictions, report.history))
    assert said not in model_card(report).split("## Figures")[1]


@pytest.mark.parametrize("known", [True, False, None])
def test_a_model_of_which_it_is_not_known_what_it_knows_says_so(report, known):
    model = report.summary["model"] | ({} if known is None else {"training_is_known": known})
    text = model_card(EvalReport(report.summary | {"model": model}, report.predictions))
    assert ("It is not known which pictures" in text) == (known is False)
