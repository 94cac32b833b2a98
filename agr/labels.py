"""The one place where a class index gets a name.

The order of every tuple is the order of the network's outputs and, for gender and race, UTKFace's own coding
(0 Male, 1 Female; 0 White ... 4 Others), so that an index never changes its meaning between data set, weights and
report.
"""

from bisect import bisect_right

GENDERS = ("Male", "Female")
RACES = ("White", "Black", "Asian", "Indian", "Others")

MAX_AGE = 116
"""Oldest age in UTKFace, in years; the age distribution has one bin for each year from 0 to this."""

AGE_GROUP_STARTS = (0, 3, 7, 14, 21, 33, 44, 54)
"""First year of each age group; each group ends the year before the next one starts, the last is open."""

AGE_GROUPS = ("0-2", "3-6", "7-13", "14-20", "21-32", "33-43", "44-53", "54+")

TASK_CLASSES = {"age_group": AGE_GROUPS, "gender": GENDERS, "race": RACES}
"""Class names of each classification task, in output order."""

TASK_TITLES = {"age_group": "Age group", "gender": "Gender", "race": "Race"}
"""Name of each task as shown to people."""


def age_group_of(age: int) -> int:
    """Index into `AGE_GROUPS` of an age in whole years.

    Raises ValueError below 0; ages above `MAX_AGE` belong to the last group.
    """
    if age < 0:
        raise ValueError(f"expected an age of 0 years or more, got {age}")
    return bisect_right(AGE_GROUP_STARTS, age) - 1
