"""The control that a figure says to try and its consequence are in sight together, on a small laptop and on a phone."""

import pytest

from lecture21.course import live

SCREENS = {"laptop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
HEADER = 56
"""Height of the book's header, which stays in sight."""

PANEL = ".stage .panel:visible >> nth=0"
PAIRS = {
    "arrow": (live.Arrow(), ".choice input >> nth=1", ".sum"),
    "arrow of two words": (live.Arrow("pair"), ".handle >> nth=0", ".sum >> nth=1"),
    "attention": (live.Attention(), "input[type=range]", ".finds"),
    "design a head": (live.DesignHead(), ".rule select >> nth=1", ".finds"),
    "design two layers": (live.DesignHead("induction"), ".rule select >> nth=2", ".finds >> nth=0"),
    "train": (live.Train(), "button.main", ".samples .text"),
    "eight masks": (live.EightMasks(), ".thumbs label >> nth=1", ".verdict"),
    "side by side": (live.SideBySide(), "button.main", ".panel .text >> nth=1"),
    "context": (live.Context(), ".controls input >> nth=0", ".chart >> nth=0"),
    "two experts": (live.TwoExperts(), "button.main", ".chart >> nth=0"),
    "router": (live.Router(), ".letter >> nth=3", ".bars >> nth=0"),
    "router, all letters": (live.Router(), "fieldset >> nth=0", ".bars >> nth=1"),
    "collapse": (live.Collapse(), "button.main", ".bands >> nth=1"),
    "average to ensemble": (live.AverageToEnsemble(), ".controls input >> nth=0", "canvas >> nth=1"),
    "training": (live.Calculator("gpt2-xl"), ".controls select >> nth=0", PANEL),
    "serving": (live.Calculator("mixtral-8x7b", focus="serving"), ".controls input >> nth=0", PANEL),
    "agreement": (live.Agreement(5, 100), ".controls input >> nth=0", ".chart >> nth=0"),
    "residual": (live.ResidualStream(), "input[type=checkbox] >> nth=1", ".next p:has-text('Surprise per letter')"),
    "each part in turn": (live.ResidualStream(), "button.main", ".stream li >> nth=8"),
    "depth film": (live.DepthFilm(), "button.main", "canvas >> nth=0"),
    "merges": (live.Merges(), ".controls :is(button, input) >> nth=0", ".stage"),
    "two stacks, assembled": (live.TwoStacks(), "button.main >> nth=0", ".shapes"),
    "two stacks, crossed out": (live.TwoStacks(8, 6), ".stacks button >> nth=7", ".holds"),
    "write": (live.Write(prompt="MIRANDA:\nO w"), "button.main", ".bars"),
    "surprise": (live.Write(prompt="To be", view="price"), "textarea", ".strip"),
    "patches": (live.Patches(), ".pen", ".names"),
    "aligned": (live.Aligned(), ".controls :is(button, input) >> nth=0", ".chart >> nth=0"),
}


@pytest.mark.parametrize("name", PAIRS)
def test_control_and_consequence_are_in_sight_together(open_figures, name):
    figure, control, consequence = PAIRS[name]
    for screen, size in SCREENS.items():
        actual = open_figures(figure, viewport=size).figure(figure.figure)
        actual.locator("section.figure:not([aria-busy=true])").wait_for()
        boxes = [actual.locator(each).first.bounding_box() for each in (control, consequence)]
        top = min(box["y"] for box in boxes)
        bottom = max(box["y"] + box["height"] for box in boxes)
        assert bottom - top <= size["height"] - HEADER, screen
