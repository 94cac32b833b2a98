// The address says what is open, so that it can be sent to someone, and Back leads to what was open before.
window.agrAddress = (() => {
    // What one goes back to; other changes, such as those of filters, take the place of the address before.
    const PLACES = ['tab', 'show', 'report', 'other', 'task', 'cell', 'sheet'];
    let isTouched = false;  // as a page loads, and after Back, the address is read: what it opens is not to be written
    let tab = new URLSearchParams(location.search).get('tab');
    let isBack = false;  // Back was pressed, and nothing since: of all answers only that to it is to be written
    let shown = null;  // the address of what the dashboard shows, in another tab too
    let closing = null;
    let onBack = () => {};

    for (const kind of ['pointerdown', 'keydown', 'click'])
        window.addEventListener(kind, () => { isTouched = true; isBack = false; }, {capture: true});

    // A Space's page shows the address of its frame.
    const tell = () => window.parent !== window && window.parent.postMessage({queryString: location.search || '?'}, 'https://huggingface.co');

    const write = (query) => {
        if (closing) {  // on the way back already
            closing = query;
            return;
        }
        const before = new URLSearchParams(location.search);
        if (String(query) === String(before)) return;
        const isElsewhere = PLACES.some((name) => query.get(name) !== before.get(name));
        const opensFace = query.has('face') && !before.has('face');
        if (before.has('face') && !query.has('face') && !isElsewhere && history.state?.openedFace) {
            closing = query;  // which is where Back leads
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
        // What the dashboard shows, and behind a # the address that it was asked for by Back. What starts with two
        // underscores is Gradio's, such as the theme.
        show(value) {
            const [text, asked] = value.split('#');
            shown = text;
            if (asked === undefined ? isBack : asked !== location.search) return;
            const query = new URLSearchParams(text);
            for (const [name, value] of new URLSearchParams(location.search)) if (name.startsWith('__')) query.set(name, value);
            if (tab) query.set('tab', tab);
            write(query);
        },
        // A tab of the page was selected; null: the dashboard's, whose own address follows if there is none yet.
        open(selected) {
            if (!isTouched) return;
            tab = selected;
            if (!tab && shown && !new URLSearchParams(location.search).has('show')) return this.show(shown);  // as it was left
            const query = new URLSearchParams(closing ?? location.search);
            if (tab) query.set('tab', tab);
            else if (query.has('show')) query.delete('tab');
            write(query);
        },
        onBack(listener) { onBack = listener; },
    };
})();
