() => {
    // A file that is dropped beside an input would be opened by the browser in place of this page, and all results be lost.
    window.addEventListener('dragover', (event) => {
        if (event.defaultPrevented || !event.dataTransfer.types.includes('Files')) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = 'none';
    });
    window.addEventListener('drop', (event) => event.dataTransfer.types.includes('Files') && event.preventDefault());

    // Plotly would treat every touch on a figure as a zoom, and the page could not be scrolled there.
    document.addEventListener('touchstart', (event) => event.target.closest?.('.js-plotly-plot') && event.stopPropagation(), {capture: true, passive: true});

    // Gradio moves tabs that do not fit into a menu. When one is chosen there, the menu closes, and the focus would be lost.
    document.addEventListener('click', (event) => {
        const tabs = event.target.closest?.('.overflow-dropdown') && event.target.closest('.tab-wrapper');
        if (tabs) setTimeout(() => {
            const chosen = tabs.querySelector('.tab-container:not(.visually-hidden) [aria-selected=true]');
            if (document.activeElement === document.body) chosen?.focus({preventScroll: true});
        }, 300);
    });

    // Gradio's accordions do not tell screen readers whether they are open.
    new MutationObserver(() => {
        for (const head of document.querySelectorAll('button.label-wrap')) {
            const isOpen = String(head.classList.contains('open'));
            if (head.getAttribute('aria-expanded') !== isOpen) head.setAttribute('aria-expanded', isOpen);
        }
    }).observe(document.body, {subtree: true, childList: true, attributeFilter: ['class']});

    // The report's name goes into the names of saved tables, so that those of several reports can be told apart.
    document.addEventListener('click', (event) => {
        const link = event.target.closest?.('#views a.agr-download'), report = document.querySelector('#report input')?.value;
        if (!link || !report) return;
        const {prefix = ''} = link.dataset, name = link.download.startsWith(prefix) ? link.download.slice(prefix.length) : link.download;
        link.dataset.prefix = `${report}_`;
        link.download = link.dataset.prefix + name;
    }, {capture: true});

    const photo = document.getElementById('photo');
    if (!photo) return;  // there is no model

    // Such as a TIFF. The result beside it shows the same photo.
    photo.addEventListener('error', (event) => {
        if (event.target.matches('img')) event.target.alt = 'This browser does not display this kind of picture.';
    }, {capture: true});

    // Messages on problems before anything is sent to the server.
    const said = document.createElement('p');
    said.setAttribute('role', 'alert');
    const tell = (text, kind = 'agr-error') => {
        said.textContent = text;
        said.className = kind;
        photo.after(said);
    };
    for (const kind of ['click', 'change', 'drop']) photo.addEventListener(kind, (event) => event.isTrusted && said.remove(), {capture: true});

    // Gradio says only for a moment that a file is too large.
    const most = window.gradio_config?.max_file_size ?? Infinity;
    const isTooLarge = (file) => {
        if (file.size <= most) return false;
        const [has, may] = [file.size, most].map((bytes) => Math.ceil(bytes / 2 ** 20));
        tell(`${file.name} is too large: ${has} MB, and a photo may have ${may} MB. Save it smaller, or as a JPEG.`);
        return true;
    };
    photo.addEventListener('change', (event) => {
        const file = event.target.files?.[0];
        if (!file || !isTooLarge(file)) return;
        event.stopPropagation();
        event.target.value = '';
    }, {capture: true});

    let newest = null;
    photo.addEventListener('click', (event) => {  // another source was chosen: drop the file that waits
        if (event.isTrusted && event.target.closest('.source-selection')) newest = null;
    }, {capture: true});
    const take = (file) => {
        if (isTooLarge(file)) return;
        said.remove();
        newest = file;
        photo.querySelector('.source-selection button')?.click();  // the source of files: the others have no file input
        const files = new DataTransfer();
        files.items.add(file);
        const handIn = (tries = 0) => {
            if (newest !== file) return;
            const input = photo.querySelector('input[type="file"]');
            if (!input) {  // there is a photo already, or one is being sent
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

    // A picture can be pasted wherever the cursor is, and replaces the one that is there.
    document.addEventListener('paste', (event) => {
        const file = [...event.clipboardData.files].find((each) => each.type.startsWith('image/'));
        if (!file || !photo.checkVisibility()) return;
        event.preventDefault();
        take(file);
    });

    // Gradio removes the current photo before it reads the dropped one, which cannot be read any more by then; and while the
    // camera or the clipboard is chosen as source, it accepts no drop at all.
    photo.addEventListener('dragover', (event) => event.dataTransfer.types.includes('Files') && event.preventDefault(), {capture: true});
    photo.addEventListener('drop', (event) => {
        const files = [...event.dataTransfer.files];
        const file = files.find((each) => !each.type || each.type.startsWith('image/')) ?? files[0];
        if (!file) return;
        event.preventDefault();
        event.stopPropagation();
        event.target.dispatchEvent(new DragEvent('dragleave', {bubbles: true}));  // or Gradio would still show that something is dragged over it
        if (file.type && !file.type.startsWith('image/')) return tell(`${file.name} is no picture. Drop a JPEG, PNG, WebP, AVIF, HEIC, GIF, BMP or TIFF.`);
        take(file);
        if (files.length > 1 && newest === file) tell(`Of ${files.length} files only ${file.name} is analyzed. Drop one photo at a time; many at once: python -m agr analyze.`);
    }, {capture: true});

    // Gradio gives no message if the clipboard holds no picture, or the browser does not allow reading it.
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

    // Gradio gives no message if the camera is refused.
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
