"""Groups as a table to save."""

from collections.abc import Sequence

import pandas as pd

from agr.evaluation.summary import Group


def group_rows(groups: Sequence[Group], by: Sequence[str]) -> pd.DataFrame:
    """A row a group: its names under `by`, n, and each figure with the ends of its interval."""
    rows = []
    for group in groups:
        row: dict = dict(zip(by, group.names, strict=True)) | {"n": group.n}
        for name, estimate in group.figures.items():
            row |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
        rows.append(row)
    return pd.DataFrame(rows)
