"""Write with a GPT: the distribution of the next character and what is behind it, while the reader types."""

import traitlets

from lecture21.gpt import GPT
from lecture21.live.figure import ModelFigure
from lecture21.live.write import ngrams
from lecture21.tokenizers import BPETokenizer, CharTokenizer

_LONGEST = 600  # characters, as in write.js
_VIEWS = ("attention", "layers", "price")


class Write(ModelFigure):
    """A text that a GPT of characters continues, with the distribution of the next character as bars.

    Beside the bars, the figure shows the attention maps of all heads, the prediction after each layer, or the price of
    the text in bits per character beside that of n-gram models of the plays.

    Args:
        model: a GPT of characters, or the name of a shipped one.
        tokenizer: of the GPT; a shipped model has its own.
        prompt: the text at first, at most 600 characters.
        view: what is beside the bars at first: attention, layers or price.
        temperature: see `lecture21.generation.next_token_probabilities`, as for `top_k` and `top_p`.
        top_k: keep the k most likely characters; all if not given.
        top_p: keep the most likely characters that together reach this probability.
        seed: of the first continuation.
    """

    figure = "write"
    description = (
        "A text box with a text that a GPT continues. Bars show the probabilities of the next character, and beside "
        "them are the attention maps of all heads, the prediction after each layer, or the text's price in bits."
    )
    prompt = traitlets.Unicode("ROMEO:\n").tag(sync=True)
    view = traitlets.Enum(_VIEWS, "attention").tag(sync=True)
    head = traitlets.Int(7).tag(sync=True)
    """The head whose map is enlarged: layer * n_head + head."""
    temperature = traitlets.Float(1.0).tag(sync=True)
    top_k = traitlets.Int(0).tag(sync=True)
    """0 keeps all characters."""
    top_p = traitlets.Float(1.0).tag(sync=True)
    seed = traitlets.Int(0).tag(sync=True)
    ngrams = traitlets.Bytes(b"").tag(sync=True)
    """The counts of the plays' n-grams; empty on a page, which loads the file."""

    def __init__(
        self,
        model: GPT | str = "modern-gpt0",
        tokenizer: CharTokenizer | BPETokenizer | None = None,
        prompt: str = "ROMEO:\n",
        *,
        view: str = "attention",
        temperature: float = 1.0,
        top_k: int | None = None,
        top_p: float | None = None,
        seed: int = 0,
    ) -> None:
        require_characters(tokenizer)
        if len(prompt) > _LONGEST:
            raise ValueError(f"the prompt has {len(prompt)} characters, and the figure holds {_LONGEST}")
        if view not in _VIEWS:
            raise ValueError(f"unknown view {view!r}; choose from {', '.join(_VIEWS)}")
        state = {"prompt": prompt, "view": view, "temperature": temperature, "seed": seed}
        super().__init__(model, tokenizer, **state, top_k=top_k or 0, top_p=1.0 if top_p is None else top_p)
        self.ngrams = (ngrams.FOLDER / "plays.bin").read_bytes()

    def assets(self) -> dict[str, str]:
        """Return the shipped model's file and the n-grams."""
        return {**super().assets(), "ngrams": "ngrams/plays.bin"}

    def twin(self) -> str:
        """Return the name of the picture, one for each view."""
        return "write" if self.view == "attention" else f"write-{self.view}"


def require_characters(tokenizer: CharTokenizer | BPETokenizer | None) -> None:
    """Raise a ValueError for a tokenizer whose tokens are not characters."""
    if isinstance(tokenizer, BPETokenizer):
        raise ValueError("this figure reads characters, and the tokens of a BPETokenizer are longer pieces of text")
