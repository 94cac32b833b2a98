"""A report's figures as cards, beside those of the two projects that this one descends from. Does not use Gradio."""

import math
from collections.abc import Mapping
from dataclasses import replace

from agr.evaluation.bootstrap import Estimate

from .html import estimate_html

CARDS: dict[str, tuple[tuple[str, str, int, int], ...]] = {
    "Age": (
        ("Mean absolute error, years", "age_mae", 1, 2),
        ("Mean squared error, years²", "age_mse", 1, 1),
        ("Bias, years", "age_bias", 1, 2),
        ("Within 5 years, %", "age_cs5", 100, 1),
        ("80 % interval holds, %", "age_interval_coverage", 100, 1),
        ("Eight groups, %", "age_group_accuracy", 100, 1),
        ("At most one group off, %", "age_group_one_off", 100, 1),
        ("Groups, macro F1, %", "age_group_macro_f1", 100, 1),
        ("Groups, ECE", "age_group_ece", 1, 3),
    ),
    "Gender": (
        ("Accuracy, %", "gender_accuracy", 100, 1),
        ("Macro F1, %", "gender_macro_f1", 100, 1),
        ("ECE", "gender_ece", 1, 3),
    ),
    "Race": (
        ("Accuracy, %", "race_accuracy", 100, 1),
        ("Macro F1, %", "race_macro_f1", 100, 1),
        ("ECE", "race_ece", 1, 3),
    ),
}
"""For each card: the title of each figure, its name in the report, factor and digits."""
ANCESTORS = {
    "age_mse": ("MobileNetV2 ancestor, other split: 47.45",),
    "age_group_accuracy": ("DenseNet ancestor: 67.48",),
    "age_group_one_off": ("DenseNet ancestor: 93.84",),
    "gender_accuracy": ("DenseNet ancestor: 92.89", "MobileNetV2 ancestor, other split: 91"),
    "race_accuracy": ("DenseNet ancestor: 82.06", "MobileNetV2 ancestor, other split: 80"),
}
"""Figures of the two earlier projects, as their authors state them."""
TITLES = {
    name: (f"{task}: {title if title.isupper() else title[0].lower() + title[1:]}", factor, digits)
    for task, rows in CARDS.items()
    for title, name, factor, digits in rows
}
"""For each figure: a title that names the task too, for use outside the cards, factor and digits."""


def direction(name: str) -> int:
    """1 if a higher figure is better, -1 if a lower one is, 0 if neither is (such as an interval that holds too
    often)."""
    if name in ("age_mae", "age_mse") or name.endswith("_ece"):
        return -1
    return 0 if name in ("age_bias", "age_interval_coverage") else 1


def figure_cards(
    figures: Mapping[str, dict], *, with_ancestors: bool, by_chance: Mapping[str, tuple[float, float]]
) -> str:
    """Three cards. `figures` as in a report's summary: name -> value, low, high (or None), n. The ancestors' figures
    are of a whole test set, and would be misleading beside those of other faces. `by_chance`: for each ECE, that of a
    perfectly calibrated model: its mean, and the limit below which it stays in 95 of 100 cases. It stands in place of
    the interval, which would exclude zero for many a perfectly calibrated model."""

    def line(title: str, name: str, factor: float, digits: int) -> str:
        said = ANCESTORS.get(name, ()) if with_ancestors else ()
        text = "–"
        if name in figures:
            estimate = Estimate.from_dict(figures[name])
            if name.endswith("_ece"):
                estimate = replace(estimate, low=math.nan, high=math.nan)
            text = estimate_html(estimate, factor, digits)
            if name in by_chance:
                mean, limit = (f"{each * factor:.{digits}f}" for each in by_chance[name])
                said = (*said, f"a perfectly calibrated model: {mean}, in 95 of 100 cases below {limit}")
        beside = "".join(f"<small>{each}</small>" for each in said)
        return f'<tr><th scope="row">{title}{beside}</th><td>{text}</td></tr>'

    cards = "".join(
        f'<article class="agr-card"><h3>{task}</h3><table class="agr-figures"><tbody>'
        f"{''.join(line(*row) for row in rows)}</tbody></table></article>"
        for task, rows in CARDS.items()
    )
    return f'<div class="agr-cards">{cards}</div>'
