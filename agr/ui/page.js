() => {
    // Gradio shows examples as buttons of a picture alone, which say nothing to who does not see.
    document.querySelectorAll('#examples button').forEach((each) => each.setAttribute('aria-label', 'Eileen Collins'));

    for (const kind of ['pointerdown', 'keydown']) window.addEventListener(kind, () => { window.agrTouched = true; }, {capture: true});

    // Beside an input, the browser would open a dropped file in place of this page, and all that it shows.
    window.addEventListener('dragover', (event) => {
        if (event.defaultPrevented) return;
        event.preventDefault();
        event.dataTransfer.dropEffect = 'none';
    });
    window.addEventListener('drop', (event) => event.preventDefault());

    const photo = document.getElementById('photo');
    if (!photo) return;  // without a model

    // A picture may be pasted wherever the cursor is, and in place of another one.
    document.addEventListener('paste', (event) => {
        const file = [...event.clipboardData.files].find((each) => each.type.startsWith('image/'));
        if (!file || !photo.checkVisibility()) return;
        event.preventDefault();
        photo.querySelector('button[aria-label="Remove Image"]')?.click();
        requestAnimationFrame(() => {
            const input = photo.querySelector('input[type="file"]');
            const files = new DataTransfer();
            files.items.add(file);
            input.files = files.files;
            input.dispatchEvent(new Event('change', {bubbles: true}));
        });
    });

    // Gradio's camera is silent when it is refused.
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
                    said.textContent = error.name === 'NotFoundError'
                        ? 'No camera was found. Connect one, or choose a photo.'
                        : 'The camera was refused. Allow it for this page in the browser, beside the address, or choose a photo.';
                    photo.after(said);
                }
                throw error;
            }
        };
    }
}
