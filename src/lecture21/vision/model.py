"""A GPT that reads images before its text."""

from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.validation import require_whole
from lecture21.accounting import flops_per_token
from lecture21.generation import generate
from lecture21.gpt import GPT
from lecture21.layers import KVCache
from lecture21.vision.patches import PatchEmbedding


class VisionGPT(nn.Module):
    """Patches of one or several images, as tokens before the text of an ordinary GPT.

    Image tokens see each other, text tokens see the images and the text before them, as far back as the GPT's window
    reaches, and only text is predicted.

    Args:
        embedding: what makes tokens of an image.
        gpt: what reads them; its block holds the tokens of all images and the text.

    Raises:
        ValueError: if the two have different widths, or the block has no room for text behind an image.

    Source: Tsimpoukelli et al. 2021 put a trained encoder's vectors before a frozen language model; here patches are
        mapped linearly, and everything is trained at once. The mask is the prefix LM's of Raffel et al. 2020.
    """

    def __init__(self, embedding: PatchEmbedding, gpt: GPT):
        super().__init__()
        if embedding.d_model != gpt.config.d_model:
            raise ValueError(f"tokens of width {embedding.d_model} do not fit a GPT of width {gpt.config.d_model}")
        if embedding.n_patch >= gpt.block_size:
            raise ValueError(f"{embedding.n_patch} image tokens leave a block of {gpt.block_size} no room for text")
        self.embedding, self.gpt = embedding, gpt

    def prefix(self, images: Float[Tensor, "B K H W"] | Float[Tensor, "B K Ch H W"]) -> Float[Tensor, "B P C"]:
        """Return the tokens of K images for each text, one image after the other.

        Raises:
            ValueError: as `PatchEmbedding.forward`, and if the images are not (B, K, H, W) or (B, K, Ch, H, W).
        """
        _require_images(images)
        tokens = self.embedding(images.flatten(0, 1))  # (B K, P / K, C)
        return tokens.unflatten(0, images.shape[:2]).flatten(1, 2)

    def forward(
        self, images: Float[Tensor, "B K H W"] | Float[Tensor, "B K Ch H W"], ids: Int[Tensor, "B T"]
    ) -> Float[Tensor, "B T V"]:
        """Return the logits of the token that follows each text token.

        Raises:
            ValueError: as `prefix` and `GPT.forward`, and if there are not as many rows of images as of text.
        """
        _require_a_row_each(images, ids)
        return self.gpt(ids, prefix=self.prefix(images))

    def loss(
        self,
        images: Float[Tensor, "B K H W"] | Float[Tensor, "B K Ch H W"],
        ids: Int[Tensor, "B T"],
        targets: Int[Tensor, "B T"],
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of the text in nats per token; arguments and errors as `GPT.loss`."""
        _require_a_row_each(images, ids)
        return self.gpt.loss(ids, targets, prefix=self.prefix(images))

    def answer(
        self,
        images: Float[Tensor, "B K H W"] | Float[Tensor, "B K Ch H W"],
        prompt: Int[Tensor, "B T"],
        n_new: int,
        *,
        eos: int | None = None,
        use_cache: bool = True,
    ) -> Int[Tensor, "B S"]:
        """Continue each prompt greedily, with the images in view; returns prompt and continuation.

        `generation.generate(Seen(model, images), ...)` has every other way to choose the next token.

        Args:
            images: K images for each prompt.
            prompt: at least one token.
            n_new: most tokens to add.
            eos: the token that ends an answer, as in `generate`.
            use_cache: as in `generate`.

        Raises:
            ValueError: as `forward`, and if images, prompt and answer do not fit the block.
        """
        _require_a_row_each(images, prompt)
        seen = Seen(self, images)
        # The last token that is written is not read again.
        if prompt.shape[1] + n_new - 1 > seen.block_size:
            n_image = self.gpt.block_size - seen.block_size
            raise ValueError(
                f"a block of {self.gpt.block_size} has no room for {n_image} image tokens, a prompt of "
                f"{prompt.shape[1]} and an answer of {n_new}"
            )
        return generate(seen, prompt, n_new, greedy=True, eos=eos, use_cache=use_cache)


class Seen(nn.Module):
    """A `VisionGPT` that looks at certain images: from ids to logits, which is all that `generation` asks of a model.

    Args:
        model: what looks.
        images: K images for each row of ids.
    """

    def __init__(self, model: VisionGPT, images: Float[Tensor, "B K H W"] | Float[Tensor, "B K Ch H W"]):
        super().__init__()
        _require_images(images)
        self.model, self.images = model, images
        self.training = model.training  # its own flag alone: parts of the model may be in another mode

    @property
    def block_size(self) -> int:
        """Longest text in tokens: what the images leave of the block."""
        return self.model.gpt.block_size - self.images.shape[1] * self.model.embedding.n_patch

    def new_cache(self) -> list[KVCache]:
        """Return an empty cache, as `GPT.new_cache`."""
        return self.model.gpt.new_cache()

    def forward(self, ids: Int[Tensor, "B T"], cache: list[KVCache] | None = None) -> Float[Tensor, "B T V"]:
        """Return the logits behind the images; with a cache they are read once, with the first tokens."""
        _require_a_row_each(self.images, ids)
        if cache and len(cache[0]):
            return self.model.gpt(ids, cache)
        return self.model.gpt(ids, cache, prefix=self.model.prefix(self.images))


def forward_flops(model: VisionGPT, n_text: int, n_image: int = 1) -> int:
    """Return the FLOPs of one forward pass over images and text, as `accounting.flops_per_token` counts them.

    Args:
        model: a GPT without a window.
        n_text: tokens of text.
        n_image: images before it.

    Raises:
        ValueError: if there is no text or image, they do not fit the block, or the GPT has a window.
    """
    require_whole("n_text", n_text)
    require_whole("n_image", n_image)
    if model.gpt.config.window is not None:
        raise ValueError(f"FLOPs behind a prefix are counted without a window, got window={model.gpt.config.window}")
    config, first = model.gpt.config, n_image * model.embedding.n_patch
    n_token = first + n_text
    everything = n_token * flops_per_token(config, n_token).forward
    unread = 2 * first * config.d_model * config.vocab_size  # the output layer reads the text only
    return everything - unread + 2 * first * model.embedding.projection.weight.numel()


def _require_images(images: Tensor) -> None:
    if images.dim() not in (4, 5):
        shapes = "(B, K, H, W) or (B, K, Ch, H, W), K images for each text"
        raise ValueError(f"images must have the shape {shapes}; got {tuple(images.shape)}")


def _require_a_row_each(images: Tensor, ids: Tensor) -> None:
    if len(images) != len(ids):
        raise ValueError(f"each text needs its images: got {len(images)} rows of images and {len(ids)} of text")
