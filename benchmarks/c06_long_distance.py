"""Train an encoder on masked words of sentences with known long-distance links, and measure which heads follow them.

Usage: python benchmarks/c06_long_distance.py [SEED ...]      (0 1 2 3 4 if none is named; about 45 s each on one core)

Writes the result `long_distance`, one row for each head, before training, after 700 steps (as in the lab)
and after 1500: the attention weight from a verb to the two words that complete it, and to the two that complete the
sentence's other verb; how often a verb is predicted correctly when both are masked; and the same with this head
disabled.
"""

import copy
import random
from collections.abc import Iterator

import torch
from table import Table, each, run, seeds

from lecture21.data import phrases
from lecture21.layers import attention_maps
from lecture21.objectives import mask_tokens, pad_batch
from lecture21.transformer import MaskedLM, TransformerConfig

RESULT = Table("long_distance", key=("seed",))
LOOKS = (0, 700, 1500)  # steps after which everything is measured
BATCH, PEAK, WARMUP = 32, 2e-3, 100
N_TRAIN, N_TEST = 4000, 500
PAD, MASK = phrases.VOCABULARY.pad, phrases.VOCABULARY.mask


def fit(model: MaskedLM, ids: torch.Tensor, seed: int) -> Iterator[int]:
    """Train as the lab does, on masked words, and stop to be looked at; the rate rises, then falls."""
    optimizer = torch.optim.Adam(model.parameters(), betas=(0.9, 0.98))
    generator = torch.Generator().manual_seed(seed)
    for step in range(LOOKS[-1] + 1):
        if step in LOOKS:
            yield step
        optimizer.param_groups[0]["lr"] = PEAK * min((step + 1) / WARMUP, (WARMUP / (step + 1)) ** 0.5)
        rows = torch.randint(len(ids), (BATCH,), generator=generator)
        inputs, targets = mask_tokens(
            ids[rows], vocab_size=model.vocab_size, mask=MASK, special=(PAD,), generator=generator
        )
        optimizer.zero_grad()
        model.loss(inputs, targets).backward()
        optimizer.step()


def without(model: MaskedLM, layer: int, head: int) -> MaskedLM:
    """Return a copy in which the output of one head is zero."""
    model = copy.deepcopy(model)
    attention = model.encoder.blocks[layer].attention
    attention.output.weight.data[:, head * attention.d_head : (head + 1) * attention.d_head] = 0
    return model


@torch.no_grad()
def measure(model: MaskedLM, test: list[tuple]) -> list[dict[str, object]]:
    """Return one row for each head."""
    visible = pad_batch([phrases.VOCABULARY.encode(s.words) for s in test], PAD)
    rows = torch.arange(len(test))[:, None]
    verbs = torch.tensor([s.verbs for s in test])  # (B, 2)
    own = torch.tensor([s.completions for s in test])
    hidden = visible.clone()
    hidden[rows, verbs] = MASK

    def restored(model: MaskedLM) -> float:
        right = model(hidden)[rows, verbs].argmax(dim=-1) == visible[rows, verbs]
        return round(right.float().mean().item(), 4)

    shares = {}
    maps = torch.stack(list(attention_maps(model, visible).values()))  # (L, B, H, T, S)
    at_verbs = maps.permute(1, 3, 0, 2, 4)[rows, verbs]  # (B, 2, L, H, S)
    for which, first in {"own": own, "other": own.flip(1)}.items():
        weight = sum(
            at_verbs.gather(-1, place[..., None, None, None].expand(*at_verbs.shape[:-1], 1))
            for place in (first, first + 1)
        )
        shares[f"{which}_visible"] = weight.mean(dim=(0, 1, 4))  # (L, H)
    n_layer, n_head = shares["own_visible"].shape
    return [
        {
            "layer": layer + 1,
            "head": head + 1,
            **{name: round(share[layer, head].item(), 4) for name, share in shares.items()},
            "restored": restored(model),
            "restored_without": restored(without(model, layer, head)),
        }
        for layer in range(n_layer)
        for head in range(n_head)
    ]


def measured(seed: int) -> list[dict[str, object]]:
    """Train a model, and return a row for each head whenever it is looked at."""
    rng = random.Random(seed)
    train = [phrases.sentence(rng) for _ in range(N_TRAIN)]
    test = [phrases.sentence(rng) for _ in range(N_TEST)]
    torch.manual_seed(seed)
    model = MaskedLM(TransformerConfig(source_vocab_size=len(phrases.VOCABULARY), n_encoder_layer=2))
    ids = pad_batch([phrases.VOCABULARY.encode(s.words) for s in train], PAD)
    return [{"steps": steps, **row} for steps in fit(model, ids, seed) for row in measure(model, test)]


def main() -> None:
    """Run the seeds."""
    each(lambda seed: RESULT.rows(measured, seed=seed), seeds(5))


if __name__ == "__main__":
    run(main)
