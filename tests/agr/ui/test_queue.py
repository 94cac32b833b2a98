"""Races of a slow network, which would leave the page waiting forever or showing what was not chosen last."""

import pytest

from tests.agr.ui.conftest import until_answered

pytestmark = [pytest.mark.slow, pytest.mark.browser]
# From `isSlow = true` on, the news that the server has closed the stream of answers is held back until `release()`.
LATE_CLOSE = """
const send = window.fetch.bind(window);
const held = new Promise((resolve) => { window.release = resolve; });
window.fetch = async (...request) => {
    const response = await send(...request);
    if (!String(request[0].url ?? request[0]).includes('/queue/data')) return response;
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    const body = new ReadableStream({async pull(answers) {
        const {value, done} = await reader.read();
        if (done) return answers.close();
        const at = value.search(/data: [^\\n]*close_stream/);
        answers.enqueue(new TextEncoder().encode(at < 0 ? value : value.slice(0, at)));
        if (at < 0) return;
        if (window.isSlow) {
            window.isHeld = true;
            await held;
        }
        answers.enqueue(new TextEncoder().encode(value.slice(at)));
    }});
    return new Response(body, {status: response.status, headers: response.headers});
};
"""


def asked_while_it_closes(page):
    """The page, which has the id of an event, but not yet the news that the stream was closed before."""
    page.get_by_role("tab", name="Evaluation").click()
    page.wait_for_selector("#figures .agr-card")
    page.evaluate("window.isSlow = true")
    page.get_by_role("tab", name="Confusion").click()
    page.wait_for_function("window.isHeld")
    with page.expect_response("**/queue/join*") as asked:
        page.get_by_label("Gender", exact=True).check()
    assert asked.value.finished() is None
    return page


def test_an_answer_is_not_lost_while_the_stream_of_the_last_one_closes(visit):
    page = asked_while_it_closes(visit(script=LATE_CLOSE))
    page.evaluate("release()")
    page.get_by_label("true Male, predicted Female").wait_for()
    page.get_by_label("Race", exact=True).check()  # and what follows is answered as ever
    page.get_by_label("true Others, predicted White").wait_for()


def test_no_stream_is_opened_where_nothing_is_waited_for(visit, served):
    """As Gradio's page does where an answer came before the id of its event."""
    page, asked = visit(), []
    until_answered(page, served)
    page.on("request", lambda request: asked.append(request.url))
    answer = page.evaluate("fetch('/gradio_api/queue/data?session_hash=x').then((response) => response.text())")
    assert "close_stream" in answer
    assert not asked


def test_a_stream_that_is_refused_is_noticed(visit):
    """Such as by a proxy, or while the server starts anew: Gradio says so, and loads the page again when it can."""
    page = asked_while_it_closes(visit(script=LATE_CLOSE, is_troubled=True))
    page.route("**/queue/data*", lambda route: route.fulfill(status=502))
    page.evaluate("release()")
    page.get_by_text("Connection").first.wait_for()


def test_what_is_chosen_last_is_shown_whatever_arrives_first(visit):
    page = visit()
    page.get_by_role("tab", name="Evaluation").click()
    page.wait_for_selector("#figures .agr-card")
    sent = []
    page.route("**/queue/join*", lambda route: sent.append(route) if not sent else route.continue_())
    page.get_by_role("tab", name="Confusion").click()
    page.get_by_label("Gender", exact=True).check()
    while not sent:
        page.wait_for_timeout(50)
    page.wait_for_timeout(500)
    sent[0].continue_()
    page.get_by_label("true Male, predicted Female").wait_for()
