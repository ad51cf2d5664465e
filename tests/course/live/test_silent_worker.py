"""A worker that does not answer: the figure goes on without, or says so. One that waits for the reader is no such."""

from playwright.sync_api import expect
from until import until

from lecture21.course import live

# Workers that never begin; that lose what they are asked to train; whose messages are counted.
NEVER = "globalThis.Worker = class { terminate() {} };"
LOST = """
const { postMessage } = Worker.prototype;
globalThis.isLost = false;
Worker.prototype.postMessage = function (message, ...more) {
  isLost ||= message.method === "train";
  if (!isLost) postMessage.call(this, message, ...more);
};
"""
COUNTED = """
globalThis.heard = 0;
globalThis.Worker = class extends Worker {
  constructor(...given) {
    super(...given);
    this.addEventListener("message", () => (globalThis.heard += 1));
  }
};
"""


def start(open_figures, script: str, steps: int):
    """Start a training where time can be moved."""
    stage = open_figures(live.Train(size="one", steps=steps), script=script)
    figure = stage.figure("train")
    stage.page.clock.install()
    figure.get_by_role("button", name="Start training").click()
    return stage, figure


def test_where_no_worker_begins_the_page_trains_without(open_figures):
    stage, figure = start(open_figures, NEVER, 12)
    stage.page.clock.fast_forward(16_000)
    figure.get_by_text("Finished after 12 steps").wait_for()


def test_a_worker_that_stops_answering_is_given_up_with_a_sentence(open_figures):
    stage, figure = start(open_figures, LOST, 12)
    expect(figure.get_by_role("button", name="Starting…")).to_be_visible()
    until(lambda: stage.page.evaluate("isLost"))  # before, nothing waits for an answer
    stage.page.clock.run_for(60_000)
    expect(figure.locator(".message")).to_have_text("")
    stage.page.clock.run_for(20_000)
    expect(figure.locator(".message")).to_contain_text("The engine has not answered for a minute; reload the page")
    expect(figure.get_by_role("button", name="Start training")).to_be_enabled()


def test_a_worker_that_waits_for_the_reader_is_not_given_up(open_figures):
    stage, figure = start(open_figures, COUNTED, 400)
    figure.get_by_role("button", name="Stop").click()
    figure.get_by_text("Stopped at step").wait_for()
    for _ in range(8):
        heard = stage.page.evaluate("heard")
        stage.page.clock.fast_forward(15_000)
        until(lambda heard=heard: stage.page.evaluate("heard") > heard)
    figure.get_by_role("button", name="Resume").click()
    figure.get_by_text("Finished after 400 steps").wait_for()
