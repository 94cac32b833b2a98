// The page's address says what is open, so that a view can be shared, and the browser's Back returns to what was open before.
window.agrAddress = (() => {
    // A change of these makes a new entry in the history; other changes, such as of filters, replace the current entry.
    const PLACES = ['tab', 'show', 'report', 'other', 'task', 'cell', 'sheet'];
    let isTouched = false;  // false after loading and after Back: what the address has opened makes no new entry
    let tab = new URLSearchParams(location.search).get('tab');
    let isBack = false;  // Back was pressed, and nothing since: only the answer to Back may write the address
    let shown = null;  // the address of what the dashboard shows, also while another tab is open
    let closing = null;  // a face was closed by going back: what to write when that is done
    let onBack = () => {};

    for (const kind of ['pointerdown', 'keydown', 'click'])
        window.addEventListener(kind, () => { isTouched = true; isBack = false; }, {capture: true});

    // On a Hugging Face Space the page is in a frame; the surrounding page is told its address.
    const tell = () => window.parent !== window && window.parent.postMessage({queryString: location.search || '?'}, 'https://huggingface.co');

    const write = (query) => {
        if (closing) {  // going back already
            closing = query;
            return;
        }
        const before = new URLSearchParams(location.search);
        if (String(query) === String(before)) return;
        const isElsewhere = PLACES.some((name) => query.get(name) !== before.get(name));
        const opensFace = query.has('face') && !before.has('face');
        if (before.has('face') && !query.has('face') && !isElsewhere && history.state?.openedFace) {
            closing = query;  // the entry before is the view without the face
            history.back();
            return;
        }
        const state = {openedFace: opensFace || (query.has('face') && history.state?.openedFace)};
        history[isTouched && (isElsewhere || opensFace) ? 'pushState' : 'replaceState'](state, '', `?${query}`);
        tell();
    };

    window.addEventListener('popstate', () => {
        isTouched = false;
        tab = new URLSearchParams(location.search).get('tab');
        const closed = closing;
        closing = null;
        if (closed) write(closed);
        else {
            isBack = true;
            tell();
            onBack(location.search);
        }
    });

    return {
        // The address of what the dashboard shows; if it answers Back, followed by # and the address that Back led to.
        // Parameters that start with two underscores are Gradio's, such as the theme, and are kept.
        show(value) {
            const [text, asked] = value.split('#');
            shown = text;
            if (asked === undefined ? isBack : asked !== location.search) return;
            const query = new URLSearchParams(text);
            for (const [name, value] of new URLSearchParams(location.search)) if (name.startsWith('__')) query.set(name, value);
            if (tab) query.set('tab', tab);
            write(query);
        },
        // A tab of the page was selected; null: the dashboard's, which writes its own address if there is none yet.
        open(selected) {
            if (!isTouched) return;
            tab = selected;
            if (!tab && shown && !new URLSearchParams(location.search).has('show')) return this.show(shown);  // as the visitor left it
            const query = new URLSearchParams(closing ?? location.search);
            if (tab) query.set('tab', tab);
            else if (query.has('show')) query.delete('tab');
            write(query);
        },
        // A link to another view, in place: as if it had been opened before, and Back had led there.
        follow(link) {
            const query = new URLSearchParams(link);
            for (const [name, value] of new URLSearchParams(location.search)) if (name.startsWith('__')) query.set(name, value);
            history.pushState({}, '', `?${query}`);
            isTouched = false;
            isBack = true;
            tell();
            onBack(location.search);
        },
        onBack(listener) { onBack = listener; },
    };
})();

// Whoever goes on is not taken back to the faces of a link, as one that failed would do later.
for (const kind of ['pointerdown', 'keydown', 'popstate']) window.addEventListener(kind, () => { window.agrIsFollowed = false; }, {capture: true});
document.addEventListener('click', (event) => {
    const link = event.target.closest?.('#views a[href^="?"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;  // these open another tab or window
    event.preventDefault();
    window.agrIsFollowed = true;
    window.agrAddress.follow(link.search);
    const view = new URLSearchParams(link.search).get('show');
    [...document.querySelectorAll('#views [role=tab]')].find((tab) => tab.textContent.trim() === view)?.focus({preventScroll: true});
});
