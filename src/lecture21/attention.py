"""Attention in the order of the slides; the definitions are in `lecture21.layers.attention`."""

from lecture21.layers.attention import SelfAttention, attention, basic_self_attention, causal_mask, windowed_attention

__all__ = ["SelfAttention", "attention", "basic_self_attention", "causal_mask", "windowed_attention"]
