import pytest

from agr.labels import AGE_GROUPS, MAX_AGE, age_group_of


def test_every_age_lies_in_the_group_whose_name_holds_it():
    for age in range(MAX_AGE + 1):
        name = AGE_GROUPS[age_group_of(age)]
        low, high = (name[:-1], MAX_AGE) if name.endswith("+") else name.split("-")
        assert int(low) <= age <= int(high)


def test_an_age_below_zero_is_an_error():
    with pytest.raises(ValueError, match="-1"):
        age_group_of(-1)
