"""Exercise of chapter 06: the masks of an encoder, a decoder and an encoder-decoder."""

import torch
from torch import Tensor

from lecture21.exercises._exercise import Case, Exercise


def _three_masks(n_source, n_target):
    """Return the masks of an encoder, a decoder and an encoder-decoder, three tensors of bools.

    Each has the shape (N, N) with N = n_source + n_target, and entry (i, j) is True where position
    i may attend to position j. In the third mask, the first `n_source` positions are the
    encoder's input and the remaining ones the decoder's.
    """
    n = n_source + n_target
    encoder = torch.ones(n, n, dtype=torch.bool)
    decoder = encoder.tril()
    both = decoder.clone()
    both[:n_source, :n_source] = True  # the encoder: all of the source
    both[n_source:, :n_source] = True  # cross-attention: all of the source
    return encoder, decoder, both


def _sources_attend_to_targets(arguments: tuple[int, int], masks: tuple[Tensor, ...]) -> bool:
    return bool(masks[2][: arguments[0], arguments[0] :].any())


_MASKS = Exercise(
    number="6.3",
    name="three_masks",
    title="three masks",
    solution=_three_masks,
    cases=lambda rng: [
        Case((s, t), f"n_source = {s}, n_target = {t}")
        for s, t in ((1, 1), (2, 2), (rng.randint(3, 5), 4), (2, rng.randint(5, 7)))
    ],
    properties=(
        ("an encoder may attend to every position", lambda arguments, masks: bool(masks[0].all())),
        (
            "a decoder may attend to its own position and all earlier ones, and to no other",
            lambda arguments, masks: torch.equal(masks[1], torch.ones_like(masks[1]).tril()),
        ),
        (
            "the encoder of the third model has no access to the target",
            lambda arguments, masks: not _sources_attend_to_targets(arguments, masks),
        ),
    ),
)


@_MASKS.mistake(
    looks="The third mask equals the second, which is that of a GPT on the concatenated source and target.",
    hint="your third mask equals the second. May a token of the source attend to later tokens of the source?",
)
def _causal_source(n_source, n_target):
    encoder = torch.ones(n_source + n_target, n_source + n_target, dtype=torch.bool)
    return encoder, encoder.tril(), encoder.tril()


@_MASKS.mistake(
    looks="The source depends on the target, so in training the target depends on its own future through the source.",
    hint="in the third mask the source attends to the target, which does not exist yet when the source is encoded.",
)
def _source_attends_to_target(n_source, n_target):
    n = n_source + n_target
    encoder = torch.ones(n, n, dtype=torch.bool)
    both = encoder.tril()
    both[:n_source] = True
    both[n_source:, :n_source] = True
    return encoder, encoder.tril(), both


@_MASKS.mistake(
    looks="The mask has two blocks on its diagonal, so the decoder generates the same output for every source.",
    hint="in the third mask no target position attends to the source. In which rows and columns must it be True?",
)
def _no_cross_attention(n_source, n_target):
    n = n_source + n_target
    encoder = torch.ones(n, n, dtype=torch.bool)
    both = encoder.tril()
    both[:n_source, :n_source] = True
    both[n_source:, :n_source] = False
    return encoder, encoder.tril(), both


@_MASKS.mistake(
    looks="The first target token attends to one source token and the second to two.",
    hint="in the third mask the cross-attention is triangular. Is any part of the source unknown at the first target "
    "position?",
)
def _causal_cross_attention(n_source, n_target):
    n = n_source + n_target
    encoder = torch.ones(n, n, dtype=torch.bool)
    both = encoder.tril()
    both[:n_source, :n_source] = True
    both[n_source:, :n_source] = torch.ones(n_target, n_source, dtype=torch.bool).tril()
    return encoder, encoder.tril(), both


@_MASKS.mistake(
    looks="The target attends to its own future. The training loss falls toward 0, and generated text is wrong.",
    hint="in the third mask, target positions attend to later ones, which contain the tokens to be predicted.",
)
def _target_without_a_mask(n_source, n_target):
    n = n_source + n_target
    encoder = torch.ones(n, n, dtype=torch.bool)
    both = encoder.clone()
    both[:n_source, n_source:] = False
    return encoder, encoder.tril(), both


@_MASKS.mistake(
    looks="The decoder attends to later tokens, although its line of code is right.",
    hint="your second and third masks are the same tensor, so what you write into one changes the other. What does "
    "`clone()` return?",
)
def _one_tensor_twice(n_source, n_target):
    encoder = torch.ones(n_source + n_target, n_source + n_target, dtype=torch.bool)
    decoder = encoder.tril()
    both = decoder
    both[:, :n_source] = True
    return encoder, decoder, both
