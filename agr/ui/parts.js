// Fills the folds of this slot when they are opened. Runs as js_on_load of the slot, which shows nothing itself; its value is
// JSON: {answers: {key: HTML}}, or {failed: HTML}, and `at`, which tells equal ones apart. A fold may be rendered again, or be
// gone, before it is filled: so each is found by its key.
const answers = new Map();
let isAsked = false, pressed = null, height = 0, top = 0;
const isMine = (fold) => fold.dataset?.slot === element.closest('.block').id;
const content = (fold) => fold.querySelector('div');  // it stays, so that screen readers read out what changes in it
const unfilled = () => [...document.querySelectorAll('details.agr-parts[open]')].filter(
    (fold) => isMine(fold) && !fold.querySelector('.agr-maps, .agr-error'));
const put = (fold, html) => {
    content(fold).innerHTML = html;
    content(fold).style.minHeight = '';
    height = content(fold).offsetHeight;
};
const fill = () => {
    for (const fold of unfilled()) {
        if (answers.has(fold.dataset.key)) put(fold, answers.get(fold.dataset.key));
        else if (!content(fold).innerHTML) {
            content(fold).innerHTML = '<p class="agr-note">Covering one part after the other…</p>';
            content(fold).style.minHeight = `${height}px`;  // of the last answer: what is below, and the scrolling, stay
        }
    }
};
const ask = () => {  // one request at a time: each has the value of its own
    const keys = unfilled().map((fold) => fold.dataset.key);
    if (isAsked || !keys.length) return;
    isAsked = true;
    trigger('select', {keys});
};
document.addEventListener('click', (event) => { pressed = event.target.closest?.('.agr-parts > summary')?.parentNode; }, {capture: true});
document.addEventListener('scroll', ({target}) => { if (target.matches?.('dialog')) top = target.scrollTop; }, {capture: true});
// Before anything is drawn, which a listener to "toggle" would not be.
new MutationObserver((changes) => {
    for (const {target: fold} of changes) {
        if (!isMine(fold)) continue;
        const isClosed = !fold.open && fold !== pressed;  // by a new value, such as that of the next face
        pressed = null;
        if (fold.querySelector('.agr-error')) content(fold).innerHTML = '';  // another time, it may work
        if (!isClosed) continue;
        fold.open = true;
        fill();
        const dialog = fold.closest('dialog');
        if (dialog) dialog.scrollTop = top;  // without the content of the fold, it was shorter
    }
    fill();
    ask();
}).observe(document.body, {subtree: true, attributeFilter: ['open']});
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
