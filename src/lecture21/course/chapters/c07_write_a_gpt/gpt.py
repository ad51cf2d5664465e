"""A GPT in one file. It needs PyTorch and a text.

    python gpt.py train plays.txt                 train on the characters of a text, into gpt.pt
    python gpt.py resume plays.txt                go on after a break, as if there had been none
    python gpt.py sample "ROMEO:"                 continue a prompt
    python gpt.py sample "The key" model=gpt2     the same with GPT-2, which needs
                                                  pip install huggingface_hub safetensors tiktoken

After these, NAME=VALUE changes a field of Config, the file (model=NAME), or how to sample
(n=400 temperature=0.8).
In comments: B texts of T tokens, C features, H heads of D features, V different tokens.
"""

import ast
import hashlib
import json
import os
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import nn

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
RESUMED = {"steps", "batch_size", "learning_rate", "eval_every"}  # what may change after a break
UNKNOWN = "\N{REPLACEMENT CHARACTER}"


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


def demand(condition, sentence):
    """End the program with a sentence, unless a condition holds."""
    if not condition:
        sys.exit(sentence)


class Attention(nn.Module):
    """Causal self-attention. One product computes the queries, keys and values of all heads."""

    def __init__(self, config):
        super().__init__()
        self.n_head = config.n_head
        self.qkv = nn.Linear(config.d_model, 3 * config.d_model, bias=config.gpt2)
        self.output = nn.Linear(config.d_model, config.d_model)

    def forward(self, x):
        B, T, C = x.shape
        parts = self.qkv(x).view(B, T, 3, self.n_head, C // self.n_head)  # (B, T, 3, H, D)
        q, k, v = parts.permute(2, 0, 3, 1, 4)  # each (B, H, T, D)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True)  # (B, H, T, D)
        return self.output(mixed.transpose(1, 2).reshape(B, T, C))


class Block(nn.Module):
    """Communicate, then compute, and add both to the stream."""

    def __init__(self, config):
        super().__init__()
        C = config.d_model
        self.norm_attention = nn.LayerNorm(C)
        self.attention = Attention(config)
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
            for table in [p for p in self.parameters() if p.dim() > 1]:
                nn.init.normal_(table, std=0.02)  # embeddings of size 1 would make huge logits

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
            p = (logits / max(temperature, 1e-6)).softmax(dim=-1)  # at 0, the likeliest token
            ids = torch.cat([ids, torch.multinomial(p, num_samples=1)], dim=1)
        return ids


class Characters:
    """The characters of a text, numbered; the last one stands for all others."""

    def __init__(self, symbols):
        self.symbols = symbols
        self.ids = {symbol: i for i, symbol in enumerate(symbols)}

    def encode(self, text):
        return [self.ids.get(symbol, len(self.ids) - 1) for symbol in text]

    def decode(self, ids):
        return "".join(self.symbols[i] for i in ids)


def sample_windows(tokens, config, generator):
    """Draw windows from random places, and what follows each of their tokens: two of (B, T)."""
    T = config.block_size
    starts = torch.randint(len(tokens) - T, (config.batch_size, 1), generator=generator)
    windows = tokens[starts + torch.arange(T + 1)]
    return windows[:, :-1], windows[:, 1:]


@torch.no_grad()
def evaluate(model, tokens):
    """Return the mean loss on a text that is cut into windows, in nats per token."""
    T = model.config.block_size
    n = (len(tokens) - 1) // T * T
    ids, targets = tokens[:n].view(-1, T), tokens[1 : n + 1].view(-1, T)
    batches = zip(ids.split(256), targets.split(256), strict=True)
    return sum(model.loss(x, y).item() * y.numel() for x, y in batches) / n


def train(text, file, config, kept=None):
    """Train on nine tenths of a text; store in a file what `kept` needs. Return the losses."""
    digest, start = hashlib.sha256(text.encode()).hexdigest(), kept["step"] if kept else 0
    demand(not kept or kept["text"] == digest, f"{file} was trained on another text")
    demand(start < config.steps, f"all {start} steps are done: steps=NUMBER goes on")
    demand(len(text) >= 10 * (config.block_size + 1), "a tenth of the text is shorter than a window")
    cut = int(0.9 * len(text))
    symbols = "".join(sorted(set(text[:cut]) - {UNKNOWN})) + UNKNOWN
    config.vocab_size = len(symbols)
    ids = torch.tensor(Characters(symbols).encode(text), device=DEVICE)
    tokens, val = ids[:cut], ids[cut:]
    torch.manual_seed(config.seed)
    model, losses = GPT(config).to(DEVICE), []
    tables = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() == 1]  # biases and gains: no decay
    groups = [{"params": tables}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, betas=(0.9, 0.95), weight_decay=config.weight_decay)
    generator = torch.Generator().manual_seed(config.seed)
    if kept:
        model.load_state_dict(kept["model"])
        optimizer.load_state_dict(kept["optimizer"])
        generator.set_state(kept["generator"])
    warmup = min(config.warmup, config.steps // 2)  # a short run has a short warm-up
    for step in range(start, config.steps):
        loss = model.loss(*sample_windows(tokens, config, generator))
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        rise, fall = (step + 1) / max(warmup, 1), (config.steps - step) / (config.steps - warmup)
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * min(rise, fall)
        optimizer.step()
        if (step + 1) % config.eval_every == 0 or step + 1 == config.steps:
            print(f"step {step + 1}: batch {losses[-1]:.3f}, validation {evaluate(model, val):.3f}")
            now = {"config": asdict(config), "symbols": symbols, "text": digest}
            now |= {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
            now |= {"generator": generator.get_state(), "step": step + 1}
            torch.save(now, f"{file}.new")
            os.replace(f"{file}.new", file)  # a break meanwhile leaves the old file complete
    return losses


def read_gpt2(name):
    """Return GPT-2 or a model of its kind: from a folder, or from Hugging Face's hub."""
    from huggingface_hub import snapshot_download
    from safetensors.torch import load_file

    files = ["config.json", "model.safetensors"]
    if not os.path.isdir(name):
        name = snapshot_download(f"openai-community/{name}", allow_patterns=files)
    sizes, weights = json.loads(Path(name, files[0]).read_text()), load_file(Path(name, files[1]))
    config = Config(gpt2=True, vocab_size=sizes["vocab_size"], block_size=sizes["n_positions"])
    config.d_model, config.n_head, config.n_layer = (sizes[f"n_{k}"] for k in ("embd", "head", "layer"))
    model = GPT(config)
    layers = {"wte": model.token, "wpe": model.position, "ln_f": model.norm}
    for i, block in enumerate(model.blocks):
        layers |= {f"h.{i}.ln_1": block.norm_attention, f"h.{i}.ln_2": block.norm_feed_forward}
        layers |= {f"h.{i}.attn.c_attn": block.attention.qkv, f"h.{i}.attn.c_proj": block.attention.output}
        layers |= {f"h.{i}.mlp.c_fc": block.feed_forward[0], f"h.{i}.mlp.c_proj": block.feed_forward[2]}
    prefix = "" if "wte.weight" in weights else "transformer."
    for layer_name, layer in layers.items():
        state = {kind: weights[f"{prefix}{layer_name}.{kind}"] for kind in layer.state_dict()}
        if isinstance(layer, nn.Linear):
            state["weight"] = state["weight"].T  # GPT-2 stores (input, output)
        layer.load_state_dict(state)
    return model


def read(name):
    """Return a model, and what encodes and decodes its texts."""
    if os.path.isdir(name) or (name.startswith("gpt2") and not os.path.exists(name)):
        import tiktoken

        return read_gpt2(name), tiktoken.get_encoding("gpt2")
    demand(os.path.isfile(name), f"there is no file {name}: train first, or take model=gpt2")
    kept = torch.load(name, weights_only=True, map_location="cpu")
    model = GPT(Config(**kept["config"]))
    model.load_state_dict(kept["model"])
    return model, Characters(kept["symbols"])


def sample(prompt, file, n, temperature):
    """Print a prompt, and how a model continues it."""
    demand(prompt, "a prompt has at least one character")
    model, coder = read(file)
    ids = torch.tensor([coder.encode(prompt)], device=DEVICE)
    print(coder.decode(model.to(DEVICE).generate(ids, n, temperature)[0].tolist()))


def main(command, given, *options):
    """Train, resume or sample, as the text above says."""
    demand(all("=" in option for option in options), "changes have the form NAME=VALUE")
    options = dict(option.split("=", 1) for option in options)
    file, kept, settings = options.pop("model", "gpt.pt"), None, asdict(Config())
    for path in {"train": [given], "resume": [given, file]}.get(command, []):
        demand(os.path.isfile(path), f"there is no file {path}")
    if command == "sample":
        settings = {"n": 400, "temperature": 0.8}
    if command == "resume":
        kept = torch.load(file, weights_only=True, map_location="cpu")
        settings = kept["config"]
        demand(options.keys() <= RESUMED, f"resume changes only {', '.join(RESUMED)}")
    for name, value in options.items():
        demand(name in settings, f"{name} is none of {', '.join(settings)}")
        try:
            settings[name] = type(settings[name])(ast.literal_eval(value))
        except (SyntaxError, ValueError):
            demand(False, f"{name}={value} is no value such as {settings[name]}")
    if command == "sample":
        return sample(given, file, **settings)
    demand(kept or not os.path.exists(file), f"{file} is there: resume it, or use model=NAME")
    return train(Path(given).read_text(encoding="utf-8"), file, Config(**settings), kept)


if __name__ == "__main__":
    demand(len(sys.argv) > 2 and sys.argv[1] in ("train", "resume", "sample"), __doc__)
    main(*sys.argv[1:])
