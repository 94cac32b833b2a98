// Shows “Working…” while an answer takes longer than half a second; most come sooner, and nothing flickers.
window.agrBusy = (() => {
    let timer = null;
    let said = null;
    const say = (isBusy) => {
        document.getElementById('head')?.classList.toggle('agr-busy', isBusy);
        if (!said) {  // outside the parts that change at the same time, or screen readers would leave out one of the two
            said = document.body.appendChild(document.createElement('p'));
            said.setAttribute('role', 'status');
            said.style.cssText = 'position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); margin: 0';
        }
        said.textContent = isBusy ? 'Working…' : '';
    };
    return (isBusy) => {
        clearTimeout(timer);
        if (isBusy) timer = setTimeout(say, 500, true);
        else say(false);
    };
})();
