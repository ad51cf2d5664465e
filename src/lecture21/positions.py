"""Where a token stands: vectors that are added to the embeddings, since attention alone knows no order.

Both kinds answer the same call, `forward(start, stop)`, so that a model with a cache can ask for later positions only.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn


def sinusoidal(n_position: int, d_model: int) -> Float[Tensor, "T C"]:
    """Return the fixed position vectors of the 2017 transformer.

    Component 2i of position t is sin(t / 10000^(2i/C)), component 2i+1 the cosine of the same angle. Each pair turns
    at its own speed, so that the vector of t + s is a rotation of the vector of t that depends on s alone.

    Args:
        n_position: number of positions T.
        d_model: width C, even.

    Raises:
        ValueError: if the width is odd or the number of positions negative.

    Source: slide 36; Vaswani et al. 2017, section 3.5.
    """
    if d_model < 2 or d_model % 2:
        raise ValueError(f"sinusoidal positions need an even d_model >= 2, got {d_model}")
    if n_position < 0:
        raise ValueError(f"sinusoidal positions need n_position >= 0, got {n_position}")
    # float64 until the end: at position 10,000 a float32 angle is off by up to 0.0005.
    position = torch.arange(n_position, dtype=torch.float64)[:, None]
    speed = 10000.0 ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    angle = position * speed  # (T, C/2)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).to(torch.get_default_dtype())


def _check_range(start: int, stop: int, block_size: int) -> None:
    if not 0 <= start <= stop <= block_size:
        raise ValueError(f"positions {start}..{stop} are outside 0..{block_size}, the model's block size")


class LearnedPositions(nn.Module):
    """One trained vector for each position of the block (GPT's choice, slides 19 and 36)."""

    def __init__(self, block_size: int, d_model: int):
        super().__init__()
        self.table = nn.Embedding(block_size, d_model)

    def forward(self, start: int, stop: int) -> Float[Tensor, "T C"]:
        """Return the vectors of positions start, ..., stop - 1."""
        _check_range(start, stop, self.table.num_embeddings)
        return self.table.weight[start:stop]


class SinusoidalPositions(nn.Module):
    """The fixed vectors of `sinusoidal`, with nothing to train."""

    table: Tensor

    def __init__(self, block_size: int, d_model: int):
        super().__init__()
        # Not persistent: the table follows from its two sizes, so that a checkpoint need not hold it.
        self.register_buffer("table", sinusoidal(block_size, d_model), persistent=False)

    def forward(self, start: int, stop: int) -> Float[Tensor, "T C"]:
        """Return the vectors of positions start, ..., stop - 1."""
        _check_range(start, stop, len(self.table))
        return self.table[start:stop]


class NoPositions(nn.Module):
    """Nothing at all: what order remains comes from the causal mask alone (slide 19, "this is unnecessary")."""

    def __init__(self, block_size: int, d_model: int):
        super().__init__()
        self.block_size, self.d_model = block_size, d_model

    def forward(self, start: int, stop: int) -> float:
        """Return 0.0, which added to the embeddings changes nothing."""
        _check_range(start, stop, self.block_size)
        return 0.0
