// Fills the folds of this slot when they are opened. Runs as js_on_load of the slot, which shows nothing itself; its value is
// JSON: {answers: {key: HTML}}, or {failed: HTML}. A fold may be rendered again, or be gone, before it is filled: so each is
// found by its key.
const answers = new Map();
let isAsked = false, pressed = null;
const isMine = (fold) => fold.dataset?.slot === element.closest('.block').id;
const unfilled = () => [...document.querySelectorAll('details.agr-parts[open]')].filter(
    (fold) => isMine(fold) && !fold.querySelector('.agr-maps, .agr-error'));
const put = (fold, html, kind = '') => {
    fold.querySelector('summary ~ div')?.remove();
    const content = document.createElement('div');
    content.className = kind;
    content.setAttribute('aria-live', 'polite');
    content.innerHTML = html;
    fold.append(content);
};
const fill = () => {
    for (const fold of unfilled()) {
        if (answers.has(fold.dataset.key)) put(fold, answers.get(fold.dataset.key));
        else if (!fold.querySelector('div')) put(fold, 'Covering one part after the other…', 'agr-note');
    }
};
const ask = () => {  // one request at a time: each has the value of its own
    const keys = unfilled().map((fold) => fold.dataset.key);
    if (isAsked || !keys.length) return;
    isAsked = true;
    trigger('select', {keys});
};
document.addEventListener('click', (event) => { pressed = event.target.closest?.('.agr-parts > summary')?.parentNode; });
document.addEventListener('toggle', ({target: fold}) => {
    if (!isMine(fold)) return;
    if (!fold.open && fold !== pressed) fold.open = true;  // a new value closed it, such as that of the next face
    pressed = null;
    fold.querySelector('.agr-error')?.parentNode.remove();  // another time, it may work
    fill();
    ask();
}, {capture: true});  // this event does not bubble
watch('value', () => {
    const said = JSON.parse(props.value || '{}');
    isAsked = false;
    for (const [key, html] of Object.entries(said.answers ?? {})) {
        answers.set(key, html);
        fill();
        if (html.includes('agr-error')) answers.delete(key);
    }
    if (said.failed) for (const fold of unfilled()) put(fold, said.failed);
    ask();  // for more: the server answers a few at a time
});
