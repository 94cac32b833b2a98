import numpy as np
import pytest

from agr.labels import GENDERS, RACES
from agr.occlusion import CELLS, occlusion


@pytest.fixture(scope="module")
def face(analyzer, astronaut):
    (face,) = analyzer.analyze(astronaut)
    return face


@pytest.fixture(scope="module")
def found(analyzer, face):
    return analyzer.occlusion(face.crop)


def logit(p):
    return np.log(p / (1 - p))


def test_every_part_is_covered_in_turn_and_compared(analyzer, face, found):
    """The plain way: one crop after the other, with a patch of one and a half cells over a cell."""
    lost, answers = [], []
    side = len(face.crop) // CELLS
    margin = side // 4
    before = analyzer.reader.read(face.crop[None])
    female, white = GENDERS.index(face.gender), RACES.index(face.race)
    for row in range(CELLS):
        for column in range(CELLS):
            crop = face.crop.copy()
            top, left = max(0, row * side - margin), max(0, column * side - margin)
            crop[top : (row + 1) * side + margin, left : (column + 1) * side + margin] = np.rint(
                face.crop.reshape(-1, 3).mean(axis=0)
            )
            after = analyzer.reader.read(crop[None])
            answers.append((after.age[0], after.gender_probs[0, female], after.race_probs[0, white]))
            lost.append(
                (
                    before.age[0] - after.age[0],
                    logit(before.gender_probs[0, female]) - logit(after.gender_probs[0, female]),
                    logit(before.race_probs[0, white]) - logit(after.race_probs[0, white]),
                )
            )
    maps = np.array(lost).reshape(CELLS, CELLS, 3)
    for i, hold in enumerate((found.age, found.gender, found.race)):
        assert hold.effect == pytest.approx(maps[:, :, i], abs=1e-3)
        told = [answer[i] for answer in answers]
        assert (hold.least, hold.most) == pytest.approx((min(told), max(told)), abs=1e-3)
    assert found.age.answer == pytest.approx(face.age, abs=1e-3)
    assert found.gender.answer == pytest.approx(face.gender_probs[face.gender], abs=1e-4)
    assert found.race.answer == pytest.approx(face.race_probs[face.race], abs=1e-4)
    assert found.prediction.summary() == face.summary()


def test_what_is_red_counts_more_than_what_is_blue(analyzer, face, found):
    """Cover the third of the cells with the largest effect, and that with the least."""
    cell = len(face.crop) // CELLS
    for hold, name in ((found.gender, "gender_probs"), (found.age, "age")):
        said = []
        for sign in (1, -1):
            chosen = sign * hold.effect >= np.quantile(sign * hold.effect, 2 / 3)
            mask = np.kron(chosen, np.ones((cell, cell), bool))[..., None]
            read = analyzer.reader.read(np.where(mask, face.crop.mean(axis=(0, 1)), face.crop).astype(np.uint8)[None])
            said.append(read.age[0] if name == "age" else read.gender_probs[0, GENDERS.index(face.gender)])
        without_red, without_blue = said
        assert without_red < hold.answer < without_blue


def test_where_there_is_nothing_nothing_counts(analyzer):
    size = analyzer.config.input_size
    found = analyzer.occlusion(np.full((size, size, 3), 90, np.uint8))
    for hold in (found.age, found.gender, found.race):
        assert np.abs(hold.effect).max() < 1e-4
        assert hold.least == pytest.approx(hold.most) == pytest.approx(hold.answer)


def test_a_certain_answer_has_finite_effects():
    class Sure:
        """A network that is never in doubt."""

        def read(self, crops):
            from agr.attributes import N_AGES, Attributes

            def first(k):
                return np.eye(k)[np.zeros(len(crops), int)]

            return Attributes(first(N_AGES), first(len(GENDERS)), first(len(RACES)))

    found = occlusion(Sure(), np.zeros((112, 112, 3), np.uint8))
    for hold in (found.age, found.gender, found.race):
        assert not hold.effect.any()


def test_the_class_is_that_of_the_uncovered_face():
    class Fickle:
        """A network that says another class as soon as anything is covered."""

        def read(self, crops):
            from agr.attributes import N_AGES, Attributes

            female = np.where(np.arange(len(crops)) == 0, 0.9, 0.2)
            gender = np.stack([1 - female, female], axis=1)
            flat = np.full((len(crops), len(RACES)), 0.2)
            return Attributes(np.full((len(crops), N_AGES), 1 / N_AGES), gender, flat)

    found = occlusion(Fickle(), np.zeros((112, 112, 3), np.uint8)).gender
    assert (found.answer, found.least, found.most) == pytest.approx((0.9, 0.2, 0.2))
    assert found.effect == pytest.approx(np.full((CELLS, CELLS), logit(0.9) - logit(0.2)))


@pytest.mark.parametrize("crop", [np.zeros((8, 8, 3), np.uint8), np.zeros((160, 160, 3))])
def test_only_crops_are_taken(analyzer, crop):
    with pytest.raises(ValueError, match="expected uint8 crops"):
        analyzer.occlusion(crop)
