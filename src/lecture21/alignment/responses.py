"""Prompts of one length and the responses to them, each of which ends with a line break."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lecture21.generation import generate
from lecture21.gpt import GPT
from lecture21.objectives import token_log_probabilities
from lecture21.tokenizers import CharTokenizer

_GENERATION_BATCH = 512  # prompts that are continued together; the caches of thousands would not fit the processor's


@dataclass(frozen=True, eq=False)
class Responses:
    """A batch of prompts with their responses.

    Args:
        ids: prompt and response, (B, P+N). Tokens after the first `end` of a response are padding.
        prompt_length: number of tokens of each prompt, P.
        end: the token that ends a response, and is its last.
    """

    ids: Int[Tensor, "B S"]
    prompt_length: int
    end: int

    def __post_init__(self) -> None:
        if self.ids.dim() != 2 or not len(self.ids) or self.ids.is_floating_point():
            given = f"{self.ids.dtype} of shape {tuple(self.ids.shape)}"
            raise ValueError(f"responses need integer ids of shape (B, P+N) with B > 0, got {given}")
        if not 1 <= self.prompt_length < self.ids.shape[1]:
            given = f"a prompt of {self.prompt_length} in {self.ids.shape[1]} tokens"
            raise ValueError(f"a prompt needs at least one token and a response at least one more, got {given}")

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: Tensor | slice) -> "Responses":
        """Return some of the responses, selected by indices, a mask or a slice."""
        return Responses(self.ids[rows], self.prompt_length, self.end)

    @classmethod
    def from_lines(
        cls, lines: Sequence[str], tokenizer: CharTokenizer, *, prompt_length: int = 8, n_new: int = 40
    ) -> "Responses":
        """Turn lines of text into prompts and responses, each with a line break before and after it.

        Args:
            lines: each longer than the prompt, and at most `prompt_length + n_new - 1` characters.
            tokenizer: knows every character of the lines.
            prompt_length: characters of a line that are the prompt.
            n_new: largest number of tokens of a response, its end included.
        """
        longest = prompt_length + n_new - 1
        if unfit := [line for line in lines if not prompt_length < len(line) <= longest]:
            raise ValueError(f"lines must have {prompt_length + 1} to {longest} characters, got {unfit[0]!r}")
        if broken := [line for line in lines if "\n" in line]:
            raise ValueError(f"a line must have no line break inside, got {broken[0]!r}")
        rows = [tokenizer.encode("\n" + line + "\n" * (longest + 1 - len(line)), strict=True) for line in lines]
        ids = torch.tensor(rows, dtype=torch.long).view(len(rows), longest + 2)
        return cls(ids, prompt_length + 1, tokenizer.encode("\n")[0])

    @property
    def targets(self) -> Int[Tensor, "B N"]:
        """The tokens of the responses, padding included."""
        return self.ids[:, self.prompt_length :]

    @property
    def mask(self) -> Bool[Tensor, "B N"]:
        """True for the tokens of a response, up to and including its first end."""
        ended = (self.targets == self.end).cumsum(-1)
        return (ended == 0) | ((ended == 1) & (self.targets == self.end))

    @property
    def lengths(self) -> Int[Tensor, " B"]:
        """Number of tokens of each response, its end included."""
        return self.mask.sum(-1)

    def lines(self, tokenizer: CharTokenizer) -> list[str]:
        """Return each prompt with its response as text, without the line breaks around it."""
        stops = (self.prompt_length + self.lengths).tolist()
        return [tokenizer.decode(row[:stop]).strip("\n") for row, stop in zip(self.ids.tolist(), stops, strict=True)]

    def accepted(self, judge: Callable[[str], bool], tokenizer: CharTokenizer) -> Bool[Tensor, " B"]:
        """Return which lines a judge accepts."""
        return torch.tensor([judge(line) for line in self.lines(tokenizer)])

    def logits(self, model: GPT) -> Float[Tensor, "B N V"]:
        """Return the logits that predict each token of the responses, padding included."""
        return model(self.ids[:, :-1])[:, self.prompt_length - 1 :]

    def log_probabilities(self, model: GPT) -> Float[Tensor, "B N"]:
        """Return log pi of each token of the responses, and 0 for padding; the sum over N is log pi(y|x)."""
        every = token_log_probabilities(model(self.ids[:, :-1]), self.ids[:, 1:])  # (B, P+N-1)
        return every[:, self.prompt_length - 1 :].masked_fill(~self.mask, 0.0)


def sample_responses(model: GPT, prompts: Int[Tensor, "B P"], n_new: int = 40, *, end: int, seed: int) -> Responses:
    """Sample one response to each prompt from a model.

    Args:
        model: the policy.
        prompts: token ids, all of one length.
        n_new: largest number of tokens of a response, its end included; prompt and response must fit the model's block.
        end: the token that ends a response.
        seed: seed of the samples.
    """
    _require_prompts(prompts)
    length = prompts.shape[1]
    if n_new < 1 or length + n_new > model.block_size:
        given = f"a prompt of {length} and n_new={n_new}"
        raise ValueError(f"prompt and response must fit a block of {model.block_size} tokens, got {given}")
    parts = prompts.split(_GENERATION_BATCH)
    seeds = torch.randint(2**62, (len(parts),), generator=torch.Generator().manual_seed(seed)).tolist()
    written = [generate(model, part, n_new, seed=own, eos=end) for part, own in zip(parts, seeds, strict=True)]
    rows = [F.pad(ids, (0, length + n_new - ids.shape[1]), value=end) for ids in written]
    return Responses(torch.cat(rows), length, end)


def _require_prompts(prompts: Tensor) -> None:
    """Raise ValueError unless prompts are integer ids (B, P) with at least one prompt of at least one token."""
    if prompts.dim() != 2 or not prompts.numel() or prompts.is_floating_point():
        given = f"{prompts.dtype} of shape {tuple(prompts.shape)}"
        raise ValueError(f"prompts must be integer ids of shape (B, P), at least one of each, got {given}")
