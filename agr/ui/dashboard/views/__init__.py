"""The views of the dashboard, in the order of their tabs."""

from . import abstain, age, calibration, compare, confusion, groups, mislabels, overview, robustness, training

VIEWS = [
    overview.VIEW,
    confusion.VIEW,
    mislabels.VIEW,
    age.VIEW,
    calibration.VIEW,
    groups.VIEW,
    abstain.VIEW,
    robustness.VIEW,
    compare.VIEW,
    training.VIEW,
]
