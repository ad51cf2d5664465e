"""The parts of a transformer: multi-head attention with its cache, positions, the feed-forward network, and the block.

Experts are in `lecture21.moe`, and whole models in `gpt`, `transformer` and `vision`.
"""

from lecture21.layers.blocks import Block
from lecture21.layers.cache import KVCache
from lecture21.layers.feed_forward import FeedForward
from lecture21.layers.heads import MultiHeadAttention
from lecture21.layers.influence import influence_by_distance
from lecture21.layers.maps import attention_maps, attention_weights
