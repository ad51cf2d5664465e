"""The small GPT that reads drawn digits in the figure of patches, and how it was trained."""

import base64
import itertools
import math
import re
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lecture21.gpt import GPT
from lecture21.gpt.config import GPTConfig
from lecture21.objectives import IGNORE, pad_batch
from lecture21.tokenizers import CharTokenizer
from lecture21.training import TrainConfig
from lecture21.training.tasks import minimize
from lecture21.vision import PatchEmbedding, VisionGPT, digits

PATH = Path(__file__).with_name("weights.js")
_HELD_OUT = 300  # images at the end
_FINE = 32  # points along each side of the paper before the ink in each pixel is counted
_INK = 310  # of these points, about as many as in the data set's images
_DRAWN = 30  # drawings of each form
# Forms that many hands write and the data set hardly has: all its sevens have a bar, few of its ones stand on a line.
# Of each stroke, the places of the pen, x and y from 0 to 9.
_FORMS = [
    (1, "32 50 59,29 79"),
    (1, "50 59,28 79"),
    (4, "20 15 85,80 89"),
    (4, "30 25 85,70 69"),
    (6, "70 41 14 17 49 69 86 65 35 16"),
    (7, "11 81 49"),
    (7, "11 71 69"),
    (7, "13 11 81 49"),
    (7, "11 51 81 64 46 49"),
    (9, "80 50 22 24 46 65 80 89"),
]
_LARGEST = 127  # a weight is stored as a whole number of steps, from -127 to 127, of a size that its matrix has
_WIDEST = 120  # characters of a line
_ENTRY = re.compile(r'^  "?([\w.]+)"?: \[\s*([\d.e-]+),\s*"([\w+/=]+)",?\s*\],$', re.MULTILINE)
_LETTERS = CharTokenizer.from_text("\n" + "".join(digits.NAMES))
_ROWS = [_LETTERS.encode(f"\n{name}\n", strict=True) for name in digits.NAMES]
_TEXTS = pad_batch(_ROWS, 0)
_INPUTS, _ENDS = _TEXTS[:, :-1], torch.tensor([len(row) - 1 for row in _ROWS])
_TARGETS = _TEXTS[:, 1:].masked_fill(torch.arange(_INPUTS.shape[1]) >= _ENDS[:, None], IGNORE)
_TRAINING = TrainConfig(steps=12000, batch_size=64, learning_rate=4e-3, warmup=100, schedule="cosine", weight_decay=0.1)


def data() -> tuple[Tensor, Tensor]:
    """Return all images as (n, 8, 8) counts of ink from 0 to 1, and their labels (n,)."""
    images, labels = digits.load()
    return (images + 1) / 2, labels


def drawings(seed: int = 0) -> tuple[Tensor, Tensor]:
    """Return drawings of forms that the data set lacks, (n, 8, 8) counts of ink from 0 to 1, and their labels (n,)."""
    generator = torch.Generator().manual_seed(seed)
    middle = torch.arange(_FINE) + 0.5
    points = torch.cartesian_prod(middle, middle).flip(1)  # (32 * 32, 2): x and y
    parts = torch.linspace(0, 1, 20)[:, None]
    images, labels = [], []
    for digit, form in _FORMS:
        strokes = [torch.tensor([[int(x), int(y)] for x, y in stroke.split()]) for stroke in form.split(",")]
        for _ in range(_DRAWN):
            shaky = [4 + 2.7 * (stroke + 0.5 * torch.randn(stroke.shape, generator=generator)) for stroke in strokes]
            lines = [a + parts * (b - a) for stroke in shaky for a, b in itertools.pairwise(stroke)]
            distance = torch.cdist(points, torch.cat(lines)).amin(1)
            ink = (distance <= distance.sort().values[_INK]).float().view(1, _FINE, _FINE)
            images.append(F.avg_pool2d(ink, _FINE // 8))
            labels.append(digit)
    return torch.cat(images), torch.tensor(labels)


def varied(images: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Return images of (n, 8, 8) turned, slanted, smaller, moved and with other strokes, fit to the paper again.

    That is what the page does with a drawing: any hand, of any size in any place, fills the height of the image.
    """

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(len(images), generator=generator)

    def moved(ink: Tensor, rows: list[Tensor]) -> Tensor:
        grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), [len(ink), 1, _FINE, _FINE], align_corners=False)
        return F.grid_sample(ink, grid, align_corners=False)

    angle, slant, wide = math.radians(12) * uniform(-1, 1), uniform(-0.3, 0.3), uniform(0.8, 1.2)
    none = torch.zeros(len(images))
    turn = [1.3 * wide * angle.cos(), 1.3 * (slant - angle.sin()), none, 1.3 * angle.sin(), 1.3 * angle.cos(), none]
    ink = moved(F.interpolate(images[:, None], size=(_FINE, _FINE), mode="bicubic"), turn)
    drawn = ink > uniform(0.25, 0.55)[:, None, None, None]

    def ends(axis: int) -> tuple[Tensor, Tensor]:
        """Return the middle and half the length of what is drawn, where half a side of the paper is 1."""
        line = drawn.any(axis)[:, 0].float()
        first, last = line.argmax(1), _FINE - line.flip(1).argmax(1)
        return (first + last) / _FINE - 1, (last - first) / _FINE

    (across, half_width), (down, half_height) = ends(2), ends(3)
    tall = half_height * uniform(0.95, 1.1)
    broad = torch.maximum(tall, half_width / uniform(0.65, 0.85))
    across, down = across + broad * uniform(-0.12, 0.12), down + tall * uniform(-0.06, 0.06)
    fit_again = [broad, none, across, none, tall, down]
    return F.avg_pool2d(moved(drawn.float(), fit_again), _FINE // 8)[:, 0]


def network(seed: int = 0) -> VisionGPT:
    """Return the model before training."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        embedding = PatchEmbedding((8, 8), 2, 32)
        shape = {"n_layer": 2, "n_head": 4, "d_model": 32, "d_ff": 96, "norm": "rmsnorm", "bias": False}
        block_size = embedding.n_patch + _INPUTS.shape[1]
        return VisionGPT(embedding, GPT(GPTConfig(vocab_size=_LETTERS.vocab_size, block_size=block_size, **shape)))


def fit(config: TrainConfig = _TRAINING) -> VisionGPT:
    """Return a model that is trained on all images but the last 300, and on the drawings."""
    images, labels = (torch.cat([part[:-_HELD_OUT], more]) for part, more in zip(data(), drawings(), strict=True))
    model = network(config.seed)

    def loss(generator: torch.Generator) -> Tensor:
        rows = torch.randint(len(images), (config.batch_size,), generator=generator)
        named = labels[rows]
        return model.loss(varied(images[rows], generator)[:, None], _INPUTS[named], _TARGETS[named])

    minimize(model, loss, config)
    return model.eval()


@torch.no_grad()
def probabilities(model: VisionGPT, images: Tensor) -> Tensor:
    """Return the probability of each name, (n, 10), given images of (n, 8, 8)."""
    found = []
    for ids, targets, end in zip(_INPUTS, _TARGETS, _ENDS, strict=True):
        each = model(images[:, None], ids[:end].expand(len(images), -1)).log_softmax(-1)  # (n, T, V)
        found.append(each.gather(2, targets[:end].expand(len(images), -1)[..., None]).sum((1, 2)))
    return torch.stack(found, 1).exp()


def accuracy(model: VisionGPT) -> float:
    """Return the share of the images held out that a model reads right."""
    images, labels = (part[-_HELD_OUT:] for part in data())
    return (probabilities(model, images).argmax(-1) == labels).float().mean().item()


def _named(model: VisionGPT) -> dict[str, nn.Parameter]:
    """Return the weights by the names that the script of the figure has for them."""
    gpt, projection = model.gpt, model.embedding.projection
    found = {"patch": projection.weight, "patch_bias": projection.bias, "token": gpt.token.weight}
    found |= {"position": gpt.position.table.weight, "norm": gpt.norm.weight, "head": gpt.head.weight}
    for i, block in enumerate(gpt.blocks):
        layer, hidden = block.attention, block.feed_forward
        parts = {"query": layer.query, "key": layer.key, "value": layer.value, "output": layer.output}
        parts |= {"up": hidden.up, "down": hidden.down}
        parts |= {"norm_attention": block.norm_attention, "norm_feed_forward": block.norm_feed_forward}
        found |= {f"{i}.{name}": part.weight for name, part in parts.items()}
    return found


def read() -> VisionGPT:
    """Return the model whose weights are in the script of the figure. Another processor trains another one."""
    model = network()
    stored = {name: entry for name, *entry in _ENTRY.findall(PATH.read_text(encoding="utf-8"))}
    with torch.no_grad():
        for name, weight in _named(model).items():
            scale, text = stored.pop(name)
            steps = torch.frombuffer(bytearray(base64.b64decode(text)), dtype=torch.int8)
            weight.copy_(steps.view_as(weight) * float(scale))
    if stored:
        raise ValueError(f"{PATH.name} has weights that the model lacks: {', '.join(stored)}")
    return model.eval()


def write(model: VisionGPT) -> None:
    """Put the weights of a model into the script of the figure, rounded."""
    lines = [
        "// The weights of the GPT in reader.js, written by reader.py: the size of a step, and steps as signed bytes."
    ]
    lines += ["", "/** @type {Record<string, [number, string]>} */", "export const WEIGHTS = {"]
    for name, weight in _named(model).items():
        scale = float(f"{weight.abs().max().item() / _LARGEST:.6g}")
        steps = (weight / scale).round().clamp(-_LARGEST, _LARGEST).to(torch.int8)
        text = base64.b64encode(steps.contiguous().numpy().tobytes()).decode()
        key = name if name.isidentifier() else f'"{name}"'
        one_line = f'  {key}: [{scale}, "{text}"],'
        several = [f"  {key}: [", f"    {scale},", f'    "{text}",', "  ],"]  # as prettier breaks a long one
        lines += [one_line] if len(one_line) <= _WIDEST else several
    PATH.write_text("\n".join([*lines, "};", ""]), encoding="utf-8")


if __name__ == "__main__":  # python -m lecture21.course.live.patches.reader
    trained = fit()
    write(trained)
    print(f"{accuracy(read()):.3f} of the images held out are read right")
