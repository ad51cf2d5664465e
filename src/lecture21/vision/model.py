"""A GPT that reads images before its text."""

from jaxtyping import Float, Int
from torch import Tensor, nn

from lecture21._support.contract import Count, Natural, checked
from lecture21.accounting import flops_per_token
from lecture21.generation import generate
from lecture21.gpt import GPT
from lecture21.layers import KVCache
from lecture21.vision.patch_embedding import PatchEmbedding

Images = Float[Tensor, "B K H W"] | Float[Tensor, "B K Ch H W"]
"""K images for each text."""


class VisionGPT(nn.Module):
    """Patches of one or several images, as tokens before the text of an ordinary GPT.

    Image tokens attend to all image tokens; text tokens attend to the images and the text before them, within the GPT's
    window if it has one. Only text is predicted.

    Args:
        embedding: maps an image to tokens.
        gpt: its block must hold the tokens of all images and the text.

    Source: Tsimpoukelli et al. 2021 put a trained encoder's vectors before a frozen language model; here patches are
        mapped linearly, and everything is trained at once. The mask is that of the prefix LM of Raffel et al. 2020.
    """

    @checked
    def __init__(self, embedding: PatchEmbedding, gpt: GPT):
        super().__init__()
        if embedding.d_model != gpt.config.d_model:
            raise ValueError(f"embedding must have the GPT's width {gpt.config.d_model}, got {embedding.d_model}")
        if embedding.n_patch >= gpt.block_size:
            raise ValueError(f"gpt must have a block of more than {embedding.n_patch} tokens, got {gpt.block_size}")
        self.embedding, self.gpt = embedding, gpt

    @checked
    def prefix(self, images: Images) -> Float[Tensor, "B P C"]:
        """Return the tokens of K images for each text, one image after the other."""
        tokens = self.embedding(images.flatten(0, 1))  # (B K, P / K, C)
        return tokens.unflatten(0, images.shape[:2]).flatten(1, 2)

    @checked
    def forward(self, images: Images, ids: Int[Tensor, "B T"]) -> Float[Tensor, "B T V"]:
        """Return the logits of the next token at each text token."""
        return self.gpt(ids, prefix=self.prefix(images))

    @checked
    def loss(
        self,
        images: Images,
        ids: Int[Tensor, "B T"],
        targets: Int[Tensor, "B T"],
    ) -> Float[Tensor, ""]:
        """Return the mean cross-entropy of the text in nats per token, as `GPT.loss`."""
        return self.gpt.loss(ids, targets, prefix=self.prefix(images))

    @checked
    def generate(
        self,
        images: Images,
        prompt: Int[Tensor, "B T"],
        n_new: Natural,
        *,
        eos: Natural | None = None,
        use_cache: bool = True,
    ) -> Int[Tensor, "B S"]:
        """Continue each prompt greedily, given the images; return prompt and continuation.

        For sampling, pass `ImageConditioned(model, images)` to `generation.generate`.

        Args:
            images: K images for each prompt.
            prompt: at least one token.
            n_new: largest number of new tokens; images, prompt and new tokens must fit the block.
            eos: the token that ends a text.
            use_cache: as in `generation.generate`.
        """
        model = ImageConditioned(self, images)
        # The last new token is not an input.
        if prompt.shape[1] + n_new - 1 > model.block_size:
            n_image = self.gpt.block_size - model.block_size
            raise ValueError(
                f"a block of {self.gpt.block_size} has no room for {n_image} image tokens, a prompt of "
                f"{prompt.shape[1]} and {n_new} new tokens"
            )
        return generate(model, prompt, n_new, greedy=True, eos=eos, use_cache=use_cache)

    @checked
    def flops(self, n_text: Count, n_image: Count = 1) -> int:
        """Return the FLOPs of one forward pass over images and text, counted as by `accounting.flops_per_token`.

        Args:
            n_text: number of text tokens.
            n_image: number of images before them.
        """
        config, prefix = self.gpt.config, n_image * self.embedding.n_patch
        if config.window is not None:
            raise ValueError(f"FLOPs with images are counted without a window, got window={config.window}")
        n_token = prefix + n_text
        every = n_token * flops_per_token(config, n_token).forward
        skipped = 2 * prefix * config.d_model * config.vocab_size  # the output layer is applied to text only
        return every - skipped + 2 * prefix * self.embedding.projection.weight.numel()


def make_causal(model: VisionGPT) -> None:
    """Give all later passes of a model the causal mask: no image token attends to a later one, as in Fuyu."""
    for block in model.gpt.blocks:
        block.register_forward_pre_hook(_without_prefix, with_kwargs=True)


def _without_prefix(block: nn.Module, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
    return args, kwargs | {"n_prefix": 0}


class ImageConditioned(nn.Module):
    """A `VisionGPT` with fixed images: a map from ids to logits, as `generation` needs it.

    Args:
        model: the model.
        images: K images for each row of ids.
    """

    @checked
    def __init__(self, model: VisionGPT, images: Images):
        super().__init__()
        self.model, self.images = model, images
        self.training = model.training  # its own flag only: parts of the model may be in another mode

    @property
    def block_size(self) -> int:
        """Longest text in tokens, the block without the images."""
        return self.model.gpt.block_size - self.images.shape[1] * self.model.embedding.n_patch

    def new_cache(self) -> list[KVCache]:
        """Return an empty cache, as `GPT.new_cache`."""
        return self.model.gpt.new_cache()

    def forward(self, ids: Int[Tensor, "B T"], cache: list[KVCache] | None = None) -> Float[Tensor, "B T V"]:
        """Return the logits given the images; with a cache, the images are read once, with the first tokens."""
        _require_same_batch(self.images, ids)
        if cache and len(cache[0]):
            return self.model.gpt(ids, cache)
        return self.model.gpt(ids, cache, prefix=self.model.prefix(self.images))


def _require_same_batch(images: Tensor, ids: Tensor) -> None:
    if len(images) != len(ids):
        raise ValueError(f"each text needs its images: got {len(images)} rows of images and {len(ids)} of text")
