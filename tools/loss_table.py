"""The table that says why GPT-0's loss differs between chapters: the losses, and the training that led to each."""

import math

from lecture21.course.chapters import results
from lecture21.training import TrainConfig

_WINDOW = 32
_STUDENT_BATCH = 32


def gpt0_losses() -> list[list[str]]:
    """Return one row for each training of the shape of GPT-0 whose loss a chapter quotes."""
    gpt = results.load("available_context").query("model == 'gpt'")
    runs = gpt.query("part == 'run'")
    (steps,) = runs.steps.unique()
    plain = results.load("gpt0_seeds").query(f"step == {TrainConfig.steps}")
    student = results.load("student_gpt")
    (student_steps,) = student.groupby("seed").step.max().unique()
    ladder = results.load("gpt_ladder").query("part == 'run' and rung == 'GPT-0'")
    (characters,) = ladder.characters.unique()
    shared = "Adam, tuned learning rate, warm-up and decay"
    return [
        ["Chapter", "Training", "Characters drawn", "Loss in nats: mean (lowest to highest)", "Seeds"],
        ["lab: RNN against GPT", f"{shared}; windows of 64", f"{steps * 16 * 64:,.0f}", *_spread(runs.nats)],
        [
            "07",
            "slide 24's Adam, constant learning rate of 0.001, not tuned",
            f"{TrainConfig.steps * TrainConfig.batch_size * _WINDOW:,}",
            *_spread(plain.val_loss),
        ],
        [
            "07, your GPT",
            "AdamW with weight decay, tuned, warm-up and linear decay",
            f"{student_steps * _STUDENT_BATCH * _WINDOW:,}",
            *_spread(student.query(f"step == {student_steps}").val_loss),
        ],
        [
            "09",
            "Muon and Adam, learning rates tuned for each arm, linear decay",
            f"{characters:,}",
            *_spread(ladder.bits * math.log(2)),
        ],
    ]


def _spread(losses) -> list[str]:
    """Return the mean and the range of some losses, and their number."""
    return [f"{losses.mean():.3f} ({losses.min():.3f} to {losses.max():.3f})", str(len(losses))]
