// Runs as js_on_load of the camera's component: `element` is its root element, `trigger` sends to the server.
// One frame is sent at a time; the next one is captured when the answer has come, and none is kept.
const EVERY = 200, LONGEST = 640, ANSWER_WITHIN = 8000, STALE = 1000, SLOW = 5000, WARNED = 10, SECONDS = Number(element.querySelector('[data-seconds]').dataset.seconds);
const IS_HERE = ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);  // the server is on this machine: no network is needed
const find = (name) => element.querySelector(`[data-live="${name}"]`);
const [video, boxes, status, toggle, choice] = ['video', 'boxes', 'status', 'toggle', 'choice'].map(find);
const canvas = document.createElement('canvas');
let stream = null, timer = null, stale = null, slow = null, until = 0, sentAt = null, mirrored = true, again = false, asking = false, isSlow = false, isWarned = false, starts = 0;

const NO_CAMERA = 'This page cannot use a camera here. Open it at an address that begins with https, or at localhost.';

const say = (text, isError = false) => {
    status.textContent = text;
    status.className = isError ? 'agr-error' : 'agr-status';
};
const refuse = (error) => say(`${window.agrCameraProblem(error)} Press the button to try again.`, true);
const label = () => {
    toggle.textContent = stream ? 'Pause' : again ? 'Resume' : 'Start camera';
    document.getElementById('live-panel').classList.toggle('agr-live-off', !stream);  // without a camera, nobody is in view
};
const quick = () => {
    clearTimeout(stale);
    clearTimeout(slow);
    if (stream && isSlow) say('The camera is on. The server answers again. No picture is kept.');
    stale = slow = null;
    isSlow = false;
};
const later = (ms) => { clearTimeout(timer); timer = setTimeout(send, ms); };

const stop = (text) => {
    clearTimeout(timer);
    quick();
    stream?.getTracks().forEach((track) => track.stop());
    stream = video.srcObject = null;
    boxes.innerHTML = '';
    label();
    say(text);
};

const offer = async () => {
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter((each) => each.kind === 'videoinput');
    const used = stream?.getVideoTracks()[0].getSettings().deviceId;
    choice.replaceChildren(...cameras.map((each, i) => new Option(each.label || `Camera ${i + 1}`, each.deviceId, false, each.deviceId === used)));
    choice.hidden = cameras.length < 2;
};

const start = async () => {
    if (!navigator.mediaDevices?.getUserMedia) return say(NO_CAMERA, true);
    if (asking) return;
    asking = true;  // rather than disabling the button, which would lose the focus
    say('Waiting for the camera …');
    let lent = false;
    try {
        const wanted = {width: {ideal: 640}, height: {ideal: 480}};
        if (choice.value) wanted.deviceId = {exact: choice.value};
        stream = await navigator.mediaDevices.getUserMedia({video: wanted, audio: false});
        lent = true;
        const [track] = stream.getVideoTracks();
        track.addEventListener('ended', () => stream && stop('The camera was taken away. Press the button to go on.'));
        mirrored = track.getSettings().facingMode !== 'environment';
        video.classList.toggle('agr-live-mirrored', mirrored);
        video.srcObject = stream;
        await video.play();
        await offer();
        if (!stream) throw new Error('taken away');
        [until, sentAt, again, isWarned] = [performance.now() + SECONDS * 1000, null, true, false];
        starts += 1;  // the server tracks the people in view anew
        say(`The camera is on, for ${SECONDS} seconds. No picture is kept.`);
        later(0);
    } catch (error) {
        const taken = lent && !stream;  // its listener has said so already
        stream?.getTracks().forEach((track) => track.stop());
        stream = video.srcObject = null;
        choice.replaceChildren();  // so that the next try takes any camera
        choice.hidden = true;
        if (!taken) refuse(error);
    }
    asking = false;
    label();
};

const leave = () => stop('Paused, because this tab was hidden. Press “Resume”.');
document.addEventListener('visibilitychange', () => document.hidden && stream && !asking && leave());
new IntersectionObserver(() => !element.offsetParent && stream && !asking && leave()).observe(element);

const send = () => {
    if (!stream) return;
    if (performance.now() > until) return stop(`Paused after ${SECONDS} seconds, so that others get their turn. The people counted so far are kept; those in view will be counted again. Press “Resume”.`);
    if (document.hidden || !element.offsetParent) return leave();
    if (!isWarned && performance.now() > until - WARNED * 1000) {
        isWarned = true;
        say(`The camera is on, for ${WARNED} more seconds. Then press “Resume” to go on.`);
    }
    if (video.readyState < 2) return later(50);
    if (!navigator.onLine && !IS_HERE) {  // after a failed call, Gradio would reload the whole page, and all counts would be lost
        if (!isSlow) say('The camera is on. There is no connection: boxes come when it is back.');
        boxes.innerHTML = '';
        sentAt = null;
        isSlow = true;
        return later(500);
    }
    const scale = Math.min(1, LONGEST / Math.max(video.videoWidth, video.videoHeight));
    [canvas.width, canvas.height] = [Math.round(video.videoWidth * scale), Math.round(video.videoHeight * scale)];
    const context = canvas.getContext('2d');
    if (mirrored) context.setTransform(-1, 0, 0, 1, canvas.width, 0);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const now = performance.now();
    const step = sentAt === null ? EVERY / 1000 : (now - sentAt) / 1000;  // pauses do not count
    sentAt = now;
    trigger('frame', {jpeg: canvas.toDataURL('image/jpeg', 0.85).split(',')[1], step, start: starts});
    later(ANSWER_WITHIN);  // in case the answer never comes
    if (stale) return;
    stale = setTimeout(() => { boxes.innerHTML = ''; }, STALE);  // the people have moved in the meantime
    slow = setTimeout(() => {
        say('The camera is on. The server is slow or out of reach: boxes come with its next answer.');
        isSlow = true;
    }, SLOW);
};

element.addEventListener('answer', (event) => {
    if (!stream) return;
    quick();
    boxes.innerHTML = event.detail;
    if (sentAt !== null) later(Math.max(0, EVERY - (performance.now() - sentAt)));
});
toggle.addEventListener('click', () => stream && !asking ? stop('Paused: the camera is off. The people counted so far are kept.') : start());
choice.addEventListener('change', () => { if (stream && !asking) { stop(''); start(); } });
find('reset').addEventListener('click', () => {
    boxes.innerHTML = '';
    trigger('reset');
    say(`The counts are reset. The camera is ${stream ? 'on' : 'off'}.`);
    if (stream) return;
    again = false;
    label();
});
find('table').addEventListener('click', () => trigger('table'));

(async () => {
    if (!navigator.mediaDevices?.getUserMedia) return say(NO_CAMERA, true);
    const cameras = (await navigator.mediaDevices.enumerateDevices()).filter((each) => each.kind === 'videoinput');
    if (!cameras.length) return refuse({name: 'NotFoundError'});
    const permission = await navigator.permissions.query({name: 'camera'});
    if (permission.state === 'denied') refuse({name: 'NotAllowedError'});
    permission.addEventListener('change', () => {
        if (permission.state === 'denied' && !stream && !asking) refuse({name: 'NotAllowedError'});
        if (permission.state === 'granted' && !stream && !asking) say('The camera is allowed. Press the button.');
    });
})().catch(() => {});  // a browser that does not support this query reports problems when the camera starts
