"""Faces for tests, as an analyzer gives them."""

import numpy as np

from agr.analyzer import Face
from agr.attributes import N_AGES, Attributes
from agr.labels import AGE_GROUPS, GENDERS, RACES

SIZE = (640, 480)
"""Of the picture that they are in."""
MASS = (0.75,) * 9
SHARP_CROP = np.random.default_rng(5).integers(0, 256, (64, 64, 3), dtype=np.uint8)


def bell(mean, spread=4.0):
    probs = np.exp(-0.5 * ((np.arange(N_AGES) - mean) / spread) ** 2)
    return probs / probs.sum()


def make_face(x, y=200.0, *, width=80.0, score=0.99, age=30.0, female=0.3, crop=SHARP_CROP):
    """A face whose box has its centre at (x, y)."""
    age_probs = bell(age)
    gender, race = np.array([1 - female, female]), np.array([0.6, 0.1, 0.1, 0.1, 0.1])
    read = Attributes(age_probs[None], gender[None], race[None], MASS)
    half = width / 2
    return Face(
        box=(x - half, y - half, x + half, y + half),
        score=score,
        landmarks=((x, y),) * 5,
        age=float(read.age[0]),
        age_interval=tuple(read.age_interval[0]),
        age_group=AGE_GROUPS[read.age_group_probs[0].argmax()],
        age_group_probs=dict(zip(AGE_GROUPS, read.age_group_probs[0], strict=True)),
        gender=GENDERS[gender.argmax()],
        gender_probs=dict(zip(GENDERS, gender, strict=True)),
        race=RACES[race.argmax()],
        race_probs=dict(zip(RACES, race, strict=True)),
        age_probs=age_probs,
        crop=crop,
    )
