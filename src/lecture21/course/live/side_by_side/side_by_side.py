"""Two GPTs of characters continue the same prompt, side by side."""

from typing import Any

import traitlets

from lecture21.course.live.figure import ModelFigure, weights_of
from lecture21.course.live.parameters import Text
from lecture21.gpt import GPT
from lecture21.pretrained import storage
from lecture21.tokenizers import BPETokenizer, CharTokenizer


class SideBySide(ModelFigure):
    """Two GPTs that continue the same prompt: by default one trained with a causal mask and one trained without.

    For a letter of the prompt, both show its probability if it is in the input, and if the input ends before it. The
    losses of shipped models on the validation split of the plays are shown beside what they write.

    Args:
        first: a GPT of characters, or the name of a shipped one.
        second: another one, with the same tokenizer if it is not shipped.
        tokenizer: of GPTs that are not shipped.
        labels: names of the two models.
        prompt: the text to continue, at most 200 characters.
        seed: of the first continuations.
    """

    figure = "side_by_side"
    description = (
        "A prompt, the probabilities of one of its letters under two GPTs, in sight and hidden, and how they continue "
        "it: one was trained with a causal mask and has a validation loss of 1.75 nats per character, the other was "
        "trained without and has 0.07."
    )
    prompt = Text("What is your name", shortest=1, longest=200).tag(sync=True)
    letter = traitlets.Int(-1, min=-1, max=4095).tag(sync=True)
    """Which letter of the prompt is predicted, counted from 0; -1 is the last one."""

    seed = traitlets.Int(0, min=0, max=2**31).tag(sync=True)
    labels = traitlets.List().tag(sync=True)
    losses = traitlets.List().tag(sync=True)
    """Validation loss of each model in nats per character, or none."""

    second = traitlets.Bytes(b"").tag(sync=True)
    """The second model, as `weights`."""

    def __init__(
        self,
        first: GPT | str = "modern-gpt0",
        second: GPT | str = "modern-gpt0-cheat",
        tokenizer: CharTokenizer | BPETokenizer | None = None,
        *,
        labels: tuple[str, str] = ("trained with the mask", "trained without a mask"),
        **state: Any,
    ) -> None:
        self._second = second if isinstance(second, str) else None
        state |= {"labels": list(labels), "second": weights_of(second, tokenizer)}
        losses = [storage.read_card(model).score if isinstance(model, str) else None for model in (first, second)]
        super().__init__(first, tokenizer, losses=losses, **state)

    def assets(self) -> dict[str, str]:
        """Return the files of shipped models."""
        return super().assets() | ({} if self._second is None else {"second": f"models/{self._second}.safetensors"})
