"""Patch embedding: an image is cut into squares, and each square is mapped to a vector of the model's width."""

from jaxtyping import Float
from torch import Tensor, nn

from lecture21._support.contract import Count, checked
from lecture21.layers.positions import LearnedPositions

Images = Float[Tensor, "B H W"] | Float[Tensor, "B Ch H W"]


def _require_tiling(height: int, width: int, patch_size: int) -> None:
    if not height or not width or height % patch_size or width % patch_size:
        raise ValueError(
            f"patches must tile the image: sides of {height} x {width} are not multiples of patch_size={patch_size}"
        )


@checked
def patches(images: Images, patch_size: Count) -> Float[Tensor, "B P N"]:
    """Cut images into squares that do not overlap, and flatten each.

    Args:
        images: a batch of images, with channels or, for gray images, without.
        patch_size: side of a patch in pixels; it divides both sides of the image.

    Returns:
        The P = H W / patch_size^2 patches of each image in reading order, N = Ch patch_size^2 numbers each, channel by
        channel, row by row: the order of the weights of `nn.Conv2d`.

    Source: Dosovitskiy et al. 2021, section 3.1.
    """
    x = images if images.dim() == 4 else images[:, None]  # (B, Ch, H, W)
    height, width = x.shape[-2:]
    _require_tiling(height, width, patch_size)
    x = x.unflatten(-1, (width // patch_size, patch_size))  # (B, Ch, H, columns, patch_size)
    x = x.unflatten(-3, (height // patch_size, patch_size))  # (B, Ch, rows, patch_size, columns, patch_size)
    return x.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)  # (B, P, N)


class PatchEmbedding(nn.Module):
    """One linear map from the numbers of a patch to the vector of a token; equivalent to a strided convolution.

    Args:
        image_size: height and width of the images in pixels.
        patch_size: side of a patch; it divides both.
        d_model: width C of the tokens.
        channels: numbers per pixel.
        positions: whether a learned vector is added for each position in the image; not needed for a GPT with its own
            positions.

    Source: Dosovitskiy et al. 2021, section 3.1, equation 1, without the class token.
    """

    @checked
    def __init__(
        self,
        image_size: tuple[Count, Count],
        patch_size: Count,
        d_model: Count,
        *,
        channels: Count = 1,
        positions: bool = False,
    ):
        super().__init__()
        height, width = image_size
        _require_tiling(height, width, patch_size)
        self.image_size, self.patch_size, self.channels = tuple(image_size), patch_size, channels
        self.projection = nn.Linear(channels * patch_size**2, d_model)
        self.position = LearnedPositions(self.n_patch, d_model) if positions else None

    @property
    def n_patch(self) -> int:
        """Number of tokens P of an image."""
        height, width = self.image_size
        return height * width // self.patch_size**2

    @property
    def d_model(self) -> int:
        """Width C of the tokens."""
        return self.projection.out_features

    def forward(self, images: Images) -> Float[Tensor, "B P C"]:
        """Return the tokens of each image, in reading order."""
        cut = patches(images, self.patch_size)
        channels = images.shape[1] if images.dim() == 4 else 1
        if (channels, *images.shape[-2:]) != (self.channels, *self.image_size):
            raise ValueError(
                f"images must have {self.channels} channels of {self.image_size[0]} x {self.image_size[1]} pixels, "
                f"got {channels} of {images.shape[-2]} x {images.shape[-1]}"
            )
        x = self.projection(cut)
        return x if self.position is None else x + self.position(0, self.n_patch)
