// A click on a person's lane shows that time in the video with boxes; by keyboard, a stretch's button shows its begin. Runs
// as js_on_load of the component that holds the lanes; its root element stays when a new value replaces its content.
element.addEventListener('click', (event) => {
    const lane = event.target.closest('.agr-lane[data-seconds]'), video = document.querySelector('#clip-boxed video');
    if (!lane || !video) return;
    const {left, width} = lane.getBoundingClientRect(), isByKeyboard = event.detail === 0;
    const clicked = (event.clientX - left) / width * Number(lane.dataset.seconds);
    video.currentTime = isByKeyboard ? Number(event.target.dataset.start) : clicked;
    const {top, bottom} = video.getBoundingClientRect(), isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (top < 0 || bottom > innerHeight)
        video.scrollIntoView({behavior: isStill ? 'auto' : 'smooth', block: 'nearest'});
});
