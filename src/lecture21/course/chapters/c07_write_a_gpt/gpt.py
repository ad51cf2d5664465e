"""A GPT in one file. It needs PyTorch and a text.

    python gpt.py train plays.txt                 trains on the characters of a text, and keeps all in gpt.pt
    python gpt.py resume plays.txt                goes on after a break, as if there had been none
    python gpt.py sample "ROMEO:"                 continues a prompt
    python gpt.py sample "The key" model=gpt2     the same with GPT-2 (pip install huggingface_hub safetensors tiktoken)

After these, NAME=VALUE changes a field of Config, the file (model=NAME), or how to sample (n=400 temperature=0.8).
In comments: B texts of T tokens, C features, H heads of D features, V different tokens.
"""

import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn


@dataclass
class Config:
    """The sizes of the model, and how it is trained."""

    vocab_size: int = 0
    block_size: int = 32
    d_model: int = 64
    n_head: int = 4
    n_layer: int = 4
    gpt2: bool = False  # biases of queries, keys and values; GELU; one table for embedding and head
    steps: int = 600
    batch_size: int = 32
    learning_rate: float = 0.016  # for 64 features: the wider the model, the smaller
    warmup: int = 50
    weight_decay: float = 0.3
    clip: float = 1.0
    eval_every: int = 100
    seed: int = 0


class Attention(nn.Module):
    """Causal self-attention. One product computes the queries, keys and values of all heads."""

    def __init__(self, config):
        super().__init__()
        self.n_head = config.n_head
        self.qkv = nn.Linear(config.d_model, 3 * config.d_model, bias=config.gpt2)
        self.output = nn.Linear(config.d_model, config.d_model)

    def forward(self, x):
        B, T, C = x.shape
        q, k, v = self.qkv(x).view(B, T, 3, self.n_head, C // self.n_head).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, H, T, D)
        return self.output(mixed.transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    """Communicate, then compute, and add both to the stream."""

    def __init__(self, config):
        super().__init__()
        C = config.d_model
        self.norm_attention, self.attention = nn.LayerNorm(C), Attention(config)
        self.norm_feed_forward = nn.LayerNorm(C)
        activation = nn.GELU(approximate="tanh") if config.gpt2 else nn.ReLU()
        self.feed_forward = nn.Sequential(nn.Linear(C, 4 * C), activation, nn.Linear(4 * C, C))

    def forward(self, x):
        x = x + self.attention(self.norm_attention(x))
        return x + self.feed_forward(self.norm_feed_forward(x))


class GPT(nn.Module):
    """Embeddings of tokens and positions, blocks, and a head that computes logits."""

    def __init__(self, config):
        super().__init__()
        self.config = config
        self.token = nn.Embedding(config.vocab_size, config.d_model)
        self.position = nn.Embedding(config.block_size, config.d_model)
        self.blocks = nn.ModuleList([Block(config) for _ in range(config.n_layer)])
        self.norm = nn.LayerNorm(config.d_model)
        self.head = nn.Linear(config.d_model, config.vocab_size, bias=not config.gpt2)
        if config.gpt2:
            self.head.weight = self.token.weight

    def forward(self, ids):
        x = self.token(ids) + self.position.weight[: ids.shape[1]]  # (B, T, C)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x))  # (B, T, V)

    def loss(self, ids, targets):
        return F.cross_entropy(self(ids).flatten(0, 1), targets.flatten())

    @torch.no_grad()
    def generate(self, ids, n, temperature):
        for _ in range(n):
            logits = self(ids[:, -self.config.block_size :])[:, -1]
            token = torch.multinomial((logits / temperature).softmax(dim=-1), num_samples=1)
            ids = torch.cat([ids, token], dim=1)
        return ids


class Characters:
    """The characters of a text, numbered, and one id more for all others."""

    def __init__(self, known):
        self.known, self.ids = known, {character: i for i, character in enumerate(known)}

    def encode(self, text):
        return [self.ids.get(character, len(self.known)) for character in text]

    def decode(self, ids):
        return "".join((self.known + "\N{REPLACEMENT CHARACTER}")[i] for i in ids)


def sample_windows(tokens, config, generator):
    """Draw windows from random places, and what follows each of their tokens: two of (B, T)."""
    starts = torch.randint(len(tokens) - config.block_size, (config.batch_size, 1), generator=generator)
    windows = tokens[starts + torch.arange(config.block_size + 1)]
    return windows[:, :-1], windows[:, 1:]


@torch.no_grad()
def evaluate(model, tokens):
    """Return the mean loss on a text that is cut into windows, in nats per token."""
    T, device = model.config.block_size, model.token.weight.device
    n = (len(tokens) - 1) // T * T
    batches = zip(tokens[:n].view(-1, T).split(256), tokens[1 : n + 1].view(-1, T).split(256), strict=True)
    return sum(model.loss(x.to(device), y.to(device)).item() * y.numel() for x, y in batches) / n


def train(text, file, config, kept=None):
    """Train on nine tenths of a text; at each evaluation, store in a file what `kept` needs. Return the losses."""
    cut = int(0.9 * len(text))
    characters = Characters(kept["characters"] if kept else "".join(sorted(set(text[:cut]))))
    config.vocab_size = len(characters.known) + 1
    tokens, val = (torch.tensor(characters.encode(part)) for part in (text[:cut], text[cut:]))
    torch.manual_seed(config.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model, losses = GPT(config).to(device), []
    tables = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]  # biases and gains, not pulled toward 0
    groups = [{"params": tables, "weight_decay": config.weight_decay}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95))
    generator = torch.Generator().manual_seed(config.seed)
    if kept:
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        generator.set_state(kept["generator"])
    for step in range(kept["step"] if kept else 0, config.steps):
        ids, targets = sample_windows(tokens, config, generator)
        loss = model.loss(ids.to(device), targets.to(device))
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        rise, fall = (step + 1) / config.warmup, (config.steps - step) / (config.steps - config.warmup)
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * min(rise, fall)
        optimizer.step()
        if (step + 1) % config.eval_every == 0 or step + 1 == config.steps:
            print(f"step {step + 1}: last batch {losses[-1]:.3f}, validation {evaluate(model, val):.3f}")
            now = {"step": step + 1, "config": asdict(config), "characters": characters.known}
            now |= {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            torch.save(now | {"generator": generator.get_state()}, f"{file}.new")
            os.replace(f"{file}.new", file)  # a break meanwhile leaves the old file complete
    return losses


def read_gpt2(name):
    """Return GPT-2 or a model of its kind: from a folder, or from Hugging Face's hub by its name."""
    from huggingface_hub import snapshot_download
    from safetensors.torch import load_file

    files = ["config.json", "model.safetensors"]
    folder = name if os.path.isdir(name) else snapshot_download(f"openai-community/{name}", allow_patterns=files)
    theirs, weights = json.loads(Path(folder, files[0]).read_text()), load_file(Path(folder, files[1]))
    sizes = [theirs[key] for key in ("vocab_size", "n_positions", "n_embd", "n_head", "n_layer")]
    model = GPT(Config(*sizes, gpt2=True))
    layers = {"wte": model.token, "wpe": model.position, "ln_f": model.norm}
    for i, block in enumerate(model.blocks):
        layers |= {f"h.{i}.ln_1": block.norm_attention, f"h.{i}.ln_2": block.norm_feed_forward}
        layers |= {f"h.{i}.attn.c_attn": block.attention.qkv, f"h.{i}.attn.c_proj": block.attention.output}
        layers |= {f"h.{i}.mlp.c_fc": block.feed_forward[0], f"h.{i}.mlp.c_proj": block.feed_forward[2]}
    prefix = "" if "wte.weight" in weights else "transformer."
    for name, layer in layers.items():
        state = {kind: weights[f"{prefix}{name}.{kind}"] for kind in layer.state_dict()}
        if isinstance(layer, nn.Linear):
            state["weight"] = state["weight"].T  # GPT-2 stores (input, output)
        layer.load_state_dict(state)
    return model


def read(name):
    """Return a model, and what encodes and decodes its texts."""
    if not os.path.isfile(name):
        import tiktoken

        return read_gpt2(name), tiktoken.get_encoding("gpt2")
    kept = torch.load(name, weights_only=True, map_location="cpu")
    model = GPT(Config(**kept["config"]))
    model.load_state_dict(kept["model"])
    return model, Characters(kept["characters"])


def main(command, given, *options):
    """Train, resume or sample, as the text above says."""
    options = dict(option.split("=") for option in options)
    file = options.pop("model", "gpt.pt")
    if command == "sample":
        (model, coder), n, temperature = read(file), options.get("n", 400), options.get("temperature", 0.8)
        ids = model.generate(torch.tensor([coder.encode(given)]), int(n), float(temperature))
        return print(coder.decode(ids[0].tolist()))
    if command == "train" and os.path.exists(file):
        sys.exit(f"{file} is there: resume it, or keep the new model in another file, model=NAME")
    kept = torch.load(file, weights_only=True, map_location="cpu") if command == "resume" else None
    config = kept["config"] if kept else asdict(Config())
    config |= {name: type(config[name])(value) for name, value in options.items()}
    return train(Path(given).read_text(encoding="utf-8"), file, Config(**config), kept)


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("train", "resume", "sample"):
        sys.exit(__doc__)
    main(*sys.argv[1:])
