"""Every field of every configuration refuses a value that it cannot have, by its own name and with the value.

The fields come from the classes, so a new one is covered at once. What two fields must have in common is tested with
the part of the package that needs it.
"""

import json
import math
from dataclasses import FrozenInstanceError, asdict, fields
from typing import get_args, get_type_hints

import pytest

from lecture21 import GPTConfig
from lecture21.accounting import Grouped, Latent, Shape
from lecture21.alignment import PolicyConfig
from lecture21.baselines import RNNConfig
from lecture21.data.in_context import LinearRule, SymbolMapping
from lecture21.data.retrieval import Haystack
from lecture21.moe import MoEConfig
from lecture21.training import TrainConfig
from lecture21.transformer import TransformerConfig
from lecture21.vision.sums import PairSplit

EXPERTS = {"n_expert": 4, "top_k": 2, "d_expert": 3, "d_ff": 3, "first_dense": 1}
COMPLETE = {  # the fields without a default
    Grouped: {"n_head": 4, "n_kv_head": 2, "d_head": 2},
    Latent: dict.fromkeys(("n_head", "q_rank", "kv_rank", "d_plain", "d_rotary", "d_value"), 2),
    Shape: {"vocab_size": 9, "d_model": 4, "n_layer": 2, "attention": Grouped(2, 1, 2), **EXPERTS},
    PairSplit: {"kind": "block", "seed": 0},
}
CLASSES = (GPTConfig, MoEConfig, RNNConfig, TransformerConfig, TrainConfig, PolicyConfig)
CLASSES += (Haystack, SymbolMapping, LinearRule, *COMPLETE)
WRONG = {
    int: (-1, 1.5, True, "3"),
    float: (-1.0, math.nan, math.inf, "0.1"),
    bool: (1, "true"),
    str: ("nonsense", 1),
}
MAY_BE_0 = {"steps", "warmup", "seed", "pad", "n_shared", "first_dense", "positions", "relative_buckets"}
MAY_BE_0 |= {"n_encoder_layer"}
# A device is looked up where it is used, such a clip clips nothing, and no experts are a dense model.
FREE = {(TrainConfig, "device"), (TrainConfig, "clip", math.inf), (Shape, "n_expert", 0)}


def refused() -> list[tuple[type, str, object]]:
    """Return each field of each class with each value that it must refuse."""
    cases = []
    for config in CLASSES:
        hints = get_type_hints(config)
        for field in fields(config):
            kinds = {kind for kind in (hints[field.name], *get_args(hints[field.name])) if kind in WRONG}
            for kind in kinds - ({int} if float in kinds else set()):
                zero = (0,) if kind is int and field.name not in MAY_BE_0 else ()
                cases += [(config, field.name, value) for value in (*WRONG[kind], *zero)]
    return [case for case in cases if case not in FREE and case[:2] not in FREE]


@pytest.mark.parametrize("config", CLASSES)
@pytest.mark.usefixtures("untyped")
def test_a_field_refuses_what_it_cannot_be_by_name(config):
    config(**COMPLETE.get(config, {}))
    cases = [(name, value) for kind, name, value in refused() if kind is config]
    assert len(cases) > len(fields(config))
    for name, value in cases:
        with pytest.raises(ValueError, match=name) as error:
            config(**{**COMPLETE.get(config, {}), name: value})
        assert str(value) in str(error.value), name


@pytest.mark.parametrize("config", [GPTConfig(dropout=0.1), RNNConfig(kind="gru"), TransformerConfig(9)], ids=type)
def test_a_model_s_configuration_is_frozen_and_survives_json(config):
    with pytest.raises(FrozenInstanceError):
        config.d_model = 2
    assert type(config).from_dict(json.loads(json.dumps(asdict(config)))) == config
    with pytest.raises(ValueError, match=r"here has unknown fields layers; known are (source_)?vocab_size"):
        type(config).from_dict({"layers": 6}, source="here")
