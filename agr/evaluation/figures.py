"""Plotly figures of predictions. Colours are Okabe and Ito's, which colour-blind people can tell apart, with a slightly
lighter blue; backgrounds are transparent and lines grey, so that figures are legible on light and dark pages."""

from collections.abc import Iterable

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from agr.labels import MAX_AGE, TASK_CLASSES, TASK_TITLES

from . import metrics as m
from .bootstrap import Estimate
from .curves import calibration_bins, normalized
from .summary import LEAST_GROUP, Group
from .tables import Classified, with_age

BLUE, ORANGE, GREEN, PURPLE = "#2E86C8", "#E69F00", "#009E73", "#CC79A7"
WHISKER = "#30343B"
"""Colour of intervals in saved figures; on the page it follows the theme, as that of text does."""
FAINT = 0.45
"""Opacity of marks that are based on few faces."""
GREY, LINE = "#656D7A", "#7F8896"
"""Colours of text in saved figures (on the page it follows the theme, see `agr/ui/style.css`) and of lines."""
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, "#56B4E9", "#D55E00", "#F0E442", "#8C6D31")
IN_YEARS = {"age_mae", "age_bias"}
"""Group figures that are in years; the others are shares."""
_DASHES, _SYMBOLS = ("solid", "dash", "dot", "dashdot"), ("circle", "square", "diamond", "cross", "x")
"""Dashes and symbols by which lines can be told apart without colours."""
_FEW_TO_MANY = [[0, "#56B4E9"], [0.5, "#8A63B0"], [1, "#D55E00"]]
"""Colour scale for counts, whose colours stand out from white and from black."""
_MOST_BESIDE, _ROW = 12, 22
"""Largest number of groups whose bars stand side by side, and height in pixels of each bar's row if there are more."""
_BUTTONS = ["zoom", "pan", "select", "lasso", "zoomIn", "zoomOut", "autoScale", "resetScale", "toImage"]
"""Plotly's buttons, which are removed: they cover the title and need a mouse. Dragging zooms without them, and a double
click shows everything again."""


def confusion_heatmap(counts: np.ndarray, task: str, *, by: str, hide_diagonal: bool) -> go.Figure:
    """Heatmap of a confusion matrix (k, k): rows are true classes, columns predicted ones."""
    labels = list(TASK_CLASSES[task])
    values = normalized(counts, by)
    texts = np.array([[f"{v:,.0f}" if by == "counts" else _percent(v) for v in row] for row in values], dtype=object)
    if by != "counts":
        texts[np.broadcast_to(counts.sum(axis=1 if by == "rows" else 0, keepdims=True) == 0, texts.shape)] = "–"
    if hide_diagonal:
        np.fill_diagonal(values, np.nan)
        np.fill_diagonal(texts, "")
    hover = "true %{y}<br>predicted %{x}<br>%{text}<br>%{customdata} faces<extra></extra>"
    heat = go.Heatmap(
        z=values, x=labels, y=labels, text=texts, texttemplate="%{text}", customdata=counts, hovertemplate=hover,
        colorscale=[[0, "rgba(0,114,178,0)"], [1, "rgb(0,114,178)"]], zmin=0, showscale=False, xgap=1, ygap=1,
    )  # fmt: skip
    figure = _styled(go.Figure(heat), "predicted", "true", f"{TASK_TITLES[task]}: confusion")
    # Declared as categories, or Plotly would take "3-6" for a date.
    figure.update_xaxes(type="category", side="bottom", showgrid=False)
    figure.update_yaxes(type="category", autorange="reversed", showgrid=False)
    return figure


def _percent(share: float) -> str:
    """In whole percent, for Plotly; a cell with few faces is not said to be empty."""
    return "&lt;1 %" if 0 < share < 0.01 else f"{100 * share:.0f} %"


def reliability_diagram(found: Classified) -> go.Figure:
    """Accuracy of detected faces against confidence, in `metrics.N_BINS` bins, over a histogram of confidence; the
    dashed line is perfect calibration. Bins of fewer than `LEAST_GROUP` faces are faint."""
    bins, n = calibration_bins(found), len(found)
    said = "–"
    if n:
        ece = m.expected_calibration_error(found.true, found.probs).value
        mean, limit = m.chance_calibration_error(found.probs), m.chance_calibration_limit(found.probs)
        chance = f"by chance {mean:.3f}, 95 % of times below {limit:.3f}"  # as wide as a phone's figure
        said = f'{ece:.3f}<br><span style="font-size:12px;font-weight:normal">{chance}</span>'
    figure = go.Figure(
        [
            go.Bar(
                x=(bins["bin"] + 0.5) / m.N_BINS, y=bins["n"] / max(1, n), width=1 / m.N_BINS, name="share of faces",
                marker_color=LINE, opacity=0.6, customdata=bins["n"], hovertext=[
                    f"{place / m.N_BINS:.2f} to {(place + 1) / m.N_BINS:.2f}" for place in bins["bin"]
                ],
                hovertemplate="confidence %{hovertext}<br>%{y:.1%} of the faces, n = %{customdata:,}<extra></extra>",
            ),
            go.Scatter(
                x=[0, 1], y=[0, 1], name="calibrated", mode="lines", line={"color": LINE, "dash": "dash"},
                hoverinfo="skip",
            ),
            go.Scatter(
                x=bins["confidence"], y=bins["accuracy"], name="model", mode="lines+markers", line_color=BLUE,
                customdata=bins["n"], marker_opacity=_opacity(bins["n"]),
                hovertemplate="confidence %{x:.2f}<br>accuracy %{y:.2f}<br>%{customdata} faces<extra></extra>",
            ),
        ]
    )  # fmt: skip
    figure = _styled(figure, "confidence", "accuracy", f"{TASK_TITLES[found.task]}: ECE {said}")
    return figure.update_layout(xaxis_range=[0, 1], yaxis_range=[0, 1.02], margin_t=64)


def age_density(table: pd.DataFrame) -> go.Figure:
    """Predicted against true age as a density, in cells of two years."""
    found = with_age(table)
    edges = np.arange(0, MAX_AGE + 3, 2)
    counts = np.histogram2d(found["pred_age"].astype(float), found["true_age"], bins=(edges, edges))[0]
    true, pred = np.meshgrid(edges[:-1], edges[:-1])
    heat = go.Heatmap(
        z=np.where(counts > 0, np.log10(np.maximum(counts, 1)), np.nan), x=edges[:-1] + 1, y=edges[:-1] + 1,
        customdata=np.stack([counts, true, true + 1, pred, pred + 2], axis=-1), colorscale=_FEW_TO_MANY,
        showscale=False,
        hovertemplate="true %{customdata[1]} to %{customdata[2]}<br>predicted %{customdata[3]} to %{customdata[4]}<br>"
        "%{customdata[0]} faces<extra></extra>",
    )  # fmt: skip
    line = go.Scatter(
        x=[0, MAX_AGE], y=[0, MAX_AGE], mode="lines", line={"color": LINE, "dash": "dash"}, hoverinfo="skip"
    )
    return _styled(
        go.Figure([heat, line]),
        "true age (from blue to red: more faces)",
        "predicted age",
        "Predicted against true age",
        legend=False,
        zooms=True,
    )


def age_error_by_band(bands: list[Group], of: str) -> go.Figure:
    """Mean absolute error and bias for each band, with 95 % intervals; `of`: that by which the bands are made, such as
    "true age"."""
    bars = [
        _bar_with_interval(bands, name, title, colour)
        for name, title, colour in (("age_mae", "mean absolute error", BLUE), ("age_bias", "bias", ORANGE))
    ]
    figure = _styled(go.Figure(bars), f"{of}, years", "years", f"Error by {of}")
    return figure.update_xaxes(type="category")


def interval_coverage_by_band(bands: list[Group], of: str) -> go.Figure:
    """How often the 80 % interval contains the true age, for the same bands."""
    figure = go.Figure(_bar_with_interval(bands, "age_interval_coverage", "interval holds", BLUE))
    figure.add_hline(y=0.8, line={"color": ORANGE, "dash": "dash"})
    figure = _styled(figure, f"{of}, years", "share of faces", "How often the 80 % interval holds", legend=False)
    return figure.update_xaxes(type="category").update_yaxes(range=[0, 1], tickformat=".0%")


def cumulative_score_curve(table: pd.DataFrame) -> go.Figure:
    """CS@k: share of faces whose predicted age is at most k years off, for k from 0 to 20; faces not found count as
    further off."""
    labelled = table[table["true_age"].notna().to_numpy()]
    error = (labelled["pred_age"].astype(float) - labelled["true_age"]).abs().to_numpy()
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


def abstention_curve(labelled: Classified, threshold: float, points: pd.DataFrame) -> go.Figure:
    """Accuracy of the answered faces against their share, for falling thresholds of confidence; marks `threshold`.
    `points`: `curves.abstention_points` of the faces."""
    line = go.Scatter(
        x=points["answered"], y=points["accuracy"], mode="lines", line_color=BLUE, customdata=points["confidence"],
        showlegend=False,
        hovertemplate="answers %{x:.1%}<br>accuracy %{y:.1%}<br>from confidence %{customdata:.2f}<extra></extra>",
    )  # fmt: skip
    figure = go.Figure(line)
    kept = labelled.found.where(labelled.found.confidence >= threshold)
    if len(kept):
        figure.add_scatter(
            x=[len(kept) / len(labelled)], y=[np.mean(kept.true == kept.pred)], mode="markers",
            marker={"color": ORANGE, "size": 12}, showlegend=False,
            hovertemplate="chosen: answers %{x:.1%}<br>accuracy %{y:.1%}<extra></extra>",
        )  # fmt: skip
    title = f"{TASK_TITLES[labelled.task]}: abstaining"
    figure = _styled(figure, "share of faces answered", "accuracy of the answers", title, zooms=True)
    figure.update_layout(xaxis_tickformat=".0%", yaxis_tickformat=".0%")
    return figure if len(labelled) else figure.update_layout(xaxis_range=[0, 1], yaxis_range=[0, 1])


def group_bars(groups: list[Group], names: dict[str, str], title: str) -> go.Figure:
    """Some figures of each group (`names`: figure -> label) as bars with 95 % intervals, side by side, or, if there are
    many groups, one below the other."""
    is_long = len(groups) > _MOST_BESIDE
    bars = [
        _bar_with_interval(groups, name, label, COLOURS[i % len(COLOURS)], is_flat=is_long)
        for i, (name, label) in enumerate(names.items())
    ]
    in_years = bool(IN_YEARS & set(names))
    figure = _styled(go.Figure(bars), "", "", title + ", years" * in_years, legend=len(bars) > 1)
    along, across = _axes(is_long)
    figure.update_layout({f"{across}axis_type": "category", f"{along}axis_tickformat": "" if in_years else ".0%"})
    if not is_long:
        return figure
    above = {"y": 1, "yanchor": "bottom"}  # y is a share of the height: below, it would be far away
    height = 140 + _ROW * len(groups) * len(bars)
    return figure.update_layout(height=height, legend=above, margin={"t": 80}, yaxis_autorange="reversed")


def training_curves(history: pd.DataFrame, prefix: str, title: str, columns: Iterable[str] | None = None) -> go.Figure:
    """The columns of the history, by default those that start with `prefix` (such as "train_"), by epoch; a line marks
    the epoch whose weights were kept, the one with the best `valid_score`."""
    if columns is None:
        columns = [column for column in map(str, history.columns) if column.startswith(prefix)]
    lines = [
        go.Scatter(
            x=history["epoch"], y=history[column], mode="lines+markers", line_color=COLOURS[i % len(COLOURS)],
            name=column.removeprefix(prefix).replace("_", " "), line_dash=_DASHES[i % len(_DASHES)],
            marker_symbol=_SYMBOLS[i % len(_SYMBOLS)],
            hovertemplate=f"epoch %{{x}}<br>%{{fullData.name}}: {_hovered(column)}<extra></extra>",
        )
        for i, column in enumerate(columns)
    ]  # fmt: skip
    figure = go.Figure(lines)
    if "valid_score" in history and history["valid_score"].notna().any():
        kept = history["epoch"].to_numpy()[np.nanargmax(history["valid_score"])]
        if np.isfinite(kept):
            figure.add_vline(x=float(kept), line={"color": LINE, "dash": "dash"}, annotation_text="kept")
    return _styled(figure, "epoch", "", title, zooms=True)


def _hovered(column: str) -> str:
    """How hovering says a value of the history: a share, years, or a loss."""
    if column.endswith(("_accuracy", "_one_off")):
        return "%{y:.1%}"
    return "%{y:.2f} years" if column.endswith("_mae") else "%{y:.3f}"


def _bar_with_interval(groups: list[Group], name: str, title: str, colour: str, *, is_flat: bool = False) -> go.Bar:
    """Bars of one figure; those that rest on few faces are faint. `is_flat`: bars are horizontal."""
    filled = [group for group in groups if group.figures[name].n]
    estimates: list[Estimate] = [group.figures[name] for group in filled]
    names, values = [", ".join(group.names) for group in filled], [e.value for e in estimates]
    error = {
        "type": "data",
        "symmetric": False,
        "array": np.nan_to_num([e.high - e.value for e in estimates]),
        "arrayminus": np.nan_to_num([e.value - e.low for e in estimates]),
        "color": WHISKER,
    }
    along, across = _axes(is_flat)
    return go.Bar(
        **{across: names, along: values, f"error_{along}": error, "orientation": "h" if is_flat else "v"},
        hovertext=[_said(e, in_years=name in IN_YEARS) for e in estimates],
        hovertemplate=f"%{{{across}}}<br>%{{fullData.name}}: %{{hovertext}}<extra></extra>",
        name=title, customdata=[e.n for e in estimates],
        marker_color=colour, marker_opacity=[FAINT if group.is_small(name) else 1.0 for group in filled],
    )  # fmt: skip


def _said(estimate: Estimate, *, in_years: bool) -> str:
    """Such as "41.4 % (36.4 to 46.6), n = 355": what hovering over a bar says."""
    factor, digits, unit = (1, 2, "years") if in_years else (100, 1, "%")
    value, low, high = (
        f"{round(number * factor, digits) + 0.0:.{digits}f}"  # + 0.0 turns -0.0 into 0.0
        for number in (estimate.value, estimate.low, estimate.high)
    )
    interval = "" if np.isnan(estimate.low) else f" ({low} to {high})"
    return f"{value} {unit}{interval}, n = {estimate.n:,}"


def _axes(is_flat: bool) -> tuple[str, str]:
    """The axis along the bars, and the one across them."""
    return ("x", "y") if is_flat else ("y", "x")


def _opacity(counts: Iterable[int]) -> list[float]:
    return [1.0 if n >= LEAST_GROUP else FAINT for n in counts]


def _styled(figure: go.Figure, x: str, y: str, title: str, *, legend: bool = True, zooms: bool = False) -> go.Figure:
    """`zooms`: dragging shows a part. Bars and matrices have none worth it, and a stray drag would hide the rest."""
    axis = {
        "gridcolor": "rgba(128,136,149,.25)", "zerolinecolor": "rgba(128,136,149,.5)", "automargin": True,
        "fixedrange": not zooms,
    }  # fmt: skip
    figure.update_layout(
        title={"text": title, "font": {"size": 16, "weight": "bold"}},
        font={"color": GREY, "size": 13, "family": "system-ui, sans-serif"},
        paper_bgcolor="rgba(0,0,0,0)", plot_bgcolor="rgba(0,0,0,0)", margin={"l": 50, "r": 16, "t": 48, "b": 44},
        xaxis={"title": _axis_title(x), **axis}, yaxis={"title": _axis_title(y), **axis},
        dragmode="zoom" if zooms else False, hoverlabel={"bgcolor": WHISKER, "font": {"color": "#FFFFFF"}},
        modebar={"remove": _BUTTONS}, showlegend=legend and len(figure.data) > 1,
        legend={"orientation": "h", "y": -0.22, "x": 0, "xanchor": "left", "yanchor": "top"},
    )  # fmt: skip
    return figure


def _axis_title(text: str) -> dict:
    return {"text": text, "font": {"size": 13}}  # Plotly's would be larger than that of the figure
