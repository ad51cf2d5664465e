"""Patches as tokens: the equivalent convolution, the attention mask, the loss, and generation."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from lecture21 import GPT, GPTConfig
from lecture21.generation import generate
from lecture21.layers import attention_maps
from lecture21.objectives import IGNORE
from lecture21.vision import ImageConditioned, PatchEmbedding, VisionGPT, digits, make_causal, patches

N_TEXT = 5


def small(*, position: str = "learned", patch_positions: bool = False, block_size: int = 14, **changes) -> VisionGPT:
    """A model in float64, every parameter random, for images of 4 x 6 pixels: 6 patches of 2 x 2."""
    torch.manual_seed(0)
    shape = {"vocab_size": 11, "block_size": block_size, "n_layer": 2, "n_head": 2, "d_model": 8}
    gpt = GPT(GPTConfig(**shape, position=position, **changes))
    model = VisionGPT(PatchEmbedding((4, 6), 2, 8, positions=patch_positions), gpt).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    return model


def inputs(batch: int = 3, images: int = 1, length: int = N_TEXT) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    shown = torch.randn(batch, images, 4, 6, dtype=torch.float64, generator=generator)
    return shown, torch.randint(11, (batch, length), generator=generator)


# The cut and the map


def test_patches_are_in_reading_order():
    image = torch.arange(24.0).view(1, 4, 6)
    expected = [[0, 1, 6, 7], [2, 3, 8, 9], [4, 5, 10, 11], [12, 13, 18, 19], [14, 15, 20, 21], [16, 17, 22, 23]]
    assert patches(image, 2)[0].tolist() == expected


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("size", "patch"), [((8, 8), 1), ((8, 8), 2), ((8, 8), 8), ((6, 12), 3)])
def test_a_patch_embedding_is_a_strided_convolution(size, patch, channels):
    torch.manual_seed(0)
    embedding = PatchEmbedding(size, patch, 5, channels=channels).double()
    convolution = nn.Conv2d(channels, 5, kernel_size=patch, stride=patch).double()
    with torch.no_grad():
        convolution.weight.copy_(embedding.projection.weight.view_as(convolution.weight))
        convolution.bias.copy_(embedding.projection.bias)
    images = torch.randn(4, channels, *size, dtype=torch.float64, requires_grad=True)
    tokens = embedding(images)
    expected = convolution(images).flatten(2).transpose(1, 2)  # (B, C, rows, columns) -> (B, P, C)
    assert tokens.shape == (4, embedding.n_patch, 5)
    torch.testing.assert_close(tokens, expected, rtol=1e-12, atol=1e-12)
    ahead = torch.randn_like(tokens)
    ours = torch.autograd.grad(tokens, [images, *embedding.parameters()], ahead)
    reference = torch.autograd.grad(expected, [images, *convolution.parameters()], ahead)
    for a, b in zip(ours, reference, strict=True):
        torch.testing.assert_close(a, b.view_as(a), rtol=1e-12, atol=1e-12)


def test_learned_patch_positions_add_one_vector_per_patch():
    torch.manual_seed(0)
    embedding = PatchEmbedding((4, 4), 2, 3, positions=True)
    same = torch.ones(1, 4, 4)
    tokens = embedding(same)[0]
    torch.testing.assert_close(tokens - tokens[0], embedding.position.table.weight - embedding.position.table.weight[0])
    assert tokens.unique(dim=0).shape == (4, 3)


# The mask and the loss


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("position", ["learned", "none", "rotary", "sinusoidal"])
def test_attention_is_bidirectional_among_image_tokens_and_exactly_causal_in_the_text(images, position):
    model = small(position=position, block_size=20)
    shown, ids = inputs(images=images)
    n_image = 6 * images
    expected = torch.ones(n_image + N_TEXT, n_image + N_TEXT, dtype=torch.bool).tril()
    expected[:n_image, :n_image] = True
    maps = attention_maps(model, shown, ids)
    assert len(maps) == 2
    for weights in maps.values():
        assert torch.equal(weights > 0, expected.expand_as(weights))
        torch.testing.assert_close(weights.sum(-1), torch.ones_like(weights[..., 0]))


def test_a_causal_image_attends_backward_only_in_each_layer_also_with_a_cache():
    model = small()
    make_causal(model)
    shown, ids = inputs()
    for weights in attention_maps(model, shown, ids).values():
        assert torch.equal(weights > 0, torch.ones(11, 11, dtype=torch.bool).tril().expand_as(weights))
    written = model.generate(shown, ids[:, :1], 4)
    assert torch.equal(written, model.generate(shown, ids[:, :1], 4, use_cache=False))


def test_the_loss_includes_no_image_token():
    model = small()
    shown, ids = inputs()
    targets = ids.roll(-1, dims=1)
    targets[1, 2:] = IGNORE
    loss = model.loss(shown, ids, targets)
    counted = targets != IGNORE
    torch.testing.assert_close(loss, F.cross_entropy(model(shown, ids)[counted], targets[counted]))
    # The gradient of every logit that was computed: none but the text's exists.
    logits = []
    model.gpt.head.register_forward_hook(lambda _module, _args, out: logits.append(out))
    loss = model.loss(shown, ids, targets)
    (gradient,) = torch.autograd.grad(loss, logits[0])
    assert gradient.shape == (3, N_TEXT, 11)
    assert torch.equal((gradient != 0).any(-1), counted)


def test_two_images_are_concatenated_in_order():
    model = small(block_size=20)
    shown, ids = inputs(images=2)
    tokens = model.prefix(shown)
    assert torch.equal(tokens, torch.cat([model.embedding(shown[:, 0]), model.embedding(shown[:, 1])], dim=1))
    assert not torch.allclose(model(shown, ids), model(shown.flip(1), ids))


def test_images_with_channels_are_accepted():
    torch.manual_seed(0)
    gpt = GPT(GPTConfig(vocab_size=11, block_size=12, n_layer=1, n_head=2, d_model=8))
    model = VisionGPT(PatchEmbedding((4, 4), 2, 8, channels=3), gpt)
    assert model(torch.randn(2, 2, 3, 4, 4), torch.zeros(2, 3, dtype=torch.long)).shape == (2, 3, 11)


def test_without_positions_the_order_of_patches_does_not_matter():
    shown, ids = inputs()
    mixed = digits.shuffle_patches(shown[:, 0], 2, torch.Generator().manual_seed(0))[:, None]
    assert not torch.equal(mixed, shown)
    for changes, same in (
        ({"position": "none"}, True),
        ({"position": "none", "patch_positions": True}, False),
        ({"position": "learned"}, False),
        ({"position": "rotary"}, False),
    ):
        model = small(**changes)
        assert torch.allclose(model(shown, ids), model(mixed, ids), rtol=1e-10, atol=1e-12) == same, changes
    # The causal mask still tells the order of the text.
    model = small(position="none")
    flipped = torch.cat([ids[:, :-1].flip(1), ids[:, -1:]], dim=1)
    assert not torch.allclose(model(shown, ids)[:, -1], model(shown, flipped)[:, -1])


@pytest.mark.parametrize("images", [1, 2])
def test_the_flops_of_images_and_text_equal_the_count_of_torch(images):
    model = small(block_size=20).float()
    shown, ids = inputs(batch=1, images=images)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:  # torch counts no fused CPU kernel
        model(shown.float(), ids)
    assert counter.get_total_flops() == model.flops(N_TEXT, images)


# Generation


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("changes", [{}, {"position": "rotary", "n_kv_head": 1}, {"position": "none"}, {"window": 4}])
def test_generation_is_the_same_with_and_without_a_cache(images, changes):
    model = small(block_size=22, **changes)
    shown, prompt = inputs(images=images, length=3)
    cached, plain = (model.generate(shown, prompt, 6, use_cache=use_cache) for use_cache in (True, False))
    assert cached.shape == (3, 9)
    assert torch.equal(cached[:, :3], prompt)
    assert torch.equal(cached, plain)
    by_hand = prompt
    for _ in range(6):
        by_hand = torch.cat([by_hand, model(shown, by_hand)[:, -1:].argmax(-1)], dim=1)
    assert torch.equal(cached, by_hand)


def test_a_sampled_text_is_the_same_with_and_without_a_cache():
    model = small(block_size=22)
    shown, prompt = inputs(length=3)
    first, second = (
        generate(ImageConditioned(model, shown), prompt, 12, seed=5, use_cache=use_cache) for use_cache in (True, False)
    )
    assert torch.equal(first, second)
    assert first.unique().numel() > 5


@pytest.mark.parametrize("training", [True, False])
def test_generation_restores_the_mode_of_the_model(training):
    model = small(dropout=0.5).train(training)
    shown, prompt = inputs()
    texts = [model.generate(shown, prompt, 4) for _ in range(2)]
    assert torch.equal(*texts)
    assert model.training == model.gpt.training == training


def test_generation_stops_at_the_end_token():
    model = small()
    shown, prompt = inputs(batch=1)
    first = model.generate(shown, prompt, 1)[0, -1].item()
    assert model.generate(shown, prompt, 4, eos=first).shape == (1, N_TEXT + 1)


def test_a_prompt_that_fills_the_block_is_refused():
    model = small()  # a block of 14: 6 image tokens, 5 of text, and 4 more, of which the last is not read
    shown, prompt = inputs()
    assert model.generate(shown, prompt, 4).shape == (3, 9)
    with pytest.raises(ValueError, match="block of 14 has no room for 6 image tokens, a prompt of 5 and 5 new tokens"):
        model.generate(shown, prompt, 5)
    assert ImageConditioned(model, shown).block_size == 8
    shown = shown.expand(3, 2, 4, 6)  # two images leave 2 places
    assert model.generate(shown, prompt[:, :1], 2).shape == (3, 3)
    with pytest.raises(ValueError, match="no room for 12 image tokens, a prompt of 2 and 2 new tokens"):
        model.generate(shown, prompt[:, :2], 2)


def test_parts_that_do_not_match_are_refused(untyped):
    gpt = GPT(GPTConfig(vocab_size=11, block_size=6, n_layer=1, n_head=2, d_model=8))
    with pytest.raises(ValueError, match="embedding must have the GPT's width 8, got 4"):
        VisionGPT(PatchEmbedding((4, 4), 2, 4), gpt)
    with pytest.raises(ValueError, match="gpt must have a block of more than 6 tokens, got 6"):
        VisionGPT(PatchEmbedding((4, 6), 2, 8), gpt)
    model = small()
    shown, ids = inputs()
    for call in (model, lambda *a: model.generate(*a, 2), lambda *a: model.loss(*a, a[1])):
        with pytest.raises(
            ValueError,
            match=r"(ids|prompt) must be integers of shape \(B, T\), where B = 2, got torch\.int64 of shape \(3, 5\)",
        ):
            call(shown[:2], ids)
    with pytest.raises(ValueError, match=r"images must be .* shape \(B, K, H, W\) or .*got .*\(3, 4, 6\)"):
        model(shown[:, 0], ids)
    with pytest.raises(ValueError, match=r"images must be .* shape \(B, K, H, W\) or .*got .*\(3, 4, 6\)"):
        model.generate(shown[:, 0], ids, 2)
    with pytest.raises(ValueError, match="got 3 rows of images and 1 of text"):
        generate(ImageConditioned(model, shown), ids[:1], 1)


def test_the_cost_of_a_model_with_a_window_is_unsupported():
    with pytest.raises(ValueError, match="without a window, got window=3"):
        small(window=3).flops(2)
