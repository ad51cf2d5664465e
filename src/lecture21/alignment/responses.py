"""Prompts of one length and the responses to them, each of which ends with a line break."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

from lecture21._support.contract import NOT_EMPTY, Count, Natural, Seed, checked
from lecture21.generation import generate
from lecture21.gpt import GPT
from lecture21.objectives import token_log_probabilities
from lecture21.tokenizers import BPETokenizer, CharTokenizer

_Tokenizer = BPETokenizer | CharTokenizer

_GENERATION_BATCH = 512  # prompts that are continued together; the caches of thousands would not fit the processor's


@checked
@dataclass(frozen=True, eq=False)
class Responses:
    """A batch of prompts with their responses.

    Args:
        ids: prompt and response, (B, P+N). Tokens after the first `end` of a response are padding.
        prompt_length: number of tokens of each prompt, P.
        end: the token that ends a response, and is its last.
    """

    ids: Annotated[Int[Tensor, "B S"], NOT_EMPTY]
    prompt_length: Count
    end: Natural

    def __post_init__(self) -> None:
        if self.prompt_length >= self.ids.shape[1]:
            given = f"{self.prompt_length} of {self.ids.shape[1]} tokens"
            raise ValueError(f"prompt_length must leave a token for the response, got {given}")

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: Tensor | slice) -> "Responses":
        """Return some of the responses, selected by indices, a mask or a slice."""
        return Responses(self.ids[rows], self.prompt_length, self.end)

    @classmethod
    @checked
    def from_texts(
        cls,
        prompts: Annotated[Sequence[str], NOT_EMPTY],
        responses: Sequence[str],
        tokenizer: _Tokenizer,
        *,
        n_new: Count,
    ) -> "Responses":
        """Encode prompts and their responses, a line each.

        Args:
            prompts: all of one number of tokens.
            responses: at most `n_new - 1` tokens each.
            tokenizer: has a token for the line break, which begins a prompt and ends a response.
            n_new: largest number of tokens of a response, its end included.
        """
        begun = _encode_prompts(prompts, tokenizer)
        end = tokenizer.encode("\n")[0]
        rows = [tokenizer.encode(" " + text, strict=True) for text in responses]
        if unfit := [text for text, row in zip(responses, rows, strict=True) if len(row) >= n_new or end in row]:
            raise ValueError(f"a response must be one line of at most {n_new - 1} tokens, got {unfit[0]!r}")
        written = torch.tensor([row + [end] * (n_new - len(row)) for row in rows], dtype=torch.long)
        return cls(torch.cat([begun, written], dim=1), begun.shape[1], end)

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

    def texts(self, tokenizer: _Tokenizer) -> list[tuple[str, str]]:
        """Return each prompt and its response as text, without the line breaks and the space between them."""
        start, stops = self.prompt_length, (self.prompt_length + self.lengths).tolist()
        return [
            (tokenizer.decode(row[:start]).strip("\n"), tokenizer.decode(row[start:stop]).strip())
            for row, stop in zip(self.ids.tolist(), stops, strict=True)
        ]

    def logits(self, model: GPT) -> Float[Tensor, "B N V"]:
        """Return the logits that predict each token of the responses, padding included."""
        return model(self.ids[:, :-1])[:, self.prompt_length - 1 :]

    def log_probabilities(self, model: GPT) -> Float[Tensor, "B N"]:
        """Return log pi of each token of the responses, and 0 for padding; the sum over N is log pi(y|x)."""
        every = token_log_probabilities(model(self.ids[:, :-1]), self.ids[:, 1:])  # (B, P+N-1)
        return every[:, self.prompt_length - 1 :].masked_fill(~self.mask, 0.0)


@checked
def sample_responses(
    model: GPT, prompts: Annotated[Int[Tensor, "B P"], NOT_EMPTY], n_new: Count, *, end: Natural, seed: Seed
) -> Responses:
    """Sample one response to each prompt from a model.

    Args:
        model: the policy.
        prompts: token ids, all of one length.
        n_new: largest number of tokens of a response, its end included; prompt and response must fit the model's block.
        end: the token that ends a response.
        seed: seed of the samples.
    """
    length = prompts.shape[1]
    if length + n_new > model.block_size:
        given = f"a prompt of {length} and n_new={n_new}"
        raise ValueError(f"prompt and response must fit a block of {model.block_size} tokens, got {given}")
    parts = prompts.split(_GENERATION_BATCH)
    seeds = torch.randint(2**62, (len(parts),), generator=torch.Generator().manual_seed(seed)).tolist()
    written = [generate(model, part, n_new, seed=own, eos=end) for part, own in zip(parts, seeds, strict=True)]
    rows = [F.pad(ids, (0, length + n_new - ids.shape[1]), value=end) for ids in written]
    return Responses(torch.cat(rows), length, end)


def _encode_prompts(prompts: Sequence[str], tokenizer: _Tokenizer) -> Int[Tensor, "B P"]:
    """Return the tokens of prompts, each after a line break; all must have one number of tokens, so none is padded."""
    rows = [tokenizer.encode("\n" + prompt, strict=True) for prompt in prompts]
    if odd := [prompt for prompt, row in zip(prompts, rows, strict=True) if len(row) != len(rows[0])]:
        raise ValueError(f"prompts must have one number of tokens, got {prompts[0]!r} and {odd[0]!r}")
    return torch.tensor(rows, dtype=torch.long)
