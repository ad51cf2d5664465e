"""Write with a GPT: the distribution of the next character and what is behind it, while the reader types."""

import traitlets

from lecture21.course.live.figure import ModelFigure
from lecture21.course.live.parameters import Text
from lecture21.course.live.write import ngrams


class Write(ModelFigure):
    """A text that a GPT continues, and one view of it at a time.

    The views are the distribution of the next character or token, the attention of one head as arcs over the text, the
    prediction after each layer, and the surprise at the text, in nats per character, beside that of n-gram models of
    the plays.

    Args:
        model: a GPT of characters or of byte pairs, or the name of a shipped one.
        tokenizer: of the GPT; a shipped model has its own.
        prompt: the text at first, at most 600 characters.
        view: what is shown at first: next, attention, layers or price.
        temperature: see `lecture21.generation.next_token_probabilities`, as for `top_k` and `top_p`.
        top_k: keep the k most likely characters; 0 keeps all.
        top_p: keep the most likely characters that together reach this probability; 1 keeps all.
        seed: of the first continuation.
    """

    figure = "write"
    reads_byte_pairs = True
    description = (
        "A text box with a text that a GPT continues. Below it are the probabilities of the next character as bars, "
        "the attention of one head as arcs over the text, the prediction after each layer, or the surprise at the text."
    )
    prompt = Text("ROMEO:\n", longest=600).tag(sync=True)
    view = traitlets.Enum(("next", "attention", "layers", "price"), "next").tag(sync=True)
    temperature = traitlets.Float(1.0, min=0.05, max=5).tag(sync=True)
    top_k = traitlets.Int(0, min=0, max=100_000).tag(sync=True)
    """0 keeps all characters."""

    top_p = traitlets.Float(1.0, min=0.01, max=1).tag(sync=True)
    seed = traitlets.Int(0, min=0, max=2**31).tag(sync=True)
    head = traitlets.Int(10, min=0, max=4095).tag(sync=True)
    """The head whose attention is shown: layer * n_head + head."""

    query = traitlets.Int(-1, min=-1, max=4095).tag(sync=True)
    """The character whose attention is shown, of those that the model uses, counted from 0; -1 is the last one."""

    ngrams = traitlets.Bytes().tag(sync=True)
    """The counts of the plays' n-grams; empty on a page, which loads the file."""

    @traitlets.default("ngrams")
    def _ngrams(self) -> bytes:
        return (ngrams.FOLDER / "plays.bin").read_bytes()

    def assets(self) -> dict[str, str]:
        """Return the shipped model's file and the n-grams."""
        return {**super().assets(), "ngrams": "ngrams/plays.bin"}

    def fallback_image(self) -> str:
        """Return the name of the picture, one for each view."""
        return "write" if self.view == "next" else f"write-{self.view}"
