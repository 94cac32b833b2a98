"""How the tab's events reach the server: the JavaScript before and after an event, and how events are queued."""

from typing import Any

WRITE_ADDRESS = """
const write = () => props.value?.startsWith('?') && window.agrAddress.show(props.value);
watch('value', write);
write();  // the first answer may have come before this script ran
window.agrAddress.onBack((query) => trigger('select', {value: query}));
"""
READ_ADDRESS = "(_, ...sent) => [location.search, ...sent]"
"""Puts the page's address, as it is when the event is sent, in place of the first input."""
BUSY = "(_, ...sent) => { window.agrBusy(true); return [location.search, ...sent]; }"
"""The same, and says so if the answer takes long, as when another visitor's comparison is computed first. Gradio's own
progress sign would add 0.2 seconds to every click."""
IDLE = "() => window.agrBusy(false)"
SHOW_FACES = """
() => {
    const faces = document.getElementById('mislabels');
    if (!window.agrIsFollowed || !faces?.checkVisibility()) return;
    window.agrIsFollowed = false;
    if (document.activeElement === document.body) {  // the tab that gets the focus may be hidden in a menu
        faces.tabIndex = -1;
        faces.focus({preventScroll: true});
    }
    const behavior = matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth';
    if (faces.getBoundingClientRect().top > 0.7 * innerHeight) faces.scrollIntoView({behavior});
}
"""
"""Scrolls to the faces that a link leads to, and moves the focus there if it was lost."""
SHOW_OWN = """
() => {
    const behavior = matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth';
    document.querySelector('#own-status .agr-status')?.scrollIntoView({behavior});
}
"""
"""Scrolls to what is said of a visitor's own report, unless it is that something is wrong with the files."""
QUIET: dict[str, Any] = {
    "show_progress": "hidden",
    "api_visibility": "private",
    "trigger_mode": "always_last",
    # One at a time: a click that overtook another would undo that one's change of the spot.
    "concurrency_id": "dashboard",
    "concurrency_limit": 1,
}
"""Options of every event of the tab."""
