"""The models of the slides by name, as data."""

from lecture21._support.contract import checked
from lecture21.gpt.config import GPTConfig
from lecture21.moe import MoEConfig

# What GPT-1 to GPT-3 share: biases everywhere, the tanh form of gelu, a tied head. The dropout is that of GPT-1's paper
# and of GPT-2's published configuration.
_OPENAI = {"activation": "gelu_tanh", "qkv_bias": True, "tied_head": True, "dropout": 0.1}
# Radford et al. 2019, section 2.3 and table 2. Heads are in the released hyper-parameters, not in the paper.
_GPT2 = {**_OPENAI, "vocab_size": 50257, "block_size": 1024, "initialization": "gpt2"}
# Brown et al. 2020, section 2.1 and table 2.1. Their alternating dense and banded attention is not
# implemented: it changes the mask, and no parameter. The paper gives no dropout.
_GPT3 = {**_GPT2, "block_size": 2048, "dropout": 0.0}
# To reach balance within some hundred steps: ten times the bias rate of DeepSeek-V3, which had many thousand.
_BALANCED = {"balance": "aux", "aux_weight": 0.01, "bias_rate": 0.01}

# What small models gained since 2020. Rotary positions, QK-norm and the initialization lower the loss at this size;
# RMSNorm and the logit cap do not, and are those of larger models. Squared ReLU is 0.016 nats worse than GELU
# (benchmarks/c10_modern_ablation.py): it stays because models that ship have it, and a page can train no GELU.
# `training.recipe` has the settings of the training.
_MODERN = {
    "bias": False,
    "activation": "relu2",
    "norm": "rmsnorm",
    "qk_norm": True,
    "position": "rotary",
    "logit_cap": 15.0,
    "initialization": "zero",
}

_PRESETS: dict[str, GPTConfig] = {
    # Slide 24, left of the arrows. The shape is that of the notebook of Karpathy's lecture "Let's build GPT", which
    # prints 0.209729 M parameters.
    "gpt0": GPTConfig(),
    # GPT-0's shape, and that of nanoGPT's command for a CPU (github.com/karpathy/nanoGPT, README).
    "modern-gpt0": GPTConfig(**_MODERN),
    "modern": GPTConfig(**_MODERN, block_size=64, d_model=128),
    # A sixth of the parameters of nanoGPT's model for a GPU, with its window (config/train_shakespeare_char.py).
    "modern-laptop": GPTConfig(
        **(_MODERN | {"activation": "gelu"}),
        block_size=256,
        n_head=6,
        d_model=192,
        dropout=0.15,
        attention_dropout=0.0,
    ),
    # GPT-0 with experts of three sizes. In each, the experts of a token have the joint width 256 of gpt0, and all
    # experts the joint width 1,024 of gpt0-wide: dense twins of equal active and of equal total size, up to the
    # routers and a few biases. moe-switch follows Fedus et al. 2022, moe Jiang et al. 2024 (Mixtral), and
    # moe-fine the finer experts of Dai et al. 2024 (DeepSeek), all in shape alone.
    "gpt0-wide": GPTConfig(d_ff=1024),
    "moe-switch": GPTConfig(d_ff=256, moe=MoEConfig(n_expert=4, top_k=1, **_BALANCED)),
    "moe": GPTConfig(d_ff=128, moe=MoEConfig(n_expert=8, top_k=2, **_BALANCED)),
    "moe-fine": GPTConfig(d_ff=32, moe=MoEConfig(n_expert=32, top_k=8, **_BALANCED)),
    # Radford et al. 2018, section 4.1, and the released code (openai/finetune-transformer-lm): post-norm, no norm at
    # the end, 40,000 merges and 478 single symbols.
    "gpt1": GPTConfig(
        **_OPENAI,
        vocab_size=40478,
        block_size=512,
        n_layer=12,
        n_head=12,
        d_model=768,
        norm_position="post",
        final_norm=False,
        initialization="gpt1",
    ),
    "gpt2": GPTConfig(**_GPT2, n_layer=12, n_head=12, d_model=768),
    "gpt2-medium": GPTConfig(**_GPT2, n_layer=24, n_head=16, d_model=1024),
    "gpt2-large": GPTConfig(**_GPT2, n_layer=36, n_head=20, d_model=1280),
    "gpt2-xl": GPTConfig(**_GPT2, n_layer=48, n_head=25, d_model=1600),
    "gpt3-small": GPTConfig(**_GPT3, n_layer=12, n_head=12, d_model=768),
    "gpt3-medium": GPTConfig(**_GPT3, n_layer=24, n_head=16, d_model=1024),
    "gpt3-large": GPTConfig(**_GPT3, n_layer=24, n_head=16, d_model=1536),
    # The table has 24 heads of width 128, which is 3,072 and not the 2,048 that it also gives. With 16 heads the
    # count is 1.3 B, as the table says; with 24 it would be 1.5 B.
    "gpt3-xl": GPTConfig(**_GPT3, n_layer=24, n_head=16, d_model=2048),
    "gpt3-2.7b": GPTConfig(**_GPT3, n_layer=32, n_head=32, d_model=2560),
    "gpt3-6.7b": GPTConfig(**_GPT3, n_layer=32, n_head=32, d_model=4096),
    # The table's d_model is 5,140, which 40 heads do not divide; their width is given as 128, so that the
    # heads have the joint width 5,120 and the output projection 5,140.
    "gpt3-13b": GPTConfig(**_GPT3, n_layer=40, n_head=40, d_head=128, d_model=5140),
    "gpt3": GPTConfig(**_GPT3, n_layer=96, n_head=96, d_model=12288),
}


def names() -> tuple[str, ...]:
    """Return the names of all presets."""
    return tuple(_PRESETS)


@checked
def get(name: str, /, **changes: object) -> GPTConfig:
    """Return a preset, with some of its fields changed.

    Args:
        name: one of `names()`.
        changes: fields of `GPTConfig`.
    """
    if name not in _PRESETS:
        raise ValueError(f"unknown preset {name!r}; choose from {', '.join(names())}")
    return _PRESETS[name].changed(**changes)
