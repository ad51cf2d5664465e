"""Score a model from a file: its loss on the held-out text, and which rows of the speedrun it beats."""

from functools import cache

import traitlets

from lecture21.course import speedrun
from lecture21.course.live.assets import HELD_OUT
from lecture21.course.live.figure import Figure, weights_of
from lecture21.data import shakespeare, split

_EXAMPLE = "modern-gpt0"


class Score(Figure):
    """A place for `model.safetensors`, whose loss on the held-out tenth of the nine plays the page computes.

    It is that of `lecture21 eval`, in nats per character, for any causal GPT of characters or of byte pairs.
    Beside it are the rows of the speedrun that it beats, or lies behind.

    Source: the result `speedrun` (`python benchmarks/c10_speedrun.py`) for the rows, each a mean over seeds.
    """

    figure = "score"
    description = (
        "A place to drop the file of a model. With scripts, this page computes the model's loss on the last tenth of "
        "the nine plays, which nobody trains on, and says which rows of the speedrun it beats."
    )
    text = traitlets.Bytes().tag(sync=True)
    """The held-out text; empty on a page, which loads it once there is a file."""

    characters = traitlets.Int().tag(sync=True)
    """Of the held-out text: one that arrives incomplete is not scored."""

    example = traitlets.Bytes().tag(sync=True)
    """A shipped model, for readers without a file; empty on a page, which loads it on request."""

    rows = traitlets.List().tag(sync=True)

    @traitlets.default("text")
    def _text(self) -> bytes:
        return split(shakespeare())[1].encode()

    @traitlets.default("characters")
    def _characters(self) -> int:
        return len(split(shakespeare())[1])

    @traitlets.default("example")
    def _example(self) -> bytes:
        return weights_of(_EXAMPLE)

    @traitlets.default("rows")
    def _rows(self) -> list[dict[str, object]]:
        return _stored_rows()

    def assets(self) -> dict[str, str]:
        """Return the files of the text and of the shipped model, which the page loads on request."""
        return {"text": HELD_OUT, "example": f"models/{_EXAMPLE}.safetensors"}


@cache
def _stored_rows() -> list[dict[str, object]]:
    """Return the rows of the speedrun, the lowest loss first: mean over the seeds, and their number."""
    runs = speedrun.rows()
    if runs.empty:
        return []
    groups = runs.groupby(["recipe", "minutes"]).nats
    rows = groups.agg(["mean", "size"]).sort_values("mean").reset_index()
    return [
        {
            "recipe": str(row.recipe),
            "minutes": float(row.minutes),
            "nats": round(row["mean"], 4),
            "seeds": int(row["size"]),
        }
        for _, row in rows.iterrows()
    ]
