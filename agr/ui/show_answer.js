() => setTimeout(() => {
    // On a phone the answer begins below the screen. The button that had the focus, to choose or remove a photo, is gone
    // by now: the answer gets the focus, rather than the button that removes the photo, as the next key may be Space, to
    // scroll.
    const [photo, boxed, status] = ['photo', 'boxed', 'status'].map((id) => document.getElementById(id));
    const isRefused = status.querySelector('.agr-error');
    for (const each of photo.querySelectorAll('img')) {  // of a file that is no picture, the browser would show a sliver
        if (isRefused) each.alt = '';
        each.style.visibility = isRefused && each.complete && !each.naturalWidth ? 'hidden' : '';
    }
    const answer = boxed.querySelector('img') ? boxed : status;
    const isStill = matchMedia('(prefers-reduced-motion: reduce)').matches;
    if (status.querySelector('p') && answer.getBoundingClientRect().top > 0.7 * innerHeight)
        answer.scrollIntoView({behavior: isStill ? 'auto' : 'smooth'});
    if (document.activeElement !== document.body) return;
    status.tabIndex = -1;
    (status.querySelector('p') ? status : photo.querySelector('button'))?.focus({preventScroll: true});
}, 100)
