"""Drawings of digits as many hands make them: forms of each digit, sizes, places, slants, an unsteady pen."""

import itertools
import math
import random

Place = tuple[float, float]

_STEP = 0.05  # between two places of the pen, where a form is 1 tall


def _arc(x: float, y: float, wide: float, tall: float, first: float, last: float) -> list[Place]:
    """Return places on an ellipse, clockwise from 0 degrees on its right."""
    angles = [math.radians(first + (last - first) * i / 18) for i in range(19)]
    return [(x + wide * math.cos(angle), y + tall * math.sin(angle)) for angle in angles]


_FORMS: dict[tuple[int, str], list[list[Place]]] = {
    (0, "round"): [_arc(0.5, 0.5, 0.36, 0.5, -90, 270)],
    (0, "narrow"): [_arc(0.5, 0.5, 0.24, 0.5, -90, 270)],
    (0, "open"): [_arc(0.5, 0.5, 0.36, 0.5, -60, 260)],
    (0, "a circle"): [_arc(0.5, 0.5, 0.48, 0.5, -100, 280)],
    (0, "drawn past its start"): [_arc(0.5, 0.5, 0.36, 0.5, -120, 300)],
    (1, "a stick"): [[(0.5, 0), (0.5, 1)]],
    (1, "with a flag"): [[(0.28, 0.25), (0.55, 0), (0.55, 1)]],
    (1, "with a serif"): [[(0.3, 0.22), (0.52, 0), (0.52, 1)], [(0.25, 1), (0.8, 1)]],
    (1, "a slanted stick"): [[(0.62, 0), (0.38, 1)]],
    (1, "with a long flag"): [[(0.2, 0.4), (0.6, 0), (0.6, 1)]],
    (1, "on a line"): [[(0.5, 0), (0.5, 1)], [(0.3, 1), (0.7, 1)]],
    (2, "plain"): [[*_arc(0.5, 0.27, 0.34, 0.27, -170, 40), (0.15, 1), (0.9, 1)]],
    (2, "a swan"): [[*_arc(0.48, 0.25, 0.3, 0.25, -160, 60), (0.3, 0.75), (0.12, 1), (0.5, 0.93), (0.9, 1)]],
    (2, "with a loop"): [
        [*_arc(0.5, 0.26, 0.32, 0.26, -160, 50), (0.35, 0.75), *_arc(0.26, 0.87, 0.12, 0.12, -60, -330), (0.9, 1)]
    ],
    (2, "angular"): [[(0.15, 0.05), (0.8, 0.05), (0.15, 0.95), (0.85, 0.95)]],
    (3, "round"): [[*_arc(0.46, 0.25, 0.32, 0.25, -160, 90), *_arc(0.46, 0.74, 0.38, 0.26, -90, 150)]],
    (3, "with a flat top"): [[(0.15, 0.02), (0.8, 0.02), (0.42, 0.42), *_arc(0.45, 0.7, 0.38, 0.3, -80, 150)]],
    (3, "open"): [[*_arc(0.4, 0.25, 0.4, 0.24, -130, 80), *_arc(0.4, 0.74, 0.42, 0.26, -80, 130)]],
    (3, "pinched"): [[*_arc(0.45, 0.26, 0.33, 0.26, -150, 80), (0.38, 0.5), *_arc(0.45, 0.75, 0.36, 0.25, -80, 160)]],
    (4, "open"): [[(0.3, 0), (0.12, 0.6), (0.88, 0.6)], [(0.68, 0.2), (0.68, 1)]],
    (4, "closed, in one stroke"): [[(0.66, 1), (0.66, 0), (0.1, 0.68), (0.92, 0.68)]],
    (4, "closed"): [[(0.6, 0), (0.08, 0.65), (0.92, 0.65)], [(0.64, 0), (0.64, 1)]],
    (4, "square"): [[(0.15, 0), (0.15, 0.5), (0.8, 0.5)], [(0.8, 0), (0.8, 1)]],
    (4, "lightning"): [[(0.4, 0), (0.1, 0.55), (0.9, 0.55)], [(0.6, 0.3), (0.5, 1)]],
    (5, "plain"): [[(0.82, 0), (0.25, 0), (0.2, 0.42), *_arc(0.46, 0.69, 0.36, 0.31, -130, 140)]],
    (5, "with a hat"): [
        [(0.25, 0.02), (0.2, 0.42), *_arc(0.46, 0.69, 0.37, 0.31, -130, 140)],
        [(0.25, 0.02), (0.85, 0.02)],
    ],
    (5, "an s"): [[(0.8, 0.03), (0.3, 0.05), (0.25, 0.4), (0.6, 0.45), *_arc(0.5, 0.72, 0.3, 0.28, -60, 150)]],
    (5, "angular"): [
        [(0.85, 0), (0.2, 0), (0.2, 0.42), (0.6, 0.42), (0.82, 0.6), (0.8, 0.85), (0.55, 1), (0.15, 0.97)]
    ],
    (6, "plain"): [[(0.7, 0), (0.4, 0.18), (0.2, 0.48), *_arc(0.5, 0.71, 0.32, 0.29, -170, 190)]],
    (6, "curled"): [[*_arc(0.62, 0.6, 0.46, 0.6, -95, -180), *_arc(0.5, 0.7, 0.33, 0.3, 180, -180)]],
    (6, "straight"): [[(0.55, 0), (0.2, 0.62), *_arc(0.48, 0.74, 0.3, 0.26, 190, -170)]],
    (6, "round"): [[*_arc(0.55, 0.5, 0.4, 0.5, -60, -200), *_arc(0.5, 0.72, 0.33, 0.28, 160, -170)]],
    (7, "plain"): [[(0.1, 0.02), (0.88, 0.02), (0.4, 1)]],
    (7, "with a bar"): [[(0.1, 0.02), (0.88, 0.02), (0.4, 1)], [(0.3, 0.5), (0.85, 0.5)]],
    (7, "with a serif"): [[(0.12, 0.18), (0.12, 0.02), (0.88, 0.02), (0.45, 1)]],
    (7, "curved"): [[(0.1, 0.05), (0.5, 0.02), (0.88, 0.02), (0.65, 0.35), (0.5, 0.7), (0.45, 1)]],
    (7, "slanted, with a bar"): [[(0.1, 0.06), (0.9, 0), (0.25, 1)], [(0.25, 0.55), (0.8, 0.45)]],
    (7, "upright"): [[(0.15, 0.02), (0.75, 0.02), (0.65, 1)]],
    (8, "in one stroke"): [[*_arc(0.5, 0.25, 0.28, 0.25, 90, -270), *_arc(0.5, 0.75, 0.36, 0.25, -90, 270)]],
    (8, "from an s"): [
        [*_arc(0.5, 0.24, 0.28, 0.24, -30, -240), (0.5, 0.5), *_arc(0.5, 0.75, 0.33, 0.25, -50, 210), (0.78, 0.15)]
    ],
    (8, "two circles"): [_arc(0.5, 0.25, 0.25, 0.25, -90, 270), _arc(0.5, 0.75, 0.32, 0.25, -90, 270)],
    (9, "with a stick"): [[*_arc(0.48, 0.3, 0.32, 0.3, -10, -370), (0.8, 0.3), (0.76, 1)]],
    (9, "curled"): [[*_arc(0.46, 0.28, 0.33, 0.28, 0, -360), (0.79, 0.6), *_arc(0.45, 0.7, 0.34, 0.3, 0, 130)]],
    (9, "slanted"): [[*_arc(0.5, 0.28, 0.32, 0.28, -10, -370), (0.8, 0.3), (0.45, 1)]],
    (9, "a g"): [
        [*_arc(0.46, 0.28, 0.32, 0.28, 20, -340), (0.8, 0.05), (0.8, 0.7), *_arc(0.5, 0.75, 0.3, 0.25, 0, 140)]
    ],
}

# Of each hand: x and y of the middle, the height, the slant, how wide, how unsteady, and degrees that the paper turns.
HANDS: dict[str, tuple[float, float, float, float, float, float, float]] = {
    "middle": (0.5, 0.5, 0.7, 0, 1, 0, 0),
    "small": (0.5, 0.5, 0.3, 0, 1, 0, 0),
    "large": (0.5, 0.5, 0.94, 0, 1, 0, 0),
    "in a corner": (0.24, 0.26, 0.4, 0, 1, 0, 0),
    "in another corner": (0.74, 0.76, 0.4, 0, 1, 0, 0),
    "small on the right": (0.8, 0.4, 0.25, 0.12, 0.9, 0.01, 0),
    "slanted": (0.5, 0.5, 0.7, 0.25, 1, 0.01, 0),
    "slanted to the left": (0.5, 0.5, 0.7, -0.18, 1, 0.01, 0),
    "wide": (0.5, 0.5, 0.6, 0, 1.35, 0.01, 0),
    "narrow": (0.5, 0.5, 0.75, 0.05, 0.65, 0.01, 0),
    "unsteady": (0.48, 0.52, 0.65, 0.05, 1, 0.035, 0),
    "turned": (0.52, 0.5, 0.65, 0, 1, 0.01, 10),
}


def drawings(size: int, seed: int = 0) -> list[tuple[int, str, str, list[list[int]]]]:
    """Return the digit, the form, the hand and the strokes of each drawing, on paper of `size` x `size` steps."""
    rng = random.Random(seed)
    found = []
    for ((digit, form), strokes), (hand, given) in itertools.product(_FORMS.items(), HANDS.items()):
        across, down, tall, slant, wide, wobble, degrees = given
        waves = [rng.uniform(0, 2 * math.pi) for _ in range(4)]
        turn = math.radians(degrees * rng.choice((-1, 1)))
        drawn: list[list[int]] = []
        for stroke in strokes:
            line: list[int] = []
            for x, y in _dense(stroke):
                right = x - 0.5 + wobble * (math.sin(9 * y + waves[0]) + math.sin(17 * y + waves[1]) / 2)
                below = y - 0.5 + wobble * (math.sin(9 * x + waves[2]) + math.sin(17 * x + waves[3]) / 2)
                right = right * wide - slant * below
                turned = (
                    across + tall * (right * math.cos(turn) - below * math.sin(turn)),
                    down + tall * (right * math.sin(turn) + below * math.cos(turn)),
                )
                line += [round(size * min(max(place, 0), 1)) for place in turned]
            drawn.append(line)
        found.append((digit, form, hand, drawn))
    return found


def _dense(stroke: list[Place]) -> list[Place]:
    """Return the places of a pen that moves along a stroke."""
    found = []
    for (x, y), (to_x, to_y) in itertools.pairwise(stroke):
        n = max(1, round(math.hypot(to_x - x, to_y - y) / _STEP))
        found += [(x + (to_x - x) * i / n, y + (to_y - y) * i / n) for i in range(n)]
    return [*found, stroke[-1]]
