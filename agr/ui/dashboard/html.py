"""Pieces of HTML that several views share: tables with their CSV, galleries' pages, buttons below a figure."""

import html
import json
import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from agr.evaluation.bootstrap import Estimate
from agr.evaluation.summary import LEAST_GROUP

from ..cards import data_link

MOST_CSV_ROWS = 5000

# One listener on the component's root outlives every new value; buttons answer the mouse, Enter and Space alike.
# A new value replaces the element that had the focus: who works by keyboard gets it back.
ACT = """
const MOVES = {
    ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
    Home: [0, -Infinity], End: [0, Infinity],
};
let last = null;
const key = (e) => e.dataset.key ?? e.dataset.act;  // what a button is, whatever it will do next
const find = (wanted) => [...element.querySelectorAll('[data-act]')].find((e) => key(e) === wanted);
const act = (target) => {
    last = key(target);
    const sent = JSON.parse(target.dataset.act);
    if (target.type === 'checkbox') sent.value = [...sent.value, target.checked];
    // What is asked for may come below the screen, or above it.
    if (sent.action === 'cell' && sent.value) window.agrToShow = '#cell-faces';
    if (sent.action === 'page') window.agrToShow = '#' + element.closest('[id]').id;
    trigger('select', sent);
};
const show = () => {
    const wanted = window.agrToShow && element.closest(window.agrToShow);
    if (!wanted || !element.querySelector('.agr-gallery')) return;
    window.agrToShow = null;
    if (document.activeElement.matches('.agr-grid :focus-visible')) return;  // who works by keyboard would lose it
    const {top} = wanted.getBoundingClientRect(), isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (top < 0 || top > 0.7 * innerHeight) wanted.scrollIntoView({behavior: isStill ? 'auto' : 'smooth'});
};
element.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-act]');
    if (button) act(button);
});
element.addEventListener('change', (event) => {
    if (event.target.matches('input[data-act]')) act(event.target);
});
element.addEventListener('keydown', (event) => {
    const cell = event.target.closest('.agr-grid td');
    const [down, right] = MOVES[event.key] ?? [];
    const row = cell?.closest('tbody').rows[cell.parentNode.sectionRowIndex + down];
    const column = row && Math.max(1, Math.min(cell.cellIndex + right, row.cells.length - 1));
    const button = row?.cells[column].querySelector('button');
    if (!button) return;
    event.preventDefault();
    event.target.tabIndex = -1;
    button.tabIndex = 0;
    button.focus();
});
watch('value', () => {
    // A new value is patched into the old boxes, and one that was clicked keeps its own mind.
    for (const box of element.querySelectorAll('input[data-act]')) box.checked = box.defaultChecked;
    const button = last && find(last);
    // On the first and the last page the other one of both buttons is what there is to press.
    const again = button?.disabled ? button.closest('nav')?.querySelector('button:not([disabled])') : button;
    if (document.activeElement === document.body) {
        const said = last?.includes('"untick"') && element.querySelector('[role=status]');
        if (said) said.tabIndex = -1;  // in place of the button, which is gone with what it was for
        (again || said || null)?.focus({preventScroll: true});
    }
    show();
});
"""

# Plotly, as Gradio brings it, draws the file in the browser.
SAVE_FIGURE = """
const figure = element.closest('.agr-figure');
figure?.setAttribute('role', 'group');
const nameIt = () => {
    const title = figure.querySelector('.js-plotly-plot')?.layout?.title?.text;
    const name = title ?? element.querySelector('[data-name]').dataset.name.replaceAll('_', ' ');
    figure.setAttribute('aria-label', `Figure: ${name}`);
};
if (figure) {
    nameIt();
    new MutationObserver(nameIt).observe(figure, {childList: true, subtree: true});
}
element.addEventListener('click', (event) => {
    const button = event.target.closest('button[data-format]');
    const plot = element.closest('.agr-figure').querySelector('.js-plotly-plot');
    if (!button || !plot) return;
    // Of which report and which faces, on white: it is put among others, on slides of any colour.
    const report = document.querySelector('#report input')?.value ?? '';
    const faces = document.querySelector('#head [role=status]')?.textContent ?? '';
    const title = {...plot.layout.title, subtitle: {text: `${report}. ${faces}`, font: {size: 11}}};
    const layout = {...plot.layout, title, paper_bgcolor: 'white', plot_bgcolor: 'white'};
    window.Plotly.downloadImage({data: plot.data, layout}, {
        format: button.dataset.format, filename: `${report}_${button.dataset.name}`, width: 900,
        height: Math.max(600, layout.height ?? 0), scale: 2,
    });
});
"""


def faces(n: int) -> str:
    """Such as "1 face" or "2 faces"."""
    return "1 face" if n == 1 else f"{n:,} faces"


def save_buttons(name: str) -> str:
    """Buttons that save the figure above them."""
    buttons = "".join(
        f'<button type="button" class="agr-small" data-format="{kind}" data-name="{name}" '
        f'aria-label="Save as {kind.upper()}: {name.replace("_", " ")}">'
        f"Save as {kind.upper()}</button>"
        for kind in ("png", "svg")
    )
    return f'<div class="agr-downloads">{buttons}</div>'


def act(action: str, value: Any) -> str:
    """The attribute that makes a button or a box send {"action", "value"}. A file's name may hold anything: it goes
    through both escapings."""
    return f'data-act="{html.escape(json.dumps({"action": action, "value": value}), quote=True)}"'


def csv_link(name: str, table: pd.DataFrame, title: str = "Download as CSV") -> str:
    """A link that saves a table; of a very long one its first rows."""
    if len(table) > MOST_CSV_ROWS:
        table, title = table.head(MOST_CSV_ROWS), f"{title} (the first {MOST_CSV_ROWS} of {len(table)})"
    texts = {str(name): table[name].map(_as_text) for name in table.select_dtypes(exclude=["number", "bool"])}
    text = table.assign(**texts).rename(columns=_as_text).to_csv(index=False)
    return f'<div class="agr-downloads">{data_link(f"{name}.csv", title, text)}</div>'


def _as_text(cell: Any) -> Any:
    """What a spreadsheet would take for a formula, as the text that it is: names in a report may come from anyone."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell


def table_html(head: Sequence[str], rows: Sequence[tuple[Sequence[str], str]]) -> str:
    """A table whose first column names its rows. `rows`: cells as HTML, and a class for the row."""
    top = "".join(f'<th scope="col">{html.escape(name)}</th>' for name in head)
    body = "".join(
        f'<tr class="{kind}"><th scope="row">{cells[0]}</th>{"".join(f"<td>{cell}</td>" for cell in cells[1:])}</tr>'
        for cells, kind in rows
    )
    return (
        f'<div class="agr-scroll" tabindex="0" role="region" aria-label="{html.escape(", ".join(head[:3]))}">'
        f'<table class="agr-table"><thead><tr>{top}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )


def estimate_html(estimate: Estimate, factor: float = 100, digits: int = 1, *, signed: bool = False) -> str:
    """A figure with its interval below it, if it has one; a dash if there is no figure."""
    if math.isnan(estimate.value):
        return "–"
    value, low, high = (
        f"{round(number * factor, digits) + 0.0:{'+' * signed}.{digits}f}"  # and no -0.0
        for number in (estimate.value, estimate.low, estimate.high)
    )
    return value if math.isnan(estimate.low) else f"{value}<small>{low} to {high}</small>"


def difference_html(estimate: Estimate, factor: float = 100, digits: int = 1, *, better: int = 0) -> str:
    """The same with a sign; bold if it is not chance: the interval, of `LEAST_GROUP` faces and more, leaves out
    zero. `better`: 1 where more is better, -1 where less is: then it says which it is."""
    is_sure = estimate.n >= LEAST_GROUP and (estimate.low > 0 or estimate.high < 0)
    if not is_sure:
        return estimate_html(estimate, factor, digits, signed=True)
    nearest = min(abs(estimate.low), abs(estimate.high)) * factor
    text = estimate_html(estimate, factor, digits + (round(nearest, digits) == 0), signed=True)
    if not better:
        return f"<strong>{text}</strong>"
    said = "better" if estimate.value * better > 0 else "worse"
    return f'<strong>{text}</strong><small class="agr-{said}">{said}</small>'


def pager(count: int, page: int, size: int) -> str:
    """Buttons to the pages before and after, if there are any."""
    last = max(0, (count - 1) // size)
    if not last:
        return ""
    buttons = "".join(
        f'<button type="button" class="agr-small" data-key="{title}" {act("page", target)} '
        f"{'disabled' * (not 0 <= target <= last)}>"
        f"{title}</button>"
        for title, target in (("Previous", page - 1), ("Next", page + 1))
    )
    first = page * size + 1
    return (
        f'<nav class="agr-downloads" aria-label="Pages">{buttons}'
        f'<span role="status">{first} to {min(count, first + size - 1)} of {count}</span></nav>'
    )
