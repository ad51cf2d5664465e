"""Whatever a command line or a JSON file may put into a field, the answer is a configuration or one clear sentence."""

import math
from dataclasses import fields

import pytest

from lecture21 import GPTConfig
from lecture21._support.validation import require_choice, require_number, require_switch, require_whole
from lecture21.baselines import RNNConfig
from lecture21.training import TrainConfig
from lecture21.transformer import TransformerConfig

CONFIGS = (GPTConfig, RNNConfig, TransformerConfig, TrainConfig)
ODD = (True, 1.5, "3", -1, 0, math.nan, math.inf, None, [], {}, ["relu"], (0.9, "b"), "nonsense")


def refusal_of(config: type, values: dict[str, object]) -> str:
    """Return the error of a configuration, and an empty string if there is none."""
    try:
        config(**values)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("value", ODD, ids=repr)
@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.usefixtures("untyped")
def test_a_field_takes_a_value_or_refuses_it_by_its_own_name(config, value):
    for field in fields(config):
        message = refusal_of(config, {field.name: value})
        assert not message or (field.name in message and "got" in message), field.name


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.usefixtures("untyped")
def test_no_field_takes_a_value_of_another_kind(config):
    """A device is looked up where it is used; every other field with a default takes values like it alone.

    (A mixture may be a mapping of the fields to change, and so of none.)
    """
    for field in fields(config):
        if field.name != "device":
            for value in ([], *([] if field.name == "moe" else [{}]), "nonsense", object()):
                with pytest.raises(ValueError, match=field.name):
                    config(**{field.name: value})


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (lambda x: require_whole("f", x), (1, 2**70), (0, True, 1.0, "1", None)),
        (lambda x: require_whole("f", x, least=0), (0,), (-1, False)),
        (lambda x: require_number("f", x, "in [0, 1)", lambda x: 0 <= x < 1), (0, 0.5), (1, math.nan, False, "0")),
        (lambda x: require_switch("f", x), (True, False), (0, 1, None, "true")),
        (lambda x: require_choice("f", x, {"a": 1, "b": 2}), ("a",), ("c", None, ["a"], 0)),
    ],
    ids=["whole", "whole from 0", "number", "switch", "choice"],
)
def test_each_check_lets_through_what_it_says(check, good, bad, untyped):
    for value in good:
        check(value)
    for value in bad:
        with pytest.raises(ValueError, match=r"^f must be "):
            check(value)


@pytest.mark.parametrize("field", ["norm_eps", "rotary_base", "rotary_factor", "logit_cap"])
@pytest.mark.usefixtures("untyped")
def test_a_whole_number_beyond_any_float_is_refused(field):
    with pytest.raises(ValueError, match=f"{field} must be .*, got 1000"):
        GPTConfig(**{field: 10**400})
