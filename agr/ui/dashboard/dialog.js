// Opens a face's dialog, steps from face to face, and closes it. Appended to act.js in one js_on_load: `last` (the key of
// the button that was used last) and `find` (the button of a key) are from there; `element`, `trigger` and `watch` are
// Gradio's.
//
// showModal keeps the focus inside, closes on Escape and darkens the page behind. On closing, the focus goes back to the
// tile that opened the dialog, which may have been rendered again in the meantime. Gradio patches a new value into the
// existing elements, and removes the dialog's `open` attribute: so the listeners are on the root element, set once.
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
    // At the end of the gallery's page: turn it, and go to the nearest face of the new one.
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
const place = (dialog) => {
    for (const button of dialog.querySelectorAll('[data-step]')) {
        const by = Number(button.dataset.step);
        button.disabled = !neighbour(by) && !page(by);
    }
    const at = tiles().findIndex((e) => e.dataset.act === dialog.dataset.opener);
    const {first, count} = tiles()[at]?.closest('.agr-gallery').dataset ?? {};
    dialog.querySelector('[data-place]').textContent = count ? `${at + Number(first)} of ${count}` : '';
};
const open = () => {
    const dialog = box();
    if (!dialog || dialog.dataset.opener !== closed) closed = null;
    if (!dialog || dialog.open || closed) return;  // an answer that was under way when a face was closed may still contain it
    dialog.showModal();
    place(dialog);
    if (stepped) dialog.querySelector(`[data-step="${stepped}"]:enabled`)?.focus();
    stepped = 0;
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
}, {capture: true});  // this event does not bubble
watch('value', open);
open();  // the page's address may have opened a face before this script ran
// ... and before there are tiles, which say where the face is among them.
new MutationObserver(() => { if (box()?.open) place(box()); }).observe(
    document.querySelector('#views'), {childList: true, subtree: true});
