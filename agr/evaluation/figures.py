"""Predictions -> Plotly figures. Colours are Okabe and Ito's, which the colour-blind can tell apart; backgrounds are
clear and lines grey, so that a figure reads on a light page and on a dark one."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from agr.labels import MAX_AGE, TASK_CLASSES

from . import metrics as m
from .report import PROBABILITY_COLUMNS
from .summary import AGE_BAND, class_indices, group_columns

BLUE, ORANGE, GREEN, PURPLE = "#0072B2", "#E69F00", "#009E73", "#CC79A7"
GREY = "#808895"
TASK_TITLES = {"age_group": "Age group", "gender": "Gender", "race": "Race"}
LEAST_GROUP = 30
"""Faces; groups of fewer are grey, and no gap is named after them."""
NORMALIZATIONS = ("counts", "rows", "columns")


def normalized(counts: np.ndarray, by: str) -> np.ndarray:
    """A confusion matrix (k, k) as counts, or as shares of its rows (true classes) or columns; empty ones stay 0."""
    if by == "counts":
        return counts.astype(float)
    if by not in NORMALIZATIONS:
        raise ValueError(f"expected one of {NORMALIZATIONS}, got {by!r}")
    sums = counts.sum(axis=1 if by == "rows" else 0, keepdims=True)
    return np.divide(counts, sums, out=np.zeros(counts.shape), where=sums > 0)


def confusion_heatmap(counts: np.ndarray, task: str, *, by: str = "rows", hide_diagonal: bool = False) -> go.Figure:
    """Heatmap of a confusion matrix (k, k): rows are true classes, columns predicted ones."""
    labels = list(TASK_CLASSES[task])
    values = normalized(counts, by)
    text = "{:.0f}" if by == "counts" else "{:.0%}"
    texts = np.array([[text.format(v) for v in row] for row in values], dtype=object)
    if hide_diagonal:
        np.fill_diagonal(values, np.nan)
        np.fill_diagonal(texts, "")
    hover = "true %{y}<br>predicted %{x}<br>%{text}<br>%{customdata} faces<extra></extra>"
    heat = go.Heatmap(
        z=values, x=labels, y=labels, text=texts, texttemplate="%{text}", customdata=counts, hovertemplate=hover,
        colorscale="Blues", showscale=False, xgap=1, ygap=1,
    )  # fmt: skip
    figure = _styled(go.Figure(heat), "predicted", "true", f"{TASK_TITLES[task]}: confusion")
    # Categories, or Plotly takes "3-6" for a date.
    figure.update_xaxes(type="category", side="bottom")
    figure.update_yaxes(type="category", autorange="reversed")
    return figure


def reliability_diagram(table: pd.DataFrame, task: str) -> go.Figure:
    """Accuracy against confidence in `metrics.N_BINS` bins, over a histogram of confidence; the line is calibrated."""
    found = table[table["detected"].to_numpy(bool)]
    probs = found[PROBABILITY_COLUMNS[task]].to_numpy(float)
    true, _ = class_indices(found, task)
    confidence, correct = probs.max(axis=1), probs.argmax(axis=1) == true
    bins = m.confidence_bins(confidence)
    counts = np.bincount(bins, minlength=m.N_BINS)
    filled = counts > 0
    mean_confidence = np.bincount(bins, confidence, m.N_BINS)[filled] / counts[filled]
    accuracy = np.bincount(bins, correct, m.N_BINS)[filled] / counts[filled]
    centres = (np.arange(m.N_BINS) + 0.5) / m.N_BINS
    ece = m.expected_calibration_error(true, probs).value if len(found) else float("nan")
    figure = go.Figure(
        [
            go.Bar(x=centres, y=counts / max(1, counts.sum()), name="share of faces", marker_color=GREY, opacity=0.35),
            go.Scatter(x=[0, 1], y=[0, 1], name="calibrated", mode="lines", line={"color": GREY, "dash": "dash"}),
            go.Scatter(
                x=mean_confidence, y=accuracy, name="model", mode="lines+markers", line_color=BLUE,
                customdata=counts[filled],
                hovertemplate="confidence %{x:.2f}<br>accuracy %{y:.2f}<br>%{customdata} faces<extra></extra>",
            ),
        ]
    )  # fmt: skip
    return _styled(figure, "confidence", "accuracy", f"{TASK_TITLES[task]}: ECE {ece:.3f}")


def age_density(table: pd.DataFrame) -> go.Figure:
    """Predicted against true age as a density, in cells of two years."""
    found = table[table["detected"].to_numpy(bool)]
    edges = np.arange(0, MAX_AGE + 3, 2)
    counts = np.histogram2d(found["pred_age"].astype(float), found["true_age"], bins=(edges, edges))[0]
    heat = go.Heatmap(
        z=np.where(counts > 0, np.log10(np.maximum(counts, 1)), np.nan), x=edges[:-1] + 1, y=edges[:-1] + 1,
        customdata=counts, colorscale="Viridis", showscale=False,
        hovertemplate="true %{x:.0f}<br>predicted %{y:.0f}<br>%{customdata:.0f} faces<extra></extra>",
    )  # fmt: skip
    line = go.Scatter(
        x=[0, MAX_AGE], y=[0, MAX_AGE], mode="lines", line={"color": GREY, "dash": "dash"}, hoverinfo="skip"
    )
    return _styled(go.Figure([heat, line]), "true age", "predicted age", "Predicted against true age", legend=False)


def age_error_by_band(table: pd.DataFrame) -> go.Figure:
    """Mean absolute error and bias for each band of `AGE_BAND` years, with 95 % intervals."""
    found = table[table["detected"].to_numpy(bool)]
    bands = group_columns(found)["true_age_band"]
    bars = []
    for name, statistic, colour in (("mean absolute error", m.mean_absolute_error, BLUE), ("bias", m.bias, ORANGE)):
        estimates = [
            m.estimate(statistic(part["true_age"], part["pred_age"].astype(float)), m.bootstrap_weights(len(part)))
            for band in bands.cat.categories
            if len(part := found[(bands == band).to_numpy()])
        ]
        present = [band for band in bands.cat.categories if (bands == band).any()]
        bars.append(_bar_with_interval(present, estimates, name, colour))
    return _styled(go.Figure(bars), f"true age, bands of {AGE_BAND} years", "years", "Error by age")


def cumulative_score_curve(table: pd.DataFrame) -> go.Figure:
    """CS@k: share of faces whose age is at most k years off, for k of 0 to 20; faces not found never are."""
    error = (table["pred_age"].astype(float) - table["true_age"]).abs().to_numpy()
    years = np.arange(21)
    shares = [float(np.mean(error <= k)) if len(error) else float("nan") for k in years]
    line = go.Scatter(
        x=years,
        y=shares,
        mode="lines+markers",
        line_color=BLUE,
        hovertemplate="within %{x} years: %{y:.1%}<extra></extra>",
    )
    figure = _styled(go.Figure(line), "years off, at most", "share of faces", "Cumulative score", legend=False)
    return figure.update_yaxes(range=[0, 1], tickformat=".0%")


def abstention_curve(table: pd.DataFrame, task: str, threshold: float = 0.0) -> go.Figure:
    """Accuracy of the answered faces against their share, as the least confidence rises; marks `threshold`."""
    found = table[table["detected"].to_numpy(bool)]
    true, pred = class_indices(found, task)
    confidence = found[PROBABILITY_COLUMNS[task]].max(axis=1).to_numpy(float)
    order = np.argsort(-confidence, kind="stable")
    answered = np.arange(1, len(order) + 1)
    accuracy = np.cumsum((true == pred)[order]) / answered
    # From 1 % of the faces on: the first few are noise.
    start = len(order) // 100
    line = go.Scatter(
        x=(answered / max(1, len(table)))[start:], y=accuracy[start:], mode="lines", line_color=BLUE,
        customdata=confidence[order][start:], showlegend=False,
        hovertemplate="answers %{x:.1%}<br>accuracy %{y:.1%}<br>from confidence %{customdata:.2f}<extra></extra>",
    )  # fmt: skip
    figure = go.Figure(line)
    kept = int((confidence >= threshold).sum())
    if kept:
        marker = {"color": ORANGE, "size": 12}
        figure.add_scatter(
            x=[kept / len(table)], y=[accuracy[kept - 1]], mode="markers", marker=marker, showlegend=False
        )
    figure = _styled(figure, "share of faces answered", "accuracy of the answers", f"{TASK_TITLES[task]}: abstaining")
    return figure.update_layout(xaxis_tickformat=".0%", yaxis_tickformat=".0%")


def group_bars(groups: list[str], estimates: list[m.Estimate], title: str) -> go.Figure:
    """A figure for each group with its 95 % interval; groups of fewer than `LEAST_GROUP` faces are grey."""
    bar = _bar_with_interval(groups, estimates, title, BLUE)
    bar.marker.color = [BLUE if e.n >= LEAST_GROUP else GREY for e in estimates]
    return _styled(go.Figure(bar), "", title, title, legend=False).update_xaxes(type="category")


def training_curves(history: pd.DataFrame, prefix: str, title: str) -> go.Figure:
    """Every column of the history that starts with `prefix` (such as "train_"), by epoch."""
    columns = [column for column in map(str, history.columns) if column.startswith(prefix)]
    colours = (BLUE, ORANGE, GREEN, PURPLE, "#56B4E9", "#D55E00", GREY)
    lines = [
        go.Scatter(
            x=history["epoch"], y=history[column], mode="lines+markers", line_color=colours[i % len(colours)],
            name=column.removeprefix(prefix).replace("_", " "),
        )
        for i, column in enumerate(columns)
    ]  # fmt: skip
    return _styled(go.Figure(lines), "epoch", "", title)


def _bar_with_interval(names: list[str], estimates: list[m.Estimate], title: str, colour: str) -> go.Bar:
    values = [e.value for e in estimates]
    error = {
        "type": "data",
        "symmetric": False,
        "array": [e.high - e.value for e in estimates],
        "arrayminus": [e.value - e.low for e in estimates],
        "color": GREY,
    }
    hover = "%{x}<br>%{y:.3f}<br>n = %{customdata}<extra></extra>"
    return go.Bar(
        x=names, y=values, error_y=error, name=title, marker_color=colour, customdata=[e.n for e in estimates],
        hovertemplate=hover,
    )  # fmt: skip


def _styled(figure: go.Figure, x: str, y: str, title: str, *, legend: bool = True) -> go.Figure:
    grid = {"gridcolor": "rgba(128,136,149,.25)", "zerolinecolor": "rgba(128,136,149,.5)", "automargin": True}
    figure.update_layout(
        title={"text": title, "font": {"size": 15}}, font={"color": GREY, "size": 13},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", margin={"l": 50, "r": 16, "t": 48, "b": 44},
        xaxis={"title": x, **grid}, yaxis={"title": y, **grid},
        showlegend=legend, legend={"orientation": "h", "y": -0.22, "x": 0, "xanchor": "left", "yanchor": "top"},
    )  # fmt: skip
    return figure
