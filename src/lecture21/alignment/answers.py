"""Prompts of one length, and what is written after them up to the end of the line."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lecture21.alignment.losses import token_log_probs
from lecture21.generation import generate
from lecture21.gpt import GPT
from lecture21.tokenizers import CharTokenizer

_AT_ONCE = 512  # prompts that are answered together: the caches of thousands would not stay near the processor


@dataclass(frozen=True, eq=False)
class Answers:
    """A batch of prompts with their answers, and where each answer ends.

    Args:
        ids: prompt and answer, (B, P+N). What follows the first `end` of an answer does not count.
        prompt_length: tokens of each prompt, P.
        end: the token that ends an answer, and is its last.

    Raises:
        ValueError: if there is no answer, a prompt is empty or leaves no room for an answer.
    """

    ids: Int[Tensor, "B S"]
    prompt_length: int
    end: int

    def __post_init__(self) -> None:
        if self.ids.dim() != 2 or not len(self.ids):
            raise ValueError(f"answers need ids of shape (B, P+N) with B > 0, got {tuple(self.ids.shape)}")
        if not 1 <= self.prompt_length < self.ids.shape[1]:
            given = f"a prompt of {self.prompt_length} in {self.ids.shape[1]} tokens"
            raise ValueError(f"a prompt needs at least one token and must leave room for an answer, got {given}")

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: Tensor | slice) -> "Answers":
        """Return some of the answers, by their numbers, a mask or a slice."""
        return Answers(self.ids[rows], self.prompt_length, self.end)

    @property
    def targets(self) -> Int[Tensor, "B N"]:
        """The tokens of the answers, with what follows their ends."""
        return self.ids[:, self.prompt_length :]

    @property
    def mask(self) -> Bool[Tensor, "B N"]:
        """True where a token counts: up to the first end, the end included."""
        ended = (self.targets == self.end).cumsum(-1)
        return (ended == 0) | ((ended == 1) & (self.targets == self.end))

    @property
    def lengths(self) -> Int[Tensor, " B"]:
        """How many tokens of each answer count."""
        return self.mask.sum(-1)

    def lines(self, tokenizer: CharTokenizer) -> list[str]:
        """Return each answer with its prompt as text, without the line breaks around it."""
        stops = (self.prompt_length + self.lengths).tolist()
        return [tokenizer.decode(row[:stop]).strip("\n") for row, stop in zip(self.ids.tolist(), stops, strict=True)]


def judged(answers: Answers, judge: Callable[[str], bool], tokenizer: CharTokenizer) -> Bool[Tensor, " B"]:
    """Return what a judge says of each line."""
    return torch.tensor([judge(line) for line in answers.lines(tokenizer)])


def line_beginnings(text: str, tokenizer: CharTokenizer, length: int = 8) -> Int[Tensor, "B P"]:
    """Return a prompt for each line whose first `length` characters end with a space: a line break, and those.

    Speakers are no lines. The prompts are of one length, so that they can be answered side by side without padding.

    Raises:
        ValueError: if `length` is below 1, or there is no such line.
    """
    if length < 1:
        raise ValueError(f"length must be at least 1, got {length}")
    starts = [line[:length] for line in text.split("\n") if len(line) > length and not line.endswith(":")]
    starts = [start for start in starts if start.endswith(" ")]
    if not starts:
        raise ValueError(f"no line of the text has a space as its character {length}")
    return torch.tensor([tokenizer.encode("\n" + start) for start in starts])


def whole_lines(lines: Sequence[str], tokenizer: CharTokenizer, *, length: int = 8, room: int = 40) -> Answers:
    """Turn written lines into answers: the first `length` characters are the prompt, and a line break is the end.

    Raises:
        ValueError: if there is no line, or one does not fit: it must be longer than `length`, and at most
            `length + room - 1`, so that its end fits as well; or if it has a line break, or a symbol that the tokenizer
            does not know.
    """
    most = length + room - 1
    if unfit := [line for line in lines if not length < len(line) <= most]:
        raise ValueError(f"lines must have {length + 1} to {most} characters, got {unfit[0]!r}")
    if broken := [line for line in lines if "\n" in line]:
        raise ValueError(f"a line has no line break inside, got {broken[0]!r}")
    rows = [tokenizer.encode("\n" + line + "\n" * (most + 1 - len(line)), strict=True) for line in lines]
    ids = torch.tensor(rows, dtype=torch.long).view(len(rows), most + 2)
    return Answers(ids, length + 1, tokenizer.encode("\n")[0])


def write_answers(model: GPT, prompts: Int[Tensor, "B P"], room: int, *, end: int, seed: int) -> Answers:
    """Let a model answer each prompt once, by drawing from its own distribution.

    Args:
        model: the policy.
        prompts: of one length, line break first.
        room: most tokens of an answer, its end included.
        end: the token that ends an answer.
        seed: fixes the draws.

    Raises:
        ValueError: if prompt and room together are longer than the model's block.
    """
    if prompts.dim() != 2 or not prompts.numel():
        raise ValueError(f"prompts must be ids of shape (B, P), at least one of each, got {tuple(prompts.shape)}")
    length = prompts.shape[1]
    if room < 1 or length + room > model.block_size:
        given = f"a prompt of {length} and a room of {room}"
        raise ValueError(f"prompt and answer must fit a block of {model.block_size} tokens, got {given}")
    parts = prompts.split(_AT_ONCE)
    seeds = torch.randint(2**62, (len(parts),), generator=torch.Generator().manual_seed(seed)).tolist()
    written = [generate(model, part, room, seed=own, eos=end) for part, own in zip(parts, seeds, strict=True)]
    rows = [F.pad(ids, (0, length + room - ids.shape[1]), value=end) for ids in written]
    return Answers(torch.cat(rows), length, end)


def answer_logits(model: GPT, answers: Answers) -> Float[Tensor, "B N V"]:
    """Return the logits that predict each token of the answers, from all that stands before it."""
    return model(answers.ids[:, :-1])[:, answers.prompt_length - 1 :]


def answer_log_probs(model: GPT, answers: Answers) -> Float[Tensor, "B N"]:
    """Return log pi of each token of the answers, and 0 behind their ends; the sum over N is log pi(y|x)."""
    return token_log_probs(answer_logits(model, answers), answers.targets, answers.mask)
