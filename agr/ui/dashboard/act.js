// Sends what is clicked or ticked. Runs as js_on_load of a component whose HTML is made by `act` of html.py: `element`,
// `trigger` and `watch` are Gradio's. dialog.js is appended to this script, and uses `last` and `find`.
//
// The listeners are on the component's root element, which stays when a new value replaces its content. Buttons answer
// the mouse, Enter and Space alike. A new value removes the element that had the focus: the one that takes its place
// gets it, so that keyboard users do not lose their place.
const MOVES = {
    ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1],
    Home: [0, -Infinity], End: [0, Infinity],
};
let last = null;
const key = (e) => e.dataset.key ?? e.dataset.act;  // identifies a button, even if its next action is another one
const find = (wanted) => [...element.querySelectorAll('[data-act]')].find((e) => key(e) === wanted);
const act = (target) => {
    last = key(target);
    const sent = JSON.parse(target.dataset.act);
    if (target.type === 'checkbox') sent.value = [...sent.value, target.checked];
    // The answer may come above or below the visible part: remember where to scroll.
    if (sent.action === 'cell' && sent.value) window.agrToShow = '#cell-faces';
    if (sent.action === 'page') window.agrToShow = '#' + element.closest('[id]').id;
    trigger('select', sent);
};
const show = () => {
    const wanted = window.agrToShow && element.closest(window.agrToShow);
    if (!wanted || !element.querySelector('.agr-gallery')) return;
    window.agrToShow = null;
    if (document.activeElement.matches('.agr-grid :focus-visible')) return;  // scrolling would move the cell that a keyboard user is on out of view
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
    // Gradio patches a new value into the existing checkboxes, and one that was clicked ignores its `checked` attribute.
    for (const box of element.querySelectorAll('input[data-act]')) box.checked = box.defaultChecked;
    const button = last && find(last);
    // On the first and the last page, one of the two buttons is disabled: the other one gets the focus.
    const again = button?.disabled ? button.closest('nav')?.querySelector('button:not([disabled])') : button;
    if (document.activeElement === document.body) {
        const said = last?.includes('"untick"') && element.querySelector('[role=status]');
        if (said) said.tabIndex = -1;  // the button is gone, as nothing is ticked any more
        (again || said || null)?.focus({preventScroll: true});
    }
    show();
});
