"""The views of the dashboard, in the order of their tabs."""

from . import abstain, age, calibration, compare, confusion, groups, mislabels, overview, training

VIEWS = [
    overview.VIEW,
    confusion.VIEW,
    mislabels.VIEW,
    age.VIEW,
    calibration.VIEW,
    groups.VIEW,
    abstain.VIEW,
    compare.VIEW,
    training.VIEW,
]
