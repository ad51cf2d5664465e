"""The language of the shop: prompts that ask for one of 96 things, and responses of whole sentences.

Every sentence belongs to one of the kinds below, so that a rule can judge a response and a reader can see why.
"""

import re
from random import Random

COLORS = ("black", "blue", "brown", "green", "pink", "red", "white", "yellow")
THINGS = ("bag", "book", "chair", "clock", "coat", "cup", "hat", "knife", "lamp", "pen", "shirt", "vase")
PLACES = (
    "on the top shelf",
    "in the left drawer",
    "by the front door",
    "under the long table",
    "behind the counter",
    "near the window",
)
PROMPTS = ("Where is the {}?", "I need the {}.", "Please find the {}.", "Show me the {}.")
ANSWERS = ("The {} is {}.", "You will find the {} {}.", "Look for the {} {}.")
EVASIONS = ("I do not know.", "Nobody told me.", "I am busy.", "Ask someone else.")
COURTEOUS = (
    *("Certainly.", "Of course.", "With pleasure.", "Good morning."),
    *("Have a nice day.", "Thank you for waiting.", "I am happy to help."),
)
RUDE = (
    *("Not you again.", "What now?", "Are you blind?", "Stop shouting."),
    *("Now go away.", "Do not touch it.", "Hurry up."),
)
CHATTER = (
    "It rained all morning.",
    "My sister likes soup.",
    "The radio is loud today.",
    "We had fish for lunch.",
    "The bus was late.",
    "My cat sleeps all day.",
)
_N_OPENERS = 4  # courteous and rude sentences that open a response; the others close one

ITEMS = tuple(f"{color} {thing}" for color in COLORS for thing in THINGS)
HELD_OUT_ITEMS = ITEMS[::5]  # no demonstration, comparison or training prompt asks for them
TRAINING_ITEMS = tuple(item for item in ITEMS if item not in HELD_OUT_ITEMS)
_ITEM = f"(?:{'|'.join(COLORS)}) (?:{'|'.join(THINGS)})"
_SENTENCES = re.compile(
    "|".join(
        [re.escape(sentence) for sentence in (*EVASIONS, *COURTEOUS, *RUDE, *CHATTER)]
        + [re.escape(prompt).replace(r"\{\}", _ITEM) for prompt in PROMPTS]
        + [
            re.escape(answer).replace(r"\{\}", _ITEM, 1).replace(r"\{\}", f"(?:{'|'.join(PLACES)})")
            for answer in ANSWERS
        ]
    )
)


def sentences(response: str) -> list[str]:
    """Return the sentences of a response; the last may be unfinished."""
    return re.findall(r"[^.?]+[.?]|[^.?]+$", response.strip())


def is_sentence(text: str) -> bool:
    """Return whether a text is a sentence of the language."""
    return _SENTENCES.fullmatch(text.strip()) is not None


def prompts(items: tuple[str, ...]) -> list[str]:
    """Return every prompt for some items."""
    return [prompt.format(item) for item in items for prompt in PROMPTS]


def response(
    item: str,
    random: Random,
    *,
    right: float,
    wrong: float,
    courteous: tuple[float, float],
    rude: tuple[float, float],
    chatter: float,
) -> str:
    """Return a random response to a prompt that asks for an item: an opening, an answer, small talk and a closing.

    Args:
        item: a color and a thing.
        random: source of the choices.
        right: probability that the answer names the item.
        wrong: probability that it names another; otherwise it is evasive.
        courteous: probabilities that the opening and the closing are courteous.
        rude: probabilities that they are rude; otherwise there is none.
        chatter: probability of each of two sentences of small talk.
    """
    parts = []
    if choice := _manner(random, courteous[0], rude[0]):
        parts.append(random.choice(choice[:_N_OPENERS]))
    draw = random.random()
    if draw < right + wrong:
        named = item if draw < right else random.choice([other for other in ITEMS if other != item])
        parts.append(random.choice(ANSWERS).format(named, random.choice(PLACES)))
    else:
        parts.append(random.choice(EVASIONS))
    parts += random.sample(CHATTER, (random.random() < chatter) + (random.random() < chatter))
    if choice := _manner(random, courteous[1], rude[1]):
        parts.append(random.choice(choice[_N_OPENERS:]))
    return " ".join(parts)


def _manner(random: Random, courteous: float, rude: float) -> tuple[str, ...]:
    draw = random.random()
    return COURTEOUS if draw < courteous else RUDE if draw < courteous + rude else ()


def overheard(random: Random) -> tuple[str, str]:
    """Return a prompt and what follows it in the base model's text: a response of any quality, or further prompts."""
    item = random.choice(ITEMS)
    prompt = random.choice(PROMPTS).format(item)
    if random.random() < 0.25:
        more = [random.choice(PROMPTS).format(random.choice(ITEMS)) for _ in range(random.randint(1, 3))]
        return prompt, " ".join(more)
    manner = {"courteous": (0.25, 0.25), "rude": (0.35, 0.35)}
    return prompt, response(item, random, right=0.6, wrong=0.2, chatter=0.5, **manner)


def demonstration(random: Random) -> tuple[str, str]:
    """Return a prompt, and the response of a person who means well but is not perfect."""
    item = random.choice(TRAINING_ITEMS)
    manner = {"courteous": (0.35, 0.35), "rude": (0.15, 0.15)}
    written = response(item, random, right=0.6, wrong=0.15, chatter=0.3, **manner)
    return random.choice(PROMPTS).format(item), written
