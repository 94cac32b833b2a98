// Connects the cards with the faces in the picture: pointing at one marks the other; a click on a face goes to its card, and
// a click on a card's number back to the face. Runs as js_on_load of the component that holds the cards; its root element
// stays when a new value replaces its content.
const frame = document.createElement('div');
frame.className = 'agr-frame';
const cards = () => [...element.querySelectorAll('.agr-card[data-box]')];
const boxed = () => document.getElementById('boxed');  // it may be drawn after the cards
const picture = () => boxed()?.querySelector('.image-frame img');
const show = (target, block) => target.scrollIntoView({
    behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth',
    block,
});

// A card's face on the screen, which shows the whole picture in the middle of the <img>.
const placeOf = (card, img) => {
    const [left, top, right, bottom] = card.dataset.box.split(' ').map(Number), area = img.getBoundingClientRect();
    const most = getComputedStyle(img).objectFit === 'scale-down' ? 1 : Infinity;
    const zoom = Math.min(area.width / img.naturalWidth, area.height / img.naturalHeight, most);
    const [width, height] = [zoom * img.naturalWidth, zoom * img.naturalHeight];
    const [x, y] = [area.left + (area.width - width) / 2, area.top + (area.height - height) / 2];
    return {left: x + left * width, top: y + top * height, right: x + right * width, bottom: y + bottom * height};
};

// The card of the face at a place on the screen; of faces that overlap, the smaller one's, which comes later.
const cardAt = ({clientX: x, clientY: y}) => {
    const img = picture();
    return img?.naturalWidth ? cards().findLast((card) => {
        const {left, top, right, bottom} = placeOf(card, img);
        return left <= x && x <= right && top <= y && y <= bottom;
    }) : undefined;
};

const mark = (card) => {
    for (const each of cards()) each.classList.toggle('agr-marked', each === card);
    const img = picture();
    if (!card || !img?.naturalWidth) return frame.remove();
    img.parentElement.append(frame);
    const place = placeOf(card, img), around = img.parentElement.getBoundingClientRect();
    Object.assign(frame.style, {
        left: `${place.left - around.left}px`,
        top: `${place.top - around.top}px`,
        width: `${place.right - place.left}px`,
        height: `${place.bottom - place.top}px`,
    });
};

const cardOf = ({target}) => target.closest('.agr-card[data-box]');
const go = (card, target, block) => {
    mark(card);
    show(target, block);
};
element.addEventListener('focusin', (event) => mark(cardOf(event)));
element.addEventListener('focusout', () => mark());
element.addEventListener('click', (event) => event.target.closest('button.agr-number') && go(cardOf(event), boxed(), 'nearest'));
document.addEventListener('click', (event) => {
    const card = event.target.closest?.('#boxed button:has(.image-frame)') && cardAt(event);
    if (!card) return;
    if (boxed().classList.contains('fullscreen')) boxed().querySelector('.icon-button').click();
    setTimeout(() => {  // once the page is back
        card.querySelector('button').focus({preventScroll: true});
        go(card, card, 'center');
    });
});

let last = '';
document.addEventListener('pointermove', (event) => {
    const place = `${event.screenX} ${event.screenY}`;
    // After a click the page scrolls under a mouse at rest, which then points at something that nobody meant.
    if (event.pointerType !== 'mouse' || place === last || !cards().length) return;
    last = place;
    const isInPicture = boxed().contains(event.target);
    const card = isInPicture ? cardAt(event) : element.contains(event.target) ? cardOf(event) : undefined;
    boxed().style.cursor = isInPicture && card ? 'pointer' : '';
    mark(card);
});
document.addEventListener('pointerdown', (event) => event.pointerType !== 'mouse' && mark());  // a finger's next tap
window.addEventListener('resize', () => mark());
watch('value', () => mark());
