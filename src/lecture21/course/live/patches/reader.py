"""The small network that reads drawn digits in the figure of patches, and how it was trained."""

import re
from pathlib import Path

import torch
from torch import nn

from lecture21.vision import digits

PATH = Path(__file__).with_name("reader.js")
HIDDEN = 48
_SCALE = 24  # a weight is stored as a whole number of 24ths, from -127 to 127 of them
_HELD_OUT = 300  # images at the end


def data() -> tuple[torch.Tensor, torch.Tensor]:
    """Return all images as (n, 64) counts of ink from 0 to 1, and their labels (n,)."""
    images, labels = digits.load()
    return (images.reshape(-1, 64) + 1) / 2, labels


def _varied(images: torch.Tensor) -> torch.Tensor:
    """Return images of (n, 64), moved by up to a pixel and with other strokes, as readers draw them."""
    if torch.rand(()) < 0.5:
        images = torch.roll(images.view(-1, 8, 8), torch.randint(-1, 2, (2,)).tolist(), (1, 2)).reshape(-1, 64)
    return (images > 0.25 + 0.4 * torch.rand(len(images), 1)).float() if torch.rand(()) < 0.5 else images


def _network() -> nn.Sequential:
    return nn.Sequential(nn.Linear(64, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10))


def fit(steps: int = 3000, seed: int = 0) -> nn.Sequential:
    """Return a network of (n, 64) -> (n, 10), trained on all images but the last 300, with its weights rounded."""
    torch.manual_seed(seed)
    images, labels = (part[:-_HELD_OUT] for part in data())
    net = _network()
    optimizer = torch.optim.AdamW(net.parameters(), 1e-2, weight_decay=0.1)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, steps)
    for _ in range(steps):
        batch = torch.randint(len(images), (256,))
        loss = nn.functional.cross_entropy(net(_varied(images[batch])), labels[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    with torch.no_grad():
        for each in net.parameters():
            each.copy_((each * _SCALE).round().clamp(-127, 127) / _SCALE)
    return net


def accuracy(net: nn.Module) -> float:
    """Return the share of the images held out that a network reads right."""
    images, labels = (part[-_HELD_OUT:] for part in data())
    return (net(images).argmax(-1) == labels).float().mean().item()


def read() -> nn.Sequential:
    """Return the network whose weights are in the script of the figure. Another processor trains another one."""
    net = _network()
    rows = re.findall(r'^  "([0-9a-f]+)",$', PATH.read_text(encoding="utf-8"), re.MULTILINE)
    with torch.no_grad():
        for layer, part in ((net[0], rows[:HIDDEN]), (net[2], rows[HIDDEN:])):
            weights = (torch.tensor([list(bytes.fromhex(row)) for row in part]) - 128) / _SCALE
            layer.weight.copy_(weights[:, :-1])
            layer.bias.copy_(weights[:, -1])
    return net


def write(net: nn.Sequential) -> None:
    """Put the weights of a network into the script of the figure."""
    parts = [torch.cat([each.weight, each.bias[:, None]], 1) for each in (net[0], net[2])]
    rows = ["".join(f"{round(w * _SCALE) + 128:02x}" for w in row.tolist()) for part in parts for row in part]
    text = PATH.read_text(encoding="utf-8")
    lines = "".join(f'  "{row}",\n' for row in rows)
    PATH.write_text(re.sub(r"(const ROWS = \[\n).*?(\];)", rf"\1{lines}\2", text, flags=re.DOTALL), encoding="utf-8")


if __name__ == "__main__":  # python -m lecture21.course.live.patches.reader
    network = fit()
    write(network)
    print(f"{accuracy(network):.3f} of the images held out are read right")
