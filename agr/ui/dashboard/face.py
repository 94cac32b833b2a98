"""A face's own page: all that the report says of it, its twins, and boxes to mark its labels as suspicious."""

import html
import json

from agr.evaluation.report import PROBABILITY_COLUMNS
from agr.labels import TASK_CLASSES, TASK_TITLES

from ..cards import bar
from .gallery import heading, picture
from .html import ACT, act
from .look import Look

FACE_SIDE = 200
"""Pixels; chips of UTKFace are about this large."""

# showModal keeps the focus inside, closes on Escape and darkens what lies behind; closing gives the focus back to the
# tile that opened it, which may have been drawn anew meanwhile. Gradio patches a new value into the old elements, and
# takes `open` from the dialog: so the listeners are the root's, once for all.
OPEN_DIALOG = (
    ACT
    + """
const box = () => element.querySelector('dialog');
const tiles = () => [...document.querySelectorAll('.agr-tile > button[data-act]')].filter((e) => e.offsetParent);
let stepped = 0, closed = null, isPressedBeside = false, turning = null;
const neighbour = (by) => {
    const all = tiles(), at = all.findIndex((e) => e.dataset.act === box()?.dataset.opener);
    return at < 0 ? undefined : all[at + by];
};
const page = (by) => [...document.querySelectorAll('nav[aria-label=Pages] button[data-key]')].find(
    (e) => e.offsetParent && !e.disabled && e.dataset.key === (by < 0 ? 'Previous' : 'Next'));
const go = (tile, by) => {
    stepped = by;
    trigger('select', JSON.parse(tile.dataset.act));
};
const step = (by) => {
    const next = neighbour(by), turn = page(by);
    if (next) return go(next, by);
    if (!turn || turning) return;
    // On to the next page of the gallery, and to its face at this end.
    const before = tiles()[0]?.dataset.act, until = performance.now() + 10_000;
    turn.click();
    turning = setInterval(() => {
        const isThere = tiles()[0]?.dataset.act !== before;
        if (!isThere && performance.now() < until) return;
        clearInterval(turning);
        turning = null;
        if (isThere && box()?.open) go(tiles().at(by < 0 ? -1 : 0), by);
    }, 50);
};
const isBeside = (event) => {
    if (event.target !== box()) return false;
    const {left, right, top, bottom} = box().getBoundingClientRect();
    return event.clientX < left || event.clientX > right || event.clientY < top || event.clientY > bottom;
};
const open = () => {
    const dialog = box();
    if (!dialog || dialog.dataset.opener !== closed) closed = null;
    if (!dialog || dialog.open || closed) return;  // what was closed here may still be in an answer that was on its way
    dialog.showModal();
    for (const button of dialog.querySelectorAll('[data-step]')) {
        const by = Number(button.dataset.step);
        button.disabled = !neighbour(by) && !page(by);
        if (by === stepped && !button.disabled) button.focus();
    }
    stepped = 0;
    const at = tiles().findIndex((e) => e.dataset.act === dialog.dataset.opener);
    const {first, count} = tiles()[at]?.closest('.agr-gallery').dataset ?? {};
    dialog.querySelector('[data-place]').textContent = count ? `${at + Number(first)} of ${count}` : '';
    const again = last && find(last);
    if (again) again.focus();
};
element.addEventListener('keydown', (event) => {
    if (event.repeat || !box()?.open) return;
    if (event.key === 'ArrowLeft') step(-1);
    if (event.key === 'ArrowRight') step(1);
});
element.addEventListener('pointerdown', (event) => { isPressedBeside = isBeside(event); });
element.addEventListener('click', (event) => {
    const button = event.target.closest('[data-step]');
    if (button) step(Number(button.dataset.step));
    if (event.target.closest('[data-close]') || (isPressedBeside && isBeside(event))) box().close();
});
element.addEventListener('close', () => {
    const dialog = box();
    if (!dialog) return;
    last = null;
    closed = dialog.dataset.opener;
    trigger('select', {action: 'face', value: null});
    const opener = [...tiles(), ...document.querySelectorAll('button[data-act]')].find(
        (e) => e.dataset.act === closed && !dialog.contains(e) && e.checkVisibility());
    if (opener) opener.focus({preventScroll: true});
}, {capture: true});  // it does not bubble
watch('value', open);
open();  // an address may have opened a face before this was here
"""
)


def face_page(look: Look) -> str:
    """The open face as a dialog; "" if none is open, or it is not in the report."""
    rows = look.opened.predictions
    rows = rows[rows["file"] == look.spot.face]
    if not len(rows):
        return ""
    row = rows.iloc[0].to_dict()
    file = row["file"]
    opener = html.escape(json.dumps({"action": "face", "value": file}), quote=True)
    parts = "".join(_task(row, task, look) for task in TASK_CLASSES)
    named = html.escape(f"{file}: {', '.join(heading(row, look.task))}")
    return (
        f'<dialog class="agr-dialog" aria-label="{named}" data-opener="{opener}">'
        '<nav class="agr-downloads" aria-label="Faces"><button type="button" class="agr-small" data-step="-1">Previous'
        '</button><span data-place></span><button type="button" class="agr-small" data-step="1">Next</button>'
        '<button type="button" class="agr-small" data-close autofocus>Close</button></nav>'
        f"<header>{picture(file, look.opened.find, FACE_SIDE, alt='the face')}<div><h3>{html.escape(file)}</h3>"
        f"{_age(row)}{_twins(look, file)}</div></header>"
        f'<div class="agr-cards">{parts}</div></dialog>'
    )


def _age(row: dict) -> str:
    labelled = f"labelled {row['true_age']:.0f} years" if row["true_age"] == row["true_age"] else "no age label"
    if not row["detected"]:
        return f"<p>{labelled}. The detector found no face in this picture: it counts as wrong.</p>"
    return (
        f"<p>{labelled}, predicted {row['pred_age']:.1f} ({row['age_low']:.0f} to {row['age_high']:.0f}, "
        "8 times in 10)</p>"
    )


def _twins(look: Look, file: str) -> str:
    known = look.report.summary["data"].get("twins_of")
    if known is None:  # nobody looked for them
        return ""
    twins = known.get(file, []) if isinstance(known, dict) else []
    if not twins:
        return "<p>No identical copy was found among the pictures that were compared.</p>"
    lines = "".join(
        f"<li>{html.escape(str(twin.get('file')))}: {html.escape(_labels(twin))}</li>"
        for twin in twins
        if isinstance(twin, dict)
    )
    return f"<p>The very same picture is also:</p><ul>{lines}</ul>"


def _labels(twin: dict) -> str:
    known = [str(twin[key]) for key in ("age", "gender", "race") if twin.get(key) is not None]
    return ", ".join(known or ["no label"]) + (f" ({twin['subset']})" if twin.get("subset") else "")


def _task(row: dict, task: str, look: Look) -> str:
    true, pred = heading(row, task)
    bars = ""
    if row["detected"]:
        bars = "".join(
            bar(
                f"{label} (label)" if label == row[f"true_{task}"] else label,
                row[column],
                f"{100 * row[column]:.1f} %",
                is_top=label == row[f"pred_{task}"],
            )
            for label, column in zip(TASK_CLASSES[task], PROBABILITY_COLUMNS[task], strict=True)
        )
    given = row[f"true_{task}"]
    box = ""
    if row["detected"] and isinstance(given, str) and given != row[f"pred_{task}"]:
        checked = "checked" * ((task, row["file"]) in look.ticked)
        tick = act("tick", [task, row["file"]])
        box = f'<label><input type="checkbox" {tick} {checked}> this label looks wrong</label>'
    return (
        f'<section class="agr-card"><h4>{TASK_TITLES[task]}: {true}, {pred}</h4><dl class="agr-bars">{bars}</dl>{box}'
        "</section>"
    )
