"""The shape of an encoder-decoder as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

from lecture21._support.contract import Count, Natural, Rate, checked
from lecture21._support.validation import from_dict, one_of, require_heads
from lecture21.gpt.config import CHOICES, Depth


@checked
@dataclass(frozen=True)
class TransformerConfig:
    """The shape of an encoder-decoder, checked when it is constructed; the defaults are the paper's at a small size.

    Source: Vaswani et al. 2017, section 3; the base model has 37000 tokens, 6 + 6 blocks, H = 8, C = 512.
    """

    source_vocab_size: Count = 65
    """Number of distinct tokens of the source."""
    target_vocab_size: Count | None = None
    """Number of distinct tokens V of the target; that of the source if not given."""
    block_size: Count = 32
    """Longest source, and longest target, in tokens."""
    n_encoder_layer: Depth = 2
    """Number of the encoder's blocks."""
    n_decoder_layer: Depth = 2
    """Number of the decoder's blocks."""
    n_head: Count = 4
    """Number of heads H in each attention; divides d_model."""
    d_model: Count = 64
    """Width C of the residual streams."""
    d_ff: Count | None = None
    """Width of the feed-forward layers; 4 C if not given."""
    activation: Annotated[str, one_of(CHOICES["activation"])] = "relu"
    """Nonlinearity of the feed-forward layers: relu, gelu, gelu_tanh, relu2 or swiglu."""
    norm: Annotated[str, one_of(CHOICES["norm"])] = "layernorm"
    """layernorm or rmsnorm."""
    norm_position: Annotated[str, one_of(CHOICES["norm_position"])] = "post"
    """post: a norm after each residual sum (2017); pre: a norm before each layer, and one at the end of each stack."""
    position: Annotated[str, one_of(CHOICES["position"])] = "sinusoidal"
    """Position encoding: sinusoidal (2017), learned, rotary or none."""
    attention_bias: bool = False
    """Whether the four maps of each attention have a bias; the paper's equations have none."""
    share_embeddings: bool = True
    """Whether source table, target table and output layer are one matrix (section 3.4). An untrained model then
    predicts its last input token."""
    pad: Natural = 0
    """The padding token: masked in sources and excluded from the loss."""
    dropout: Rate = 0.0
    """Probability of dropping an activation in training."""

    def __post_init__(self) -> None:
        """Derive the sizes that were not given, and check that the sizes are consistent."""
        for name, derived in (("target_vocab_size", self.source_vocab_size), ("d_ff", 4 * self.d_model)):
            if getattr(self, name) is None:
                object.__setattr__(self, name, derived)
        require_heads(self.d_model, self.n_head, self.n_head)
        if self.position == "sinusoidal" and self.d_model % 2:
            raise ValueError(f"sinusoidal positions need an even d_model, got {self.d_model}")
        if self.position == "rotary" and self.d_model // self.n_head % 2:
            raise ValueError(f"rotary positions need heads of even width, got {self.d_model // self.n_head}")
        vocabularies = (self.source_vocab_size, self.target_vocab_size)
        if self.share_embeddings and vocabularies[0] != vocabularies[1]:
            raise ValueError(f"share_embeddings needs one vocabulary for both sides, got sizes {vocabularies}")
        if self.pad >= min(vocabularies):
            raise ValueError(f"pad must be in both vocabularies, 0..{min(vocabularies) - 1}, got {self.pad}")

    @classmethod
    def from_dict(cls, values: Mapping[str, object], source: str = "the configuration") -> "TransformerConfig":
        """Build a configuration from parsed JSON; `source` is named when a field is unknown."""
        return from_dict(cls, values, source)
