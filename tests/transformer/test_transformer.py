"""The encoder-decoder against torch's, against itself with and without padding and cache, and against enumeration."""

import itertools
import json
import math
import re

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from variants import dropouts

from lecture21 import GPT, GPTConfig
from lecture21.attention import causal_mask
from lecture21.gpt.config import CHOICES
from lecture21.layers import attention_maps
from lecture21.objectives import IGNORE, shift_right
from lecture21.transformer import (
    Encoder,
    MaskedLM,
    Transformer,
    TransformerConfig,
    beam_search,
    greedy_decode,
)
from lecture21.transformer.stacks import _padding_mask

PAD, BOS, EOS = 0, 1, 2
SMALL = {
    "source_vocab_size": 9,
    "block_size": 8,
    "n_encoder_layer": 2,
    "n_decoder_layer": 3,
    "n_head": 2,
    "d_model": 12,
}
# The 2017 model, and it with each other choice of each field; so a new entry of a table is covered at once.
CHANGES = [
    {},
    *(
        {name: value}
        for name in ("activation", "norm", "norm_position", "position")
        for value in CHOICES[name]
        if value != getattr(TransformerConfig, name)
    ),
    {"attention_bias": True},
    {"share_embeddings": False},
    {"share_embeddings": False, "target_vocab_size": 7},
    {"n_encoder_layer": 1, "n_decoder_layer": 1, "n_head": 1},
    {"dropout": 0.3},
    {"d_ff": 5},
]
VARIANTS = {",".join(f"{k}={v}" for k, v in change.items()) or "2017": change for change in CHANGES}
every_variant = pytest.mark.parametrize("change", VARIANTS.values(), ids=VARIANTS.keys())

SOURCE = torch.tensor([[3, 4, 5, 6, 7], [8, 3, 4, PAD, PAD], [5, PAD, PAD, PAD, PAD]])
TARGET = torch.tensor([[5, 6, 4, 3, 6, EOS], [4, 6, EOS, PAD, PAD, PAD], [3, 4, 6, EOS, PAD, PAD]])


def make(change: dict, *, seed: int = 0, dtype: torch.dtype = torch.float64, kind: type[nn.Module] = Transformer):
    """Return a model in evaluation mode whose every parameter is random, so that no bias is 0."""
    torch.manual_seed(seed)
    model = kind(TransformerConfig(**{**SMALL, **change})).to(dtype).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return model


# For decoding: a model with varied outputs, some of which end early (a test below counts them).
WRITER = {"share_embeddings": False, "position": "learned"}


def sharp(change: dict, *, seed: int = 0) -> Transformer:
    """Return a model with larger logits and a higher probability of the end token."""
    model = make(change, seed=seed)
    if model.head is not None:
        with torch.no_grad():
            model.head.weight.mul_(3)
            model.head.bias[EOS] += 1
    return model


def real(ids: torch.Tensor) -> torch.Tensor:
    return ids != PAD


# --- against torch ---------------------------------------------------------------------------------------------------


def copy_attention(ours: nn.Module, published: nn.MultiheadAttention) -> None:
    parts = (ours.query, ours.key, ours.value)
    published.in_proj_weight.copy_(torch.cat([part.weight for part in parts]))
    published.out_proj.weight.copy_(ours.output.weight)
    if ours.query.bias is None:  # torch has biases for all its maps or none, its norms among them
        published.in_proj_bias.zero_()
        published.out_proj.bias.zero_()
    else:
        published.in_proj_bias.copy_(torch.cat([part.bias for part in parts]))
        published.out_proj.bias.copy_(ours.output.bias)


def pairs_of(ours: nn.Module, published: nn.Module) -> dict[str, tuple[nn.Module, nn.Module]]:
    """Name our parts of a block beside torch's; attentions, which torch fuses, are left out."""
    names = {"norm_attention": "norm1", "feed_forward.up": "linear1", "feed_forward.down": "linear2"}
    if ours.cross_attention is None:
        names["norm_feed_forward"] = "norm2"
    else:
        names |= {"norm_cross_attention": "norm2", "norm_feed_forward": "norm3"}
    return {name: (ours.get_submodule(name), published.get_submodule(their)) for name, their in names.items()}


def attentions_of(ours: nn.Module, published: nn.Module) -> list[tuple[nn.Module, nn.MultiheadAttention]]:
    actual = [(ours.attention, published.self_attn)]
    return actual if ours.cross_attention is None else [*actual, (ours.cross_attention, published.multihead_attn)]


def torch_s(model: Transformer) -> nn.Transformer:
    """Return `nn.Transformer` with the weights of our stacks."""
    c = model.config
    shape = {"dropout": 0.0, "activation": c.activation, "batch_first": True, "norm_first": c.norm_position == "pre"}
    layers = [
        kind(c.d_model, c.n_head, c.d_ff, **shape) for kind in (nn.TransformerEncoderLayer, nn.TransformerDecoderLayer)
    ]
    # Torch ends each stack with a norm by default, even with post-norm; the paper does not.
    norms = [nn.LayerNorm(c.d_model) if c.norm_position == "pre" else None for _ in range(2)]
    reference = nn.Transformer(
        c.d_model,
        c.n_head,
        custom_encoder=nn.TransformerEncoder(layers[0], c.n_encoder_layer, norms[0], enable_nested_tensor=False),
        custom_decoder=nn.TransformerDecoder(layers[1], c.n_decoder_layer, norms[1]),
        batch_first=True,
    ).double()
    with torch.no_grad():
        for ours, published in ((model.encoder, reference.encoder), (model.decoder, reference.decoder)):
            if c.norm_position == "pre":
                published.norm.load_state_dict(ours.norm.state_dict())
            for our_block, their_block in zip(ours.blocks, published.layers, strict=True):
                for our_part, their_part in pairs_of(our_block, their_block).values():
                    their_part.load_state_dict(our_part.state_dict())
                for our_part, their_part in attentions_of(our_block, their_block):
                    copy_attention(our_part, their_part)
    return reference.train()  # evaluation mode has another implementation, without gradients


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("attention_bias", [False, True])
@pytest.mark.parametrize("norm_position", ["post", "pre"])
@pytest.mark.parametrize("n_head", [1, 3])
def test_outputs_and_gradients_equal_those_of_torch(n_head, norm_position, attention_bias, activation):
    change = {"n_head": n_head, "d_ff": 17, "norm_position": norm_position, "activation": activation}
    ours = make({**change, "attention_bias": attention_bias})
    reference = torch_s(ours)
    target_in = shift_right(TARGET, BOS)

    # torch has neither embeddings nor positions nor a head: it is applied to the vectors between them.
    vectors = [
        ours.encoder.embedding(SOURCE).detach().requires_grad_(),
        ours.decoder.embedding(target_in).detach().requires_grad_(),
    ]
    published = reference(
        *vectors,
        tgt_mask=~causal_mask(TARGET.shape[1]),  # torch's layers take the opposite convention: True = may not attend
        src_key_padding_mask=~real(SOURCE),
        memory_key_padding_mask=~real(SOURCE),
    )
    their_logits = F.linear(published, ours.decoder.embedding.token.weight.detach())

    our_vectors = [v.detach().clone().requires_grad_() for v in vectors]
    embeddings = (ours.encoder.embedding, ours.decoder.embedding)
    hooks = [
        embedding.register_forward_hook(lambda *_, v=vector: v)
        for embedding, vector in zip(embeddings, our_vectors, strict=True)
    ]
    our_logits = ours(SOURCE, target_in)
    for hook in hooks:
        hook.remove()
    close = {"rtol": 1e-10, "atol": 1e-10}
    torch.testing.assert_close(our_logits, their_logits, **close)

    for logits in (our_logits, their_logits):
        F.cross_entropy(logits.flatten(0, 1), TARGET.flatten(), ignore_index=PAD).backward()
    for our_vector, their_vector in zip(our_vectors, vectors, strict=True):
        torch.testing.assert_close(our_vector.grad, their_vector.grad, **close)
    compared = 0
    for our_stack, their_stack in ((ours.encoder, reference.encoder), (ours.decoder, reference.decoder)):
        parts = [(our_stack.norm, their_stack.norm)] if norm_position == "pre" else []
        for our_block, their_block in zip(our_stack.blocks, their_stack.layers, strict=True):
            parts += pairs_of(our_block, their_block).values()
            for our_attention, their_attention in attentions_of(our_block, their_block):
                parts.append((our_attention.output, their_attention.out_proj))
                maps = (our_attention.query, our_attention.key, our_attention.value)
                for kind in ("weight", "bias") if attention_bias else ("weight",):
                    gradient = torch.cat([getattr(part, kind).grad for part in maps])
                    torch.testing.assert_close(gradient, getattr(their_attention, f"in_proj_{kind}").grad, **close)
                    compared += 3
        for our_part, their_part in parts:
            for name, parameter in our_part.named_parameters():
                torch.testing.assert_close(parameter.grad, their_part.get_parameter(name).grad, **close)
                compared += 1
    assert compared == sum(1 for name, _ in ours.named_parameters() if "embedding" not in name)


def test_the_input_is_the_embedding_times_sqrt_d_model_plus_sinusoids():
    encoder = make({}).encoder
    ids, out = SOURCE[:1], encoder.embedding(SOURCE[:1])
    for t in range(ids.shape[1]):
        for i in range(12):
            angle = t / 10000 ** (i // 2 * 2 / 12)
            position = math.cos(angle) if i % 2 else math.sin(angle)
            by_hand = math.sqrt(12) * encoder.embedding.token.weight[ids[0, t], i].item() + position
            assert out[0, t, i].item() == pytest.approx(by_hand, abs=1e-6)  # the table of sinusoids is float32


@pytest.mark.parametrize(
    ("shape", "body", "d_model"),
    [
        ({"n_head": 8, "d_model": 512, "d_ff": 2048}, 44_101_632, 512),
        ({"n_head": 16, "d_model": 1024, "d_ff": 4096}, 176_283_648, 1024),
    ],
)
def test_the_paper_s_models_have_63_0_and_214_2_million_parameters(shape, body, d_model):
    with torch.device("meta"):
        config = TransformerConfig(source_vocab_size=37_000, n_encoder_layer=6, n_decoder_layer=6, **shape)
        count = Transformer(config).num_parameters()
    assert count == body + 37_000 * d_model
    feed_forward = 2 * d_model * 4 * d_model + 5 * d_model
    encoder = 4 * d_model**2 + feed_forward + 2 * 2 * d_model
    decoder = 8 * d_model**2 + feed_forward + 3 * 2 * d_model
    assert body == 6 * (encoder + decoder)  # attention without biases; no norm at the end of a stack


# --- one block, three models -----------------------------------------------------------------------------------------


@pytest.mark.sampled
@every_variant
def test_an_encoder_with_a_causal_mask_is_a_gpt(change):
    bert = make({**change, "share_embeddings": False}, kind=MaskedLM)
    c = bert.config
    gpt = GPT(
        GPTConfig(
            **{name: getattr(c, name) for name in ("block_size", "n_head", "d_model", "d_ff", "activation", "norm")},
            **{name: getattr(c, name) for name in ("norm_position", "position", "dropout")},
            vocab_size=c.source_vocab_size,
            n_layer=c.n_encoder_layer,
            final_norm=c.norm_position == "pre",
            qkv_bias=c.attention_bias,
            bias=True,
        )
    )
    weights = {re.sub(r"^encoder\.(embedding\.)?", "", name): value for name, value in bert.state_dict().items()}
    weights["token.weight"] = weights["token.weight"] * math.sqrt(c.d_model)
    if not c.attention_bias:  # a GPT's output projections have one
        weights |= {f"blocks.{i}.attention.output.bias": torch.zeros(c.d_model) for i in range(c.n_encoder_layer)}
    gpt = gpt.double().eval()
    gpt.load_state_dict(weights)

    ids = torch.tensor([[3, 4, 5, 6, 7, 8]])
    assert not torch.allclose(bert(ids), gpt(ids))
    for block in bert.encoder.blocks:
        block.attention.causal = True
    torch.testing.assert_close(bert(ids), gpt(ids), rtol=1e-10, atol=1e-12)


@pytest.mark.sampled
@every_variant
def test_an_encoder_attends_to_both_sides_and_a_decoder_to_the_past(change):
    model = make(change)
    source, target = SOURCE[:1], torch.tensor([[BOS, 3, 4, 5, 6, 3]])
    for t in range(source.shape[1]):
        changed = source.clone()
        changed[0, t] = 8 if source[0, t] != 8 else 3
        assert (model.encode(changed) != model.encode(source)).any(-1).all()
        assert (model(changed, target) != model(source, target)).any(-1).all()
    logits = model(source, target)
    for t in range(1, target.shape[1]):
        changed = target.clone()
        changed[:, t:] = (changed[:, t:] + 1) % 7
        after = model(source, changed)
        assert torch.equal(after[:, :t], logits[:, :t])
        assert (after[:, t:] != logits[:, t:]).any(-1).all()


@pytest.mark.sampled
@every_variant
def test_attention_maps_show_the_three_masks(change):
    model = make(change)
    target_in = shift_right(TARGET, BOS)
    maps = attention_maps(model, SOURCE, target_in)
    c = model.config
    assert set(maps) == {
        *(f"encoder.blocks.{i}.attention" for i in range(c.n_encoder_layer)),
        *(f"decoder.blocks.{i}.{kind}" for i in range(c.n_decoder_layer) for kind in ("attention", "cross_attention")),
    }
    for name, weights in maps.items():
        torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))
        if name.startswith("decoder") and name.endswith(".attention"):
            allowed = causal_mask(TARGET.shape[1]).expand_as(weights)
        else:
            allowed = real(SOURCE)[:, None, None].expand_as(weights)
        assert (weights[~allowed] == 0).all()
        assert (weights[allowed] > 0).all()


# --- padding ---------------------------------------------------------------------------------------------------------


@pytest.mark.sampled
@every_variant
def test_padding_does_not_change_the_outputs_of_real_tokens(change):
    model = make(change)
    more = torch.full((1, 2), PAD)
    for source, target in zip(SOURCE, TARGET, strict=True):
        source, target = source[real(source)][None], shift_right(target[real(target)][None], BOS)
        padded_source, padded_target = torch.cat([source, more], dim=1), torch.cat([target, more], dim=1)
        close = {"rtol": 0.0, "atol": 1e-12}
        torch.testing.assert_close(model.encode(padded_source)[:, : source.shape[1]], model.encode(source), **close)
        logits = model(source, target)
        torch.testing.assert_close(model(padded_source, target), logits, **close)
        torch.testing.assert_close(model(padded_source, padded_target)[:, : target.shape[1]], logits, **close)
        bert = MaskedLM(model.config).double().eval()
        torch.testing.assert_close(bert(padded_source)[:, : source.shape[1]], bert(source), **close)


@pytest.mark.sampled
@every_variant
def test_padding_gets_no_gradient(change):
    model = make({**change, "share_embeddings": False})
    seen = []
    for embedding in (model.encoder.embedding, model.decoder.embedding):
        embedding.register_forward_hook(lambda _module, _args, out: (out.retain_grad(), seen.append(out))[0])
    model.loss(SOURCE, shift_right(TARGET, BOS), TARGET).backward()
    for vectors, kept in zip(seen, (real(SOURCE), real(TARGET)), strict=True):
        assert (vectors.grad[~kept] == 0).all()
        assert (vectors.grad[kept] != 0).any(-1).all()
    for embedding in (model.encoder.embedding, model.decoder.embedding):
        assert (embedding.token.weight.grad[PAD] == 0).all()


@pytest.mark.sampled
@every_variant
def test_the_loss_is_the_mean_over_real_targets(change):
    model = make(change)
    target_in = shift_right(TARGET, BOS)
    log_probabilities = model(SOURCE, target_in).log_softmax(-1)
    by_hand = [-log_probabilities[b, t, TARGET[b, t]] for b, t in real(TARGET).nonzero().tolist()]
    assert len(by_hand) == 13
    torch.testing.assert_close(model.loss(SOURCE, target_in, TARGET), torch.stack(by_hand).mean())


@pytest.mark.sampled
@every_variant
def test_every_parameter_gets_a_gradient(change):
    model = make(change)
    model.loss(SOURCE, shift_right(TARGET, BOS), TARGET).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        # A key bias adds the same to all scores of a query, which does not change the softmax.
        if not name.endswith("key.bias"):
            assert parameter.grad.abs().sum() > 0, name


# --- cache and decoding ----------------------------------------------------------------------------------------------


@pytest.mark.sampled
@every_variant
@pytest.mark.parametrize("pieces", [[1] * 6, [3, 1, 2], [6]])
def test_cached_decoding_equals_the_full_forward(change, pieces):
    model = make(change)
    target_in = shift_right(TARGET, BOS)
    cache = model.new_cache()
    cached = torch.cat([model(SOURCE, piece, cache) for piece in target_in.split(pieces, dim=1)], dim=1)
    torch.testing.assert_close(cached, model(SOURCE, target_in), rtol=1e-10, atol=1e-12)
    assert len(cache) == 6


def test_with_a_cache_the_encoder_and_the_cross_keys_are_computed_once():
    model = sharp(WRITER)
    calls = []
    for name in ("encoder", "decoder.blocks.0.cross_attention.key", "decoder.blocks.0.attention.key"):
        model.get_submodule(name).register_forward_hook(lambda *_, name=name: calls.append(name))
    out = beam_search(model, SOURCE, bos=BOS, eos=EOS, width=3, max_new=6)
    steps = out.ids.shape[-1]
    assert steps > 2
    assert calls.count("encoder") == calls.count("decoder.blocks.0.cross_attention.key") == 1
    assert calls.count("decoder.blocks.0.attention.key") == steps


def score(model: Transformer, source: torch.Tensor, target: torch.Tensor) -> float:
    """Return ln P(target | source) from one teacher-forced pass; the target ends with its first eos, if any."""
    ids = target.tolist()
    ids = torch.tensor(ids[: ids.index(EOS) + 1] if EOS in ids else ids)[None]
    log_probabilities = model(source[None], shift_right(ids, BOS)).log_softmax(-1)
    return log_probabilities.gather(-1, ids[..., None]).sum().item()


@pytest.mark.sampled
@every_variant
def test_decoding_is_the_same_with_a_cache_and_for_separate_rows(change):
    model = sharp(change)
    options = {"bos": BOS, "eos": EOS, "max_new": 7}
    close = {"rtol": 1e-9, "atol": 1e-9}
    for decode in (greedy_decode, lambda *a, **k: beam_search(*a, width=3, **k)):
        cached, plain = decode(model, SOURCE, **options), decode(model, SOURCE, use_cache=False, **options)
        assert torch.equal(cached.ids, plain.ids)
        torch.testing.assert_close(cached.log_probabilities, plain.log_probabilities, **close)
        for row, source in enumerate(SOURCE):
            alone = decode(model, source[real(source)][None], **options)
            n = alone.ids.shape[-1]
            assert torch.equal(alone.ids[0], cached.ids[row, ..., :n])
            assert (cached.ids[row, ..., n:] == PAD).all()
            torch.testing.assert_close(alone.log_probabilities[0], cached.log_probabilities[row], **close)


@pytest.mark.parametrize("seed", range(4))
def test_greedy_takes_the_most_likely_token_at_each_step_and_stops_at_eos(seed):
    model = sharp(WRITER, seed=seed)
    out = greedy_decode(model, SOURCE, bos=BOS, eos=EOS, max_new=7)
    for source, ids, log_probability in zip(SOURCE, out.ids, out.log_probabilities, strict=True):
        written: list[int] = []
        while len(written) < 7 and EOS not in written:
            written.append(int(model(source[None], torch.tensor([[BOS, *written]]))[0, -1].argmax()))
        assert ids[: len(written)].tolist() == written
        assert (ids[len(written) :] == PAD).all()
        assert log_probability.item() == pytest.approx(score(model, source, torch.tensor(written)), abs=1e-9)


def test_the_seeds_give_different_targets_some_of_which_end_early():
    written = [
        ids
        for seed in range(8)
        for ids in greedy_decode(sharp(WRITER, seed=seed), SOURCE, bos=BOS, eos=EOS, max_new=7).ids.tolist()
    ]
    assert 0.2 < sum(EOS in ids for ids in written) / len(written) < 0.8
    assert len({tuple(ids) for ids in written}) > 10


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("alpha", [0.0, 0.6])
def test_a_beam_of_width_1_is_greedy(seed, alpha):
    model = sharp(WRITER, seed=seed)
    greedy = greedy_decode(model, SOURCE, bos=BOS, eos=EOS, max_new=7)
    beams = beam_search(model, SOURCE, bos=BOS, eos=EOS, width=1, max_new=7, alpha=alpha)
    assert torch.equal(beams.ids[:, 0], greedy.ids)
    torch.testing.assert_close(beams.log_probabilities[:, 0], greedy.log_probabilities)


TOY = {"source_vocab_size": 4, "block_size": 4}


def all_targets(vocab_size: int, longest: int) -> list[tuple[int, ...]]:
    """Return every string that ends with its first eos, or is `longest` tokens long without one."""
    words = [token for token in range(vocab_size) if token != EOS]
    ended = [(*body, EOS) for n in range(longest) for body in itertools.product(words, repeat=n)]
    return ended + list(itertools.product(words, repeat=longest))


@pytest.mark.sampled
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("alpha", [0.0, 0.6, 2.0])
@pytest.mark.usefixtures("untyped")  # checked elsewhere; here they take most of the time
def test_a_beam_wide_enough_for_all_strings_is_an_exact_search(seed, alpha):
    model = sharp({**WRITER, **TOY}, seed=seed)
    sources = torch.tensor([[3, 1, 3], [1, PAD, PAD]])
    beams = beam_search(model, sources, bos=BOS, eos=EOS, width=4**3, max_new=3, alpha=alpha)
    for row, source in enumerate(sources):
        actual = {}
        for target in all_targets(4, 3):
            log_probability = score(model, source, torch.tensor(target))
            actual[target] = (log_probability / ((5 + len(target)) / 6) ** alpha, log_probability)
        best_first = sorted(actual.items(), key=lambda item: -item[1][0])
        n = len(best_first)
        assert n == 40
        for i, (target, (of_score, log_probability)) in enumerate(best_first):
            assert beams.ids[row, i].tolist() == [*target, *[PAD] * (3 - len(target))]
            assert beams.scores[row, i].item() == pytest.approx(of_score, abs=1e-9)
            assert beams.log_probabilities[row, i].item() == pytest.approx(log_probability, abs=1e-9)
        assert beams.log_probabilities[row, n:].isneginf().all()  # there are no more
        assert beams.log_probabilities[row].exp().sum().item() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(("options", "alpha"), [({"alpha": 0.0}, 0.0), ({}, 0.6)])
def test_beams_are_scored_by_the_model_and_sorted(options, alpha):
    better = 0
    for seed in range(4):
        model = sharp(WRITER, seed=seed)
        beams = beam_search(model, SOURCE, bos=BOS, eos=EOS, width=4, max_new=7, **options)
        greedy = greedy_decode(model, SOURCE, bos=BOS, eos=EOS, max_new=7)
        assert (beams.scores.diff(dim=1) <= 0).all()
        for row, source in enumerate(SOURCE):
            assert len({tuple(ids) for ids in beams.ids[row].tolist()}) == 4
            parts = (beams.ids[row], beams.scores[row], beams.log_probabilities[row])
            for ids, of_score, log_probability in zip(*parts, strict=True):
                assert log_probability.item() == pytest.approx(score(model, source, ids), abs=1e-9)
                ended = ids.tolist()
                length = ended.index(EOS) + 1 if EOS in ended else len(ended)
                assert of_score.item() == pytest.approx(log_probability.item() / ((5 + length) / 6) ** alpha, abs=1e-9)
        better += int((beams.log_probabilities[:, 0] > greedy.log_probabilities + 1e-9).sum())
    assert better > 0  # a beam finds what greedy misses


@pytest.mark.parametrize("decode", [greedy_decode, lambda *a, **k: beam_search(*a, width=2, **k)])
def test_decoding_restores_the_mode_of_the_model_and_uses_no_dropout(decode):
    model = sharp({**WRITER, "dropout": 0.5}).train()
    options = {"bos": BOS, "eos": EOS, "max_new": 5}
    first, second = decode(model, SOURCE, **options), decode(model, SOURCE, **options)
    assert model.training
    assert torch.equal(first.log_probabilities, second.log_probabilities)
    assert not first.log_probabilities.requires_grad


# --- configuration, files, bad input ---------------------------------------------------------------------------------


def test_inconsistent_sizes_are_refused():
    with pytest.raises(ValueError, match=r"one vocabulary for both sides, got sizes \(9, 7\)"):
        TransformerConfig(**SMALL, target_vocab_size=7)
    with pytest.raises(ValueError, match="even d_model, got 9"):
        TransformerConfig(**{**SMALL, "d_model": 9, "n_head": 3})
    with pytest.raises(ValueError, match=r"pad must be in both vocabularies, 0\.\.8, got 9"):
        TransformerConfig(**SMALL, pad=9)
    with pytest.raises(ValueError, match="d_model=12 and n_head=5"):
        TransformerConfig(**{**SMALL, "n_head": 5})
    with pytest.raises(ValueError, match="even width, got 3"):
        TransformerConfig(**{**SMALL, "n_head": 4, "position": "rotary"})


@pytest.mark.sampled
@every_variant
def test_a_saved_model_gives_the_same_logits(change, tmp_path):
    model = make(change, dtype=torch.float32)
    model.save_pretrained(tmp_path)
    loaded = Transformer.from_pretrained(tmp_path)
    assert loaded.config == model.config
    assert not loaded.training
    assert loaded.num_parameters() == model.num_parameters()
    assert torch.equal(loaded(SOURCE, TARGET % 7), model(SOURCE, TARGET % 7))
    assert json.loads((tmp_path / "config.json").read_text())["model"] == "transformer"


def test_a_checkpoint_of_another_kind_is_refused(tmp_path):
    GPT(GPTConfig()).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="'transformer', got 'gpt'"):
        Transformer.from_pretrained(tmp_path)


def test_one_matrix_serves_both_embeddings_and_the_head_and_counts_once():
    shared, apart = make({}), make({"share_embeddings": False})
    assert shared.encoder.embedding.token is shared.decoder.embedding.token
    assert shared.head is None
    assert apart.num_parameters() - shared.num_parameters() == 9 * 12 + (9 * 12 + 9)
    hidden = []
    shared.decoder.register_forward_hook(lambda _module, _args, out: hidden.append(out))
    logits = shared(SOURCE, SOURCE)
    torch.testing.assert_close(logits, hidden[0] @ shared.encoder.embedding.token.weight.T)


def test_targets_of_only_padding_have_no_loss():
    with pytest.raises(ValueError, match=r"no target is left to predict: all of them are 0"):
        make({}).loss(SOURCE, SOURCE, torch.zeros_like(SOURCE))
    with pytest.raises(ValueError, match="no target is left to predict: all of them are -100"):
        MaskedLM(TransformerConfig(**SMALL)).loss(SOURCE, torch.full_like(SOURCE, IGNORE))


def test_a_sequence_longer_than_the_block_is_refused():
    model = make({})
    long, short = torch.full((1, 9), 3), torch.full((1, 2), 3)
    for source, target in ((long, short), (short, long)):
        with pytest.raises(ValueError, match="9 tokens is longer than the model's block size, 8"):
            model(source, target)
    cache = model.new_cache()
    model(short, long[:, :7], cache)
    with pytest.raises(ValueError, match="9 tokens is longer than the model's block size, 8"):
        model(short, short, cache)


def test_logits_of_a_diverged_model_are_refused():
    model = make({})
    with torch.no_grad():
        model.decoder.blocks[0].feed_forward.up.bias.fill_(math.nan)
    with pytest.raises(ValueError, match="NaN"):
        greedy_decode(model, SOURCE, bos=BOS, eos=EOS, max_new=2)


# --- training --------------------------------------------------------------------------------------------------------


def untrained(change: dict, seed: int = 0) -> tuple[Transformer, torch.Tensor, torch.Tensor]:
    torch.manual_seed(seed)
    model = Transformer(TransformerConfig(**{**SMALL, "source_vocab_size": 50, "d_model": 64, **change})).eval()
    return model, *torch.randint(1, model.vocab_size, (2, 64, 8))


@pytest.mark.sampled
@every_variant
def test_an_untrained_model_starts_near_the_uniform_loss(change):
    model, source, target = untrained({**change, "share_embeddings": False})
    loss = model.loss(source % 50, shift_right(target, BOS), target).item()
    assert abs(loss - math.log(model.vocab_size)) < 0.35


def test_an_untrained_model_with_one_matrix_predicts_its_last_input_token():
    model, source, target = untrained({})
    assert (model(source, target).argmax(-1) == target).float().mean() > 0.95
    # The loss is two nats higher, as nearly all of these predictions are wrong.
    loss = model.loss(source, shift_right(target, BOS), target).item()
    assert 1.2 < loss - math.log(50) < 2.8


def test_every_dropout_acts_in_training_with_the_probability_of_the_configuration():
    model = make({"dropout": 0.3})
    assert torch.equal(model(SOURCE, SOURCE % 7), model(SOURCE, SOURCE % 7))
    acts = dropouts(model, lambda: model(SOURCE, SOURCE % 7))
    assert len(acts) == 2 + 3 * model.config.n_encoder_layer + 5 * model.config.n_decoder_layer
    assert set(acts.values()) == {(0.3, True)}, acts


def test_masked_lm_counts_only_what_was_masked():
    bert = make({}, kind=MaskedLM)
    targets = torch.full_like(SOURCE, IGNORE)
    targets[0, 2], targets[1, 1] = 5, 3
    log_probabilities = bert(SOURCE).log_softmax(-1)
    torch.testing.assert_close(
        bert.loss(SOURCE, targets), -(log_probabilities[0, 2, 5] + log_probabilities[1, 1, 3]) / 2
    )
    assert (bert.vocab_size, bert.block_size) == (9, 8)
    assert bert.num_parameters() == Encoder(bert.config).embedding.token.weight.numel() + sum(
        p.numel() for p in bert.encoder.blocks.parameters()
    )


@pytest.mark.slow
@pytest.mark.parametrize("norm_position", [pytest.param("post", marks=pytest.mark.repetition), "pre"])
@pytest.mark.usefixtures("untyped")  # checked elsewhere; here they take most of the time
def test_the_model_learns_to_reverse_strings(norm_position):
    torch.manual_seed(0)
    config = TransformerConfig(
        **{**SMALL, "n_encoder_layer": 1, "n_decoder_layer": 1, "d_model": 32}, norm_position=norm_position
    )
    model = Transformer(config)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)

    def batch(n: int) -> tuple[torch.Tensor, torch.Tensor]:
        source = torch.randint(3, 9, (n, 4))
        source[: n // 2, 3] = PAD  # half of them are shorter
        target = torch.full((n, 5), PAD)
        for row, line in enumerate(source.tolist()):
            back = [token for token in line[::-1] if token != PAD]
            target[row, : len(back) + 1] = torch.tensor([*back, EOS])
        return source, target

    for _ in range(250):
        source, target = batch(32)
        optimizer.zero_grad()
        model.loss(source, shift_right(target, BOS), target).backward()
        optimizer.step()
    source, target = batch(200)
    written = greedy_decode(model, source, bos=BOS, eos=EOS, max_new=5).ids
    right = (F.pad(written, (0, 5 - written.shape[1])) == target).all(-1).float().mean().item()
    assert right > 0.75  # 0.93 to 1.00 over three seeds; guessing gives 0.003


def test_a_target_that_has_ended_is_continued_with_padding():
    model = sharp({**WRITER, "pad": 6})
    beams = beam_search(model, torch.tensor([[3, 1, 3], [4, 5, 6]]), bos=BOS, eos=EOS, width=99, max_new=3)
    ended = [ids[ids.index(EOS) + 1 :] for ids in beams.ids.flatten(0, 1).tolist() if EOS in ids]
    assert any(ended)
    assert {token for rest in ended for token in rest} == {6}


def test_a_cache_for_another_source_is_refused_and_left_unchanged():
    model = make({})
    cache = model.new_cache()
    first = model(SOURCE, TARGET[:, :2], cache)
    with pytest.raises(ValueError, match="this cache holds another source"):
        model(SOURCE.flip(0), TARGET[:, 2:], cache)
    memory = model.encode(SOURCE.flip(0))
    with pytest.raises(ValueError, match="keys of another memory"):
        model.decoder(TARGET[:, 2:], memory, _padding_mask(SOURCE, PAD), cache)
    assert len(cache) == 2
    rest = model(SOURCE.clone(), TARGET[:, 2:], cache)  # an equal source is the same source
    torch.testing.assert_close(torch.cat([first, rest], dim=1), model(SOURCE, TARGET), rtol=1e-10, atol=1e-12)
