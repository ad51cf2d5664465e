"""Figures that respond: in the pages of the book without a kernel, and as widgets in Jupyter and on Colab.

Each figure is a folder with a thin widget, NAME.py, around a JavaScript module, NAME.js, which is the same on the page.
Three folders are no figures, but what figures share: `kit` (frame, controls, charts), `engine` (a GPT in the page) and
`characters` (the text, the bars and the model of the figures that read characters).
The last line of a cell shows it: `live.Context()`. Figures that do not respond are in `course.figures`.
"""

from lecture21.course.live.agreement.agreement import Agreement
from lecture21.course.live.aligned.aligned import Aligned
from lecture21.course.live.arrow.arrow import Arrow
from lecture21.course.live.attention.attention import Attention
from lecture21.course.live.average_to_ensemble.average_to_ensemble import AverageToEnsemble
from lecture21.course.live.calculator.calculator import Calculator
from lecture21.course.live.collapse.collapse import Collapse
from lecture21.course.live.context.context import Context
from lecture21.course.live.depth_film.depth_film import DepthFilm
from lecture21.course.live.design_head.design_head import DesignHead
from lecture21.course.live.eight_masks.eight_masks import EightMasks
from lecture21.course.live.figure import Figure
from lecture21.course.live.lines.lines import Lines
from lecture21.course.live.merges.merges import Merges
from lecture21.course.live.patches.patches import Patches
from lecture21.course.live.question.question import Question
from lecture21.course.live.residual.residual import ResidualStream
from lecture21.course.live.router.router import Router
from lecture21.course.live.score.score import Score
from lecture21.course.live.side_by_side.side_by_side import SideBySide
from lecture21.course.live.train.train import Train
from lecture21.course.live.two_experts.two_experts import TwoExperts
from lecture21.course.live.two_stacks.two_stacks import TwoStacks
from lecture21.course.live.write.write import Write


def examples() -> list[Figure]:
    """Return every figure as the book shows it at first, one for each picture; two questions and an exercise."""
    return [
        Arrow(),
        Arrow("pair"),
        Attention(),
        DesignHead(),
        DesignHead("induction"),
        EightMasks(),
        SideBySide(),
        *(Agreement(chapter) for chapter in (1, 2, 3)),
        Agreement(5, 22, below=True),
        DepthFilm(),
        Context(),
        Train(),
        Train(plain=True),
        Score(),
        TwoExperts(),
        Router(),
        Collapse(),
        AverageToEnsemble(),
        Calculator("gpt2-xl", tokens=295, card="A100", cards=8, utilization=0.25),
        Calculator("mixtral-8x7b", focus="serving"),
        Calculator("gpt3", focus="cache", context=131072),
        ResidualStream(),
        Merges(),
        TwoStacks(8, 6),
        Write(prompt="MIRANDA:\nO w", temperature=0.8),
        Write(prompt="MIRANDA:\nO wonder, how many goodly", view="attention"),
        Write(prompt="To be, or not to be,", view="price"),
        Patches(),
        Aligned(),
        Question("2.1"),
        Question("2.2"),
        Lines("5.3"),
    ]
