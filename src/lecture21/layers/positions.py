"""Position encodings: vectors that are added to the embeddings, or rotations of queries and keys.

Attention alone does not depend on order. Every encoding takes the range of positions, so that a model with a cache can
request the later ones only.
"""

from collections.abc import Callable
from typing import Annotated

import torch
from jaxtyping import Float
from torch import Tensor, nn

from lecture21._support.contract import Count, Positive, checked
from lecture21._support.validation import Rule, in_range, one_of

Even = Annotated[int, in_range(2, whole=True), Rule("even", lambda n, _: n % 2 == 0)]


@checked
def sinusoidal(n_position: Annotated[int, in_range(0, 2**24, "[]", whole=True)], d_model: Even) -> Float[Tensor, "T C"]:
    """Return the fixed position vectors of the 2017 transformer.

    Component 2i of position t is sin(t / 10000^(2i/C)), component 2i+1 the cosine of the same angle. Each pair rotates
    at its own frequency, so that the vector of t + s is a rotation of the vector of t that depends on s alone.

    Args:
        n_position: number of positions T.
        d_model: width C, even.

    Source: slide 36; Vaswani et al. 2017, section 3.5.
    """
    # In float64: at position 10,000 a float32 angle is off by up to 0.0005.
    position = torch.arange(n_position, dtype=torch.float64)[:, None]
    frequency = 10000.0 ** (-torch.arange(0, d_model, 2, dtype=torch.float64) / d_model)
    angle = position * frequency  # (T, C/2)
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).to(torch.get_default_dtype())


def _check_range(start: int, stop: int, block_size: int) -> None:
    if not 0 <= start <= stop <= block_size:
        raise ValueError(f"positions {start}..{stop} are outside 0..{block_size}, the model's block size")


class LearnedPositions(nn.Module):
    """One learned vector for each position of the block, as in GPT (slides 19 and 36)."""

    @checked
    def __init__(self, block_size: Count, d_model: Count):
        super().__init__()
        self.table = nn.Embedding(block_size, d_model)

    def forward(self, start: int, stop: int) -> Float[Tensor, "T C"]:
        """Return the vectors of positions start, ..., stop - 1."""
        _check_range(start, stop, self.table.num_embeddings)
        return self.table.weight[start:stop]


class _SinusoidalPositions(nn.Module):
    """The fixed vectors of `sinusoidal`, without parameters."""

    table: Tensor

    def __init__(self, block_size: int, d_model: int):
        super().__init__()
        # Not persistent: the table follows from its two sizes, so that checkpoints do not hold it.
        self.register_buffer("table", sinusoidal(block_size, d_model), persistent=False)

    def forward(self, start: int, stop: int) -> Float[Tensor, "T C"]:
        """Return the vectors of positions start, ..., stop - 1."""
        _check_range(start, stop, len(self.table))
        return self.table[start:stop]


class _NoPositions(nn.Module):
    """No added vectors: order comes from `Rotary`, or from the causal mask alone (slide 19, "this is unnecessary")."""

    def __init__(self, block_size: int, d_model: int):
        super().__init__()
        self.block_size, self.d_model = block_size, d_model

    def forward(self, start: int, stop: int) -> float:
        """Return 0.0, which leaves the embeddings unchanged."""
        _check_range(start, stop, self.block_size)
        return 0.0


POSITIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "learned": LearnedPositions,
    "sinusoidal": _SinusoidalPositions,
    "rotary": _NoPositions,
    "none": _NoPositions,
}
"""The position encodings by name, and what each adds to the embeddings."""


def _interpolated(frequency: Float[Tensor, " P"], factor: float) -> Float[Tensor, " P"]:
    """Divide all frequencies by `factor`, so that `factor` times as many positions span the same angles.

    Source: Chen et al. 2023, "position interpolation", equation 4.
    """
    return frequency / factor


def _ntk(frequency: Float[Tensor, " P"], factor: float) -> Float[Tensor, " P"]:
    """Leave the highest frequency unchanged, divide the lowest by `factor`, and interpolate geometrically between them.

    So neighboring positions stay apart and only distant ones are compressed. This is plain rotary with its base
    multiplied by factor^(D/(D-2)), where D = 2 P is the width of a head.

    Source: the "NTK-aware" scaling as in Peng et al. 2024 (YaRN), section 3.1.
    """
    steps = torch.arange(len(frequency), dtype=frequency.dtype) / max(len(frequency) - 1, 1)
    return frequency * factor**-steps


SCALINGS: dict[str, Callable[[Tensor, float], Tensor]] = {"interpolation": _interpolated, "ntk": _ntk}
"""How rotary positions are scaled to contexts longer than those of training."""


class Rotary(nn.Module):
    """Rotate queries and keys by an angle proportional to their position, so that q . k depends on their distance.

    Components i and i + D/2 of a head form a plane, which is rotated by t / base^(2i/D) at position t: the frequencies
    of `sinusoidal`, in the order of planes of Llama's weights.

    Args:
        block_size: number of positions.
        d_head: width D of a head, even.
        base: base of the frequencies; a larger base rotates the last plane more slowly.
        scaling: a key of `SCALINGS`.
        factor: ratio of the longest context to that of training; at 1 nothing changes.

    Source: Su et al. 2021, section 3.2.2.
    """

    cos: Tensor
    sin: Tensor

    @checked
    def __init__(
        self,
        block_size: Count,
        d_head: Even,
        base: Positive = 10000.0,
        *,
        scaling: Annotated[str, one_of(SCALINGS)] = "interpolation",
        factor: Annotated[int | float, in_range(1)] = 1.0,
    ):
        super().__init__()
        frequency = base ** (-torch.arange(0, d_head, 2, dtype=torch.float64) / d_head)
        frequency = SCALINGS[scaling](frequency, factor)
        angle = torch.arange(block_size, dtype=torch.float64)[:, None] * frequency  # (T, D/2)
        # Both halves of a head, with the sign of the sine, so that a rotation is two products and one sum.
        for name, table in (("cos", [angle.cos(), angle.cos()]), ("sin", [-angle.sin(), angle.sin()])):
            table = torch.cat(table, dim=-1)  # (T, D)
            self.register_buffer(name, table.to(torch.get_default_dtype()), persistent=False)

    def forward(self, x: Float[Tensor, "B H T D"], start: int = 0) -> Float[Tensor, "B H T D"]:
        """Rotate vectors at positions start, start + 1, ..."""
        stop = start + x.shape[-2]
        _check_range(start, stop, len(self.cos))
        first, second = x.chunk(2, dim=-1)  # (B, H, T, D/2)
        return x * self.cos[start:stop] + torch.cat([second, first], dim=-1) * self.sin[start:stop]
