() => {
    // Gradio shows examples as buttons of a picture alone, which say nothing to who does not see.
    document.querySelectorAll('#examples button').forEach((each) => each.setAttribute('aria-label', 'Eileen Collins'));

    for (const kind of ['pointerdown', 'keydown', 'click']) window.addEventListener(kind, () => { window.agrTouched = true; }, {capture: true});

    // Beside an input, the browser would open a dropped file in place of this page, and all that it shows.
    window.addEventListener('dragover', (event) => {
        if (event.defaultPrevented || !event.dataTransfer.types.includes('Files')) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = 'none';
    });
    window.addEventListener('drop', (event) => event.dataTransfer.types.includes('Files') && event.preventDefault());

    const photo = document.getElementById('photo');
    if (!photo) return;  // without a model

    // A picture may be pasted wherever the cursor is, and in place of another one.
    document.addEventListener('paste', (event) => {
        const file = [...event.clipboardData.files].find((each) => each.type.startsWith('image/'));
        if (!file || !photo.checkVisibility()) return;
        event.preventDefault();
        photo.querySelector('button[aria-label="Remove Image"]')?.click();
        photo.querySelector('.source-selection button')?.click();  // that of files: the others have no input
        const files = new DataTransfer();
        files.items.add(file);
        const handIn = (tries) => {
            const input = photo.querySelector('input[type="file"]');
            if (!input && tries) return setTimeout(handIn, 50, tries - 1);
            if (!input) return;
            input.files = files.files;
            input.dispatchEvent(new Event('change', {bubbles: true}));
        };
        setTimeout(handIn, 50, 20);
    });

    // Gradio's camera is silent when it is refused.
    const REFUSALS = {
        NotAllowedError: 'The camera was refused. Allow it for this page in the browser, beside the address.',
        NotFoundError: 'No camera was found. Connect one.',
        NotReadableError: 'The camera cannot be used: another program may hold it.',
    };
    const lender = navigator.mediaDevices;
    const said = document.createElement('p');
    said.className = 'agr-error';
    said.setAttribute('role', 'alert');
    if (lender) {
        const lend = lender.getUserMedia.bind(lender);
        lender.getUserMedia = async (wanted) => {
            said.remove();
            try {
                return await lend(wanted);
            } catch (error) {
                if (photo.checkVisibility()) {
                    said.textContent = `${REFUSALS[error.name] ?? `The camera cannot be used: ${error.message}.`} Or choose a photo.`;
                    photo.after(said);
                }
                throw error;
            }
        };
    }
    photo.addEventListener('click', () => said.remove(), {capture: true});
    photo.addEventListener('change', () => said.remove(), {capture: true});
}
