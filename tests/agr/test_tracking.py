import copy
import pickle
from dataclasses import replace

import numpy as np
import pytest

from agr.attributes import Attributes
from agr.labels import AGE_GROUP_STARTS, RACES
from agr.tracking import LEAST_SHARPNESS, MIN_FRAMES, PATIENCE, FaceTracker, frame_weight, sharpness
from tests.faces import MASS, SHARP_CROP, SIZE, make_face

STEP = 0.2


def run(frames, tracker=None):
    """Numbers of each frame's faces; frames follow each other five times a second."""
    tracker = tracker or FaceTracker(interval_mass=MASS)
    return [[person.number for person in tracker.update(faces, time=i * STEP)] for i, faces in enumerate(frames)]


def test_two_people_keep_their_numbers_when_they_cross():
    lanes = [(60 + 40 * i, 580 - 40 * i) for i in range(14)]  # they meet in the middle, half a face apart in height
    numbers = run([[make_face(right, 190), make_face(left, 230)] for right, left in lanes])
    assert numbers == [[1, 2]] * len(lanes)


def test_who_is_hidden_while_two_cross_comes_out_on_the_other_side():
    lanes = [(60 + 40 * i, 580 - 40 * i) for i in range(14)]
    frames = [
        [make_face(right), *([make_face(left)] if abs(right - left) > 60 else [])]  # the nearer one covers the other
        for right, left in lanes
    ]
    assert sum(len(frame) == 1 for frame in frames) >= 1
    assert run(frames)[-1] == [1, 2]


def test_the_order_of_the_faces_does_not_matter():
    numbers = run([[make_face(100), make_face(300)], [make_face(302), make_face(99)], [make_face(101), make_face(301)]])
    assert numbers == [[1, 2], [2, 1], [1, 2]]


def test_someone_fast_keeps_the_number():
    assert run([[make_face(60 + 70 * i)] for i in range(8)]) == [[1]] * 8  # boxes of two frames hardly overlap


def test_who_moves_down_is_as_far_away_as_who_moves_aside():
    for places in ([(200 + 70 * i, 200) for i in range(4)], [(200, 200 + 70 * i) for i in range(4)]):
        assert run([[make_face(*place)] for place in places]) == [[1]] * 4


def test_someone_fast_who_is_missed_is_expected_further_on():
    moving = [[make_face(60 + 85 * i)] for i in range(16)]
    moving[9:12] = [[]] * 3  # four faces' widths on, by then
    assert {number for numbers in run(moving) for number in numbers} == {1}


@pytest.mark.parametrize("missed", [1, 4])
def test_a_short_miss_keeps_the_number(missed):
    moving = [[make_face(60 + 15 * i)] for i in range(20)]
    moving[8 : 8 + missed] = [[]] * missed
    assert {number for numbers in run(moving) for number in numbers} == {1}


def test_who_comes_after_a_long_miss_is_new():
    gap = [[]] * (round(PATIENCE / STEP) + 1)
    tracker = FaceTracker(interval_mass=MASS)
    assert run([[make_face(100)]] * 4 + gap + [[make_face(100)]] * 4, tracker)[-1] == [2]
    assert [(person.number, person.frames) for person in tracker.people] == [(1, 4), (2, 4)]


def test_after_a_pause_everybody_is_new_and_those_before_stay_counted():
    tracker = FaceTracker(interval_mass=MASS)
    run([[make_face(200)]] * 4, tracker)
    tracker.let_go()
    assert [person.number for person in tracker.people] == [1]
    assert tracker.present == []
    (next_one,) = tracker.update([make_face(200, age=70)], time=4 * STEP)
    assert next_one.number == 2
    assert next_one.person.age == pytest.approx(70, abs=0.1)


def test_at_one_frame_a_second_a_single_miss_keeps_the_number():
    tracker = FaceTracker(interval_mass=MASS)
    found = [True, True, True, False, True, False, False, False, True]
    numbers = [
        [person.number for person in tracker.update([make_face(100)] * there, time=1.2 * i)]
        for i, there in enumerate(found)
    ]
    assert numbers == [[1], [1], [1], [], [1], [], [], [], [2]]


def test_who_is_missed_for_a_moment_is_still_present():
    tracker = FaceTracker(interval_mass=MASS)
    run([[make_face(100), make_face(300)]] * 3 + [[make_face(100)]], tracker)
    assert [person.number for person in tracker.present] == [1, 2]
    for i in range(8):
        tracker.update([make_face(100)], time=1 + i * STEP)
    assert [person.number for person in tracker.present] == [1]
    assert [person.number for person in tracker.people] == [1, 2]


def test_a_newcomer_gets_a_new_number():
    one, two = make_face(100), make_face(400)
    assert run([[one], [one], [two, one], [one, two]]) == [[1], [1], [2, 1], [1, 2]]


def test_a_larger_face_in_the_same_place_is_somebody_else():
    assert run([[make_face(200, width=60)]] * 3 + [[make_face(200, width=300)]])[-1] == [2]


def test_a_face_of_one_frame_is_no_person_and_leaves_its_number():
    person, false = make_face(100), make_face(500, 60, width=30)
    tracker = FaceTracker(interval_mass=MASS)
    tracked = tracker.update([person, false], time=0.0)
    assert not any(each.is_sure for each in tracked)
    for i in range(1, 12):
        tracked = tracker.update([person], time=i * STEP)
    assert tracked[0].is_sure
    assert [each.number for each in tracker.people] == [1]
    late = [tracker.update([person, make_face(500)], time=2.4 + i * STEP)[1].number for i in range(3)]
    assert late == [2, 2, 2]
    assert len(tracker.people) == 2


def test_people_hold_when_and_how_often_they_were_seen():
    tracker = FaceTracker(interval_mass=MASS)
    run([[]] * 2 + [[make_face(100)]] * 5, tracker)
    (person,) = tracker.people
    assert (person.frames, person.first_seen, person.last_seen) == (5, pytest.approx(0.4), pytest.approx(1.2))
    said = person.to_dict()
    assert (said["first_seen"], said["last_seen"], said["frames"]) == (0.4, 1.2, 5)  # rounded: 6 * 0.2 is not 1.2
    assert set(said) - {"track"} == set(vars(person)) - {"number"}
    assert said["track"] == person.number == 1


def test_time_may_not_run_backwards():
    tracker = FaceTracker(interval_mass=MASS)
    tracker.update([make_face(100)], time=2.5)
    tracker.update([], time=3.0)
    for time in (2.0, 2.75, float("nan")):
        with pytest.raises(ValueError, match=r"3\.0 seconds"):
            tracker.update([make_face(100)], time=time)


def test_two_frames_may_have_the_same_time():
    tracker = FaceTracker(interval_mass=MASS)
    numbers = [tracker.update([make_face(100)], time=time)[0].number for time in (0.0, 0.0, 0.2, 0.2)]
    assert numbers == [1] * 4
    assert tracker.people[0].frames == 4


def test_the_pooled_age_is_steadier_than_the_frames():
    rng = np.random.default_rng(0)
    tracker, single, pooled = FaceTracker(interval_mass=MASS), [], []
    for i in range(40):
        (tracked,) = tracker.update([make_face(200, age=rng.normal(40, 6))], time=i * STEP)
        single.append(tracked.face.age)
        pooled.append(tracked.person.age)
    assert np.std(single) > 4
    assert np.std(pooled[5:]) < 0.5 * np.std(single[5:])
    assert abs(pooled[-1] - np.mean(single)) < 0.1


def test_pooling_is_the_weighted_mean_read_off_as_for_a_single_face():
    rng = np.random.default_rng(1)
    blurred = np.full((64, 64, 3), 100, np.uint8) + np.arange(64, dtype=np.uint8)[:, None]
    faces = [
        make_face(
            300, width=w, score=s, age=rng.uniform(20, 60), female=rng.random(), crop=(SHARP_CROP, blurred)[i % 2]
        )
        for i, (w, s) in enumerate([(40, 0.9), (50, 0.99), (64, 0.8), (70, 0.95)])
    ]
    tracker = FaceTracker(interval_mass=MASS)
    for i, face in enumerate(faces):
        (tracked,) = tracker.update([face], time=i * STEP)
    pooled = tracked.person

    clear = np.array([1, LEAST_SHARPNESS, 1, LEAST_SHARPNESS])
    weights = np.array([f.score for f in faces]) * np.minimum(1, np.array([40, 50, 64, 70]) / 64) * clear
    ages = np.average([f.age_probs for f in faces], axis=0, weights=weights)
    female = np.average([f.gender_probs["Female"] for f in faces], weights=weights)
    expected = Attributes(ages[None], np.array([[1 - female, female]]), np.full((1, 5), 0.2), MASS)
    assert pooled.age == pytest.approx(expected.age[0])
    assert pooled.age_interval == pytest.approx(tuple(expected.age_interval[0]))
    assert pooled.gender_probs["Female"] == pytest.approx(female)
    assert list(pooled.age_group_probs.values()) == pytest.approx(np.add.reduceat(ages, AGE_GROUP_STARTS))
    for task in ("age_group", "gender", "race"):
        probs = getattr(pooled, f"{task}_probs")
        assert sum(probs.values()) == pytest.approx(1)
        assert getattr(pooled, task) == max(probs, key=probs.get)


def test_one_frame_pooled_is_that_frame():
    face = make_face(200, female=0.8)
    (tracked,) = FaceTracker(interval_mass=MASS).update([face], time=0)
    assert tracked.person.age == pytest.approx(face.age)
    assert tracked.person.age_interval == pytest.approx(face.age_interval)
    assert (tracked.person.gender, tracked.person.age_group) == ("Female", face.age_group)
    assert tracked.face is face


def test_weights_grow_with_score_size_and_sharpness():
    whole = frame_weight(make_face(300))
    assert whole == pytest.approx(0.99)
    assert frame_weight(make_face(300, score=0.7)) < whole
    assert frame_weight(make_face(300, width=32)) == pytest.approx(whole / 2)
    assert frame_weight(make_face(300, width=300)) == pytest.approx(whole)  # no more detail reaches the network
    grey = np.full((64, 64, 3), 90, np.uint8)
    assert 0 < frame_weight(make_face(300, score=0, crop=grey)) < whole / 10


def test_sharpness_falls_with_blur_and_not_with_light(astronaut):
    from PIL import ImageFilter

    portrait = astronaut.crop((160, 40, 288, 168))
    values = [sharpness(np.asarray(portrait.filter(ImageFilter.GaussianBlur(r)))) for r in (0, 1, 2, 4)]
    assert values == sorted(values, reverse=True)
    dark = sharpness(np.asarray(portrait.point(lambda v: v // 2)))
    assert dark == pytest.approx(values[0], rel=0.1)


def test_a_tracker_can_be_copied_and_kept():
    tracker = FaceTracker(interval_mass=MASS)
    run([[make_face(100), make_face(300)]] * MIN_FRAMES, tracker)
    for twin in (copy.deepcopy(tracker), pickle.loads(pickle.dumps(tracker))):
        assert [one.to_dict() for one in twin.people] == [one.to_dict() for one in tracker.people]
        assert len({*tracker.people}) == 2  # people can be kept in sets
        assert [t.number for t in twin.update([make_face(301)], time=1.0)] == [2]
    assert len(pickle.dumps(tracker)) < 10_000  # no pictures


@pytest.mark.slow
def test_a_real_face_keeps_its_number_while_it_moves(analyzer, astronaut):
    from PIL import Image

    tracker = FaceTracker.of(analyzer)
    portrait = astronaut.resize((300, 300))
    for i in range(10):
        frame = Image.new("RGB", SIZE, (90, 110, 120))
        frame.paste(portrait, (20 + 30 * i, 100))
        tracked = tracker.update(analyzer.analyze(frame), time=i * STEP)
        assert [person.number for person in tracked] == [1]
    (person,) = tracker.people
    assert person.frames == 10


def test_the_pooled_race_is_the_mean_of_the_frames():
    shares = np.array([[0.7, 0.05, 0.1, 0.12, 0.03], [0.1, 0.2, 0.3, 0.15, 0.25]])
    tracker = FaceTracker(interval_mass=MASS)
    for i, probs in enumerate(shares):
        face = replace(make_face(200), race=RACES[probs.argmax()], race_probs=dict(zip(RACES, probs, strict=True)))
        (tracked,) = tracker.update([face], time=i * STEP)
    assert tracked.person.race_probs == pytest.approx(dict(zip(RACES, shares.mean(axis=0), strict=True)))
    assert tracked.person.race == "White"


def test_a_smaller_face_in_the_same_place_is_somebody_else():
    assert run([[make_face(200, width=300)]] * 3 + [[make_face(200, width=60)]])[-1] == [2]


def test_who_comes_nearer_keeps_the_number():
    assert run([[make_face(320, width=60 * 1.1**i)] for i in range(20)]) == [[1]] * 20


def test_who_is_two_heads_higher_is_somebody_else():
    assert run([[make_face(200, 100)]] * 3 + [[make_face(200, 200)]])[-1] == [2]


def test_who_has_gone_for_seconds_is_not_looked_for_ever_further_away():
    tracker = FaceTracker(interval_mass=MASS)
    tracker.update([make_face(100)], time=0.0)
    (tracked,) = tracker.update([make_face(100 + 80 * 3)], time=4.0)
    assert tracked.number == 2
