import numpy as np
import pytest

from agr.evaluation.selection import ALL_AGES, Selection, select


def test_nothing_chosen_keeps_everything(predictions):
    assert select(predictions, Selection()).equals(predictions)


def test_conditions_are_joined(predictions):
    kept = select(predictions, Selection(true_gender=("Female",), true_race=("Black", "Asian"), twins=False))
    expected = predictions[
        (predictions["true_gender"] == "Female")
        & predictions["true_race"].isin(["Black", "Asian"])
        & ~predictions["has_twin"]
    ]
    assert len(kept)
    assert kept.equals(expected)


def test_age_groups_and_predictions(predictions):
    kept = select(predictions, Selection(task="gender", true_age_group=("14-20",), predicted=("Male",)))
    expected = predictions[predictions["true_age"].between(14, 20) & (predictions["pred_gender"] == "Male")]
    assert len(kept)
    assert kept.equals(expected)


def test_confidence_is_of_the_chosen_task_and_of_detected_faces(predictions):
    kept = select(predictions, Selection(task="gender", confidence=(0.9, 1.0)))
    top = predictions[["prob_gender_Male", "prob_gender_Female"]].max(axis=1)
    assert len(kept)
    assert kept.equals(predictions[top >= 0.9])
    assert kept["detected"].all()


@pytest.mark.parametrize(
    "options",
    [
        {"task": "height"},
        {"confidence": (0.8, 0.2)},
        {"confidence": (-1, 1)},
        {"true_age": (9, 8)},
        {"true_age": (0, 117)},
    ],
)
def test_an_impossible_selection_is_an_error(options):
    with pytest.raises(ValueError, match="expected"):
        Selection(**options)


def test_the_ends_of_a_range_of_confidence_belong_to_it(predictions):
    top = predictions[["prob_gender_Male", "prob_gender_Female"]].max(axis=1).astype(float)
    low, high = np.sort(top.dropna())[[50, 90]]
    kept = select(predictions, Selection(task="gender", confidence=(low, high)))
    assert kept.equals(predictions[top.between(low, high)])


def test_without_what_a_task_says_all_tasks_select_the_same_faces():
    assert Selection(task="gender").faces == Selection(task="age_group").faces
    assert Selection(task="gender", predicted=("Male",)).faces.task == "gender"


@pytest.mark.parametrize("wrong", [{"true_gender": "Male"}, {"true_race": ("male",)}, {"predicted": ("Male",)}])
def test_classes_are_a_tuple_of_known_names(wrong):
    with pytest.raises(ValueError, match="expected a tuple of classes"):
        Selection(**wrong)


def test_both_ends_of_a_range_of_ages_belong_to_it_and_no_face_without_an_age(predictions):
    table = predictions.assign(true_age=predictions["true_age"].where(predictions.index % 5 != 0))
    for ages in ((20, 39), (0, 115), (1, 116), (33, 33)):
        kept = select(table, Selection(true_age=ages))
        assert len(kept)
        assert kept.equals(table[table["true_age"].between(*ages)])
    assert len(select(table, Selection(true_age=ALL_AGES))) == len(table)


def test_a_range_of_ages_chooses_age_groups_by_their_label():
    narrowed, chosen = Selection(true_age=(20, 116)), Selection(true_age_group=("54+",))
    assert narrowed.senseless == chosen.senseless == {"age_group_macro_f1", "age_group_ece"}
    assert Selection(true_age=(0, 5), true_gender=("Male",)).chosen_by_label == ["age_group", "gender"]
    assert Selection().chosen_by_label == []


def test_the_ages_that_are_possible_are_in_the_range_and_the_groups():
    assert Selection(true_age_group=("3-6", "54+"), true_age=(5, 56)).ages == [5, 6, 54, 55, 56]
    assert Selection().ages == list(range(117))
