// Gradio's queue, seen from the page: each event is posted (`/queue/join`), and the answers to all come in one stream
// (`/queue/data`). Both have race conditions, which this script removes; all other requests pass through unchanged.
(() => {
    const send = window.fetch.bind(window);
    const pending = new Set(), early = new Set();  // ids of unanswered events, and of answers that came before the response with their id
    let last = Promise.resolve();

    // Two events that are posted at the same time may arrive in either order, and the first could undo the second's choice.
    // So each is posted when the one before has been accepted.
    const join = (...request) => {
        last = last.catch(() => {}).then(async () => {
            const response = await send(...request);
            if (response.ok) {
                const {event_id} = await response.clone().json();
                if (!early.delete(event_id)) pending.add(event_id);
            }
            return response;
        });
        return last;
    };

    // The server closes the stream when no event is pending. An event that is posted just then is answered in the next
    // stream; but if its id arrives before the message of the close, Gradio's page expects the answer in this stream, and
    // waits forever. So this stream continues with the next one. The page gets the message of the close only when the
    // stream has ended: it aborts the stream on that message, which the server would take for a visitor who left.
    const pass = async (response, answers) => {
        const put = (message) => answers.enqueue(new TextEncoder().encode(`${message}\n\n`));
        const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
        let text = '', close = null;
        for (;;) {
            const {value, done} = await reader.read();
            if (done && !close) throw new Error('The stream of answers broke off.');  // or Gradio would not notice it
            if (done && pending.size) return true;
            if (done) return put(close);
            text += value;
            if (!value.includes('\n')) continue;  // a piece of a large answer, which contains no line break
            const messages = text.split('\n\n');
            text = messages.pop();
            for (const message of messages) {
                const [, kind, id] = message.match(/^data: ?\{"msg": ?"(\w+)", ?"event_id": ?"?(\w+)/) ?? [];
                if (kind === 'process_completed' && !pending.delete(id)) early.add(id);
                if (kind === 'close_stream') close = message;
                else put(message);
            }
        }
    };

    const listen = async (...request) => {
        // If the response with an event's id arrives after the answer, Gradio's page opens a stream for nothing, which the
        // server would keep open until the next event.
        if (!pending.size) return new Response('data: {"msg":"close_stream"}\n\n');
        const first = await send(...request);
        if (!first.ok) return first;
        const body = new ReadableStream({
            async start(answers) {
                try {
                    for (let next = first; await pass(next, answers);) {
                        next = await send(...request);
                        if (!next.ok) throw new Error(`The stream of answers was refused: ${next.status}`);
                    }
                    answers.close();
                } catch (error) {
                    if (error.name === 'AbortError') answers.close();  // by the page itself, such as when the visitor leaves
                    else answers.error(error);
                }
            },
        });
        return new Response(body, {status: first.status, headers: first.headers});
    };

    window.fetch = (...request) => {
        const path = new URL(request[0].url ?? request[0], location.href).pathname;
        return path.endsWith('/queue/join') ? join(...request) : path.endsWith('/queue/data') ? listen(...request) : send(...request);
    };
})();
