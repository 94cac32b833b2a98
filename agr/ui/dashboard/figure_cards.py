"""A report's figures as cards, beside those of the two systems that this one descends from. Knows no Gradio."""

import math

CARDS: dict[str, tuple[tuple, ...]] = {
    "Age": (
        ("Mean absolute error, years", "age_mae", 1, 2, ()),
        ("Mean squared error", "age_mse", 1, 1, (("MobileNetV2 ancestor", 47.45),)),
        ("Bias, years", "age_bias", 1, 2, ()),
        ("Within 5 years, %", "age_cs5", 100, 1, ()),
        ("80 % interval holds, %", "age_interval_coverage", 100, 1, ()),
        ("Eight groups, %", "age_group_accuracy", 100, 1, (("DenseNet ancestor", 67.48),)),
        ("At most one group off, %", "age_group_one_off", 100, 1, (("DenseNet ancestor", 93.84),)),
        ("Groups, macro F1, %", "age_group_macro_f1", 100, 1, ()),
        ("Groups, ECE", "age_group_ece", 1, 3, ()),
    ),
    "Gender": (
        ("Accuracy, %", "gender_accuracy", 100, 1, (("DenseNet ancestor", 92.89), ("MobileNetV2 ancestor", 91))),
        ("Macro F1, %", "gender_macro_f1", 100, 1, ()),
        ("ECE", "gender_ece", 1, 3, ()),
    ),
    "Race": (
        ("Accuracy, %", "race_accuracy", 100, 1, (("DenseNet ancestor", 82.06), ("MobileNetV2 ancestor", 80))),
        ("Macro F1, %", "race_macro_f1", 100, 1, ()),
        ("ECE", "race_ece", 1, 3, ()),
    ),
}
"""For each card: what a figure is called, its name in the report, factor, digits, and the ancestors' figures."""


TITLES = {
    name: (f"{task}: {title}", factor, digits)
    for task, rows in CARDS.items()
    for title, name, factor, digits, _ in rows
}
"""For each figure: what it is called where no card says of which task it is, factor, digits."""


def figure_cards(figures: dict[str, dict], *, with_ancestors: bool) -> str:
    """Three cards; `figures` as in a report's summary: name -> value, low, high (or None), n. The ancestors' figures
    are of a whole test part: beside other faces they would mislead."""
    cards = "".join(_card(title, rows, figures, with_ancestors) for title, rows in CARDS.items())
    return f'<div class="agr-cards">{cards}</div>'


def _card(title: str, rows: tuple, figures: dict[str, dict], with_ancestors: bool) -> str:
    lines = "".join(_row(row, figures.get(row[1]), with_ancestors) for row in rows)
    return (
        f'<article class="agr-card"><h3>{title}</h3><table class="agr-figures"><tbody>{lines}</tbody></table></article>'
    )


def _row(row: tuple, cell: dict | None, with_ancestors: bool) -> str:
    title, _, factor, digits, ancestors = row
    if cell is None or cell["value"] is None or math.isnan(cell["value"]):  # no such face, or no such label
        return f'<tr><th scope="row">{title}</th><td>–</td></tr>'
    interval = "" if cell["low"] is None else f"{cell['low'] * factor:.{digits}f} to {cell['high'] * factor:.{digits}f}"
    beside = "".join(f"<small>{name}: {figure:.1f}</small>" for name, figure in ancestors if with_ancestors)
    value = f"{cell['value'] * factor:.{digits}f}"
    return f'<tr><th scope="row">{title}{beside}</th><td><strong>{value}</strong><small>{interval}</small></td></tr>'
