"""The numbers of the lab on generation speed are those of its table."""

import pytest

from lecture21 import accounting, presets
from lecture21.course.chapters import results


@pytest.fixture
def speeds():
    return results.load("generation_speed").pivot(index="round", columns="way", values="ms_per_token")


def test_the_lab_on_generation_speed(said, speeds):
    on, middle = "generation_speed", speeds.median()
    said("GPT-2 small takes {:.0f} milliseconds to generate one token", middle["cache, float32"], on=on)
    said("It is only about {:.0f} times slower.", middle["whole context, float32"] / middle["cache, float32"], on=on)
    megabytes = 4 * accounting.parameters(presets.get("gpt2")).total / 1e6
    read = middle["read float32 weights"], 2 * middle["read bfloat16 weights"]  # the float32 weights, at either's speed
    said("read the float32 weights at {:.0f} gigabytes per second, and", megabytes / read[0], on=on)
    speed = megabytes / read[1]
    said(
        "half as many bytes from the same memory, at {:.0f}. So in float32 it was not at the limit itself.",
        speed,
        on=on,
    )
    said("At {:.0f}, the {:.0f} MB take {:.0f} milliseconds.", speed, megabytes, read[1], on=on)
    waits = middle["cache, float32"] / read[1], middle["cache, bfloat16"] / middle["read bfloat16 weights"]
    said("generation takes {:.1f} times as long in float32 and {:.1f} times in bfloat16.", *waits, on=on)
    said("Our generation becomes {:.1f} times faster,", middle["cache, float32"] / middle["cache, bfloat16"], on=on)
    slow = middle["cache, bfloat16, oneDNN"], middle["cache, bfloat16"]
    said("Switched on, it takes {:.0f} milliseconds instead of {:.0f}.", *slow, on=on)
    assert (speeds["transformers, float32"] < speeds["cache, float32"]).all()
    assert middle["transformers, bfloat16"] > middle["transformers, float32"]
