() => {
    // Beside an input, the browser would open a dropped file in place of this page, and all that it shows.
    window.addEventListener('dragover', (event) => {
        if (event.defaultPrevented || !event.dataTransfer.types.includes('Files')) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = 'none';
    });
    window.addEventListener('drop', (event) => event.dataTransfer.types.includes('Files') && event.preventDefault());

    // Plotly would take every touch for a zoom, and the page could not be scrolled over a figure.
    document.addEventListener('touchstart', (event) => event.target.closest?.('.js-plotly-plot') && event.stopPropagation(), {capture: true, passive: true});

    // Gradio hides a view's tab in a menu where there is no room, and the menu with what was chosen in it, which had the focus.
    document.addEventListener('click', (event) => {
        const tabs = event.target.closest?.('.overflow-dropdown') && event.target.closest('.tab-wrapper');
        if (tabs) setTimeout(() => {
            const chosen = tabs.querySelector('.tab-container:not(.visually-hidden) [aria-selected=true]');
            if (document.activeElement === document.body) chosen?.focus({preventScroll: true});
        }, 300);
    });

    // Gradio's accordions do not say whether they are open.
    new MutationObserver(() => {
        for (const head of document.querySelectorAll('button.label-wrap')) {
            const isOpen = String(head.classList.contains('open'));
            if (head.getAttribute('aria-expanded') !== isOpen) head.setAttribute('aria-expanded', isOpen);
        }
    }).observe(document.body, {subtree: true, childList: true, attributeFilter: ['class']});

    // Tables of several reports would overwrite each other.
    document.addEventListener('click', (event) => {
        const link = event.target.closest?.('#views a.agr-download'), report = document.querySelector('#report input')?.value;
        if (!link || !report) return;
        const {prefix = ''} = link.dataset, name = link.download.startsWith(prefix) ? link.download.slice(prefix.length) : link.download;
        link.dataset.prefix = `${report}_`;
        link.download = link.dataset.prefix + name;
    }, {capture: true});

    const photo = document.getElementById('photo');
    if (!photo) return;  // without a model

    // Such as a TIFF: beside it stands the same photo with its faces.
    photo.addEventListener('error', (event) => {
        if (event.target.matches('img')) event.target.alt = 'This browser does not display this kind of picture.';
    }, {capture: true});

    // What went wrong before anything was sent.
    const said = document.createElement('p');
    said.setAttribute('role', 'alert');
    const tell = (text, kind = 'agr-error') => {
        said.textContent = text;
        said.className = kind;
        photo.after(said);
    };
    for (const kind of ['click', 'change', 'drop']) photo.addEventListener(kind, (event) => event.isTrusted && said.remove(), {capture: true});

    let newest = null;
    photo.addEventListener('click', (event) => {  // another source is chosen: what waits is not wanted any more
        if (event.isTrusted && event.target.closest('.source-selection')) newest = null;
    }, {capture: true});
    const take = (file) => {
        newest = file;
        photo.querySelector('.source-selection button')?.click();  // that of files: the others have no input
        const files = new DataTransfer();
        files.items.add(file);
        const handIn = (tries = 0) => {
            if (newest !== file) return;
            const input = photo.querySelector('input[type="file"]');
            if (!input) {  // there is a photo, or one is being sent
                photo.querySelector('button[aria-label="Remove Image"]')?.click();
                if (tries === 20) tell('The photo before is still being sent. This one comes next.', 'agr-status');
                return setTimeout(handIn, 50, tries + 1);
            }
            if (tries > 20) said.remove();
            input.files = files.files;
            input.dispatchEvent(new Event('change', {bubbles: true}));
        };
        handIn();
    };

    document.getElementById('example').addEventListener('click', async (event) => {
        const picture = event.target.closest('button')?.querySelector('img');
        if (!picture) return;
        const content = await (await fetch(picture.src)).blob();
        take(new File([content], picture.dataset.name, {type: content.type}));
    });

    // A picture may be pasted wherever the cursor is, and in place of another one.
    document.addEventListener('paste', (event) => {
        const file = [...event.clipboardData.files].find((each) => each.type.startsWith('image/'));
        if (!file || !photo.checkVisibility()) return;
        event.preventDefault();
        take(file);
    });

    // Gradio removes the photo that is there before it reads the dropped one, which by then cannot be read any more; and
    // while the camera or the clipboard is chosen, it takes none at all.
    photo.addEventListener('dragover', (event) => event.dataTransfer.types.includes('Files') && event.preventDefault(), {capture: true});
    photo.addEventListener('drop', (event) => {
        const files = [...event.dataTransfer.files];
        const file = files.find((each) => !each.type || each.type.startsWith('image/')) ?? files[0];
        if (!file) return;
        event.preventDefault();
        event.stopPropagation();
        event.target.dispatchEvent(new DragEvent('dragleave', {bubbles: true}));  // or it looks as if it were dragged on
        if (file.type && !file.type.startsWith('image/')) return tell(`${file.name} is no picture. Drop a JPEG, PNG, WebP, AVIF, HEIC, GIF, BMP or TIFF.`);
        take(file);
        if (files.length > 1) tell(`Of ${files.length} files only ${file.name} is analyzed. Drop one photo at a time; many at once: python -m agr analyze.`);
    }, {capture: true});

    // Gradio says nothing if there is no picture to paste, or the browser does not show it.
    const clipboard = navigator.clipboard;
    if (clipboard?.read) {
        const read = clipboard.read.bind(clipboard);
        clipboard.read = async (...wanted) => {
            const items = await read(...wanted).catch(() => []);
            const hasPicture = items.some((item) => item.types.some((type) => type.startsWith('image/')));
            if (!hasPicture && photo.checkVisibility()) tell('The clipboard holds no picture, or the browser does not show it. Press Ctrl+V (on a Mac, ⌘V) instead.');
            return items;
        };
    }

    // Gradio's camera is silent when it is refused.
    const lender = navigator.mediaDevices;
    if (lender) {
        const lend = lender.getUserMedia.bind(lender);
        lender.getUserMedia = async (wanted) => {
            try {
                return await lend(wanted);
            } catch (error) {
                if (photo.checkVisibility()) tell(`${window.agrCameraProblem(error)} Or choose a photo.`);
                throw error;
            }
        };
    }
}
