"""Write the tables of the book whose numbers follow from the code, between their two comments in the pages.

Usage: python tools/tables.py          (after a change of a preset or of the accounting, or a run of the speedrun)

A page holds `% table NAME, made by tools/tables.py`, the table, and `% end of table NAME`. Figures from papers
are written here with their citations; everything that follows from a shape is computed.
"""

import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent))
import loss_table
import speedrun_table

from lecture21 import GPTConfig, accounting, presets
from lecture21.accounting import Shape, published
from lecture21.accounting.counting import _Parameters
from lecture21.accounting.tables import short
from lecture21.transformer import Transformer, TransformerConfig

ROOT = Path(__file__).resolve().parent.parent
UNDISCLOSED = "undisclosed"
# Vaswani et al. 2017, table 3 and section 5.1: about 37,000 tokens, shared by both languages.
BASE = {"source_vocab_size": 37000, "block_size": 512, "n_encoder_layer": 6, "n_decoder_layer": 6, "d_ff": 2048}
BASE |= {"n_head": 8, "d_model": 512}
Row = list[str]


def transformer_parameters(**changes: int) -> _Parameters:
    """Return the parameters of the base model of 2017, or of one with other sizes, by part."""
    with torch.device("meta"):
        return accounting.parameters(Transformer(TransformerConfig(**{**BASE, **changes})))


def transformer_against_gpt() -> list[Row]:
    """Return slide 36 with numbers: the base model of 2017 beside GPT-1."""
    old, new = transformer_parameters(), accounting.parameters(presets.get("gpt1"))
    gpt = presets.get("gpt1")
    encoder = transformer_parameters(n_encoder_layer=7).total - old.total
    decoder = transformer_parameters(n_decoder_layer=7).total - old.total
    cross = 4 * BASE["d_model"] ** 2 + 2 * BASE["d_model"]  # the attention and its norm
    return [
        ["", "Transformer, base (2017)", "GPT-1 (2018)"],
        ["Stacks", "6 encoder blocks and 6 decoder blocks", f"{gpt.n_layer} decoder blocks, no encoder"],
        [
            "Layers in a block",
            "encoder 2: attention, feed-forward; decoder 3: cross-attention between them",
            "2: attention, feed-forward. A decoder block without its cross-attention",
        ],
        [
            "Each position attends to",
            "encoder: all positions; decoder: itself and earlier positions, and by cross-attention the complete source",
            "itself and earlier positions",
        ],
        [
            "Parameters of one block",
            f"encoder {encoder:,}; decoder {decoder:,}",
            f"{new.non_embedding // gpt.n_layer:,}",
        ],
        ["one decoder block without cross-attention", f"{decoder - cross:,}", f"{new.non_embedding // gpt.n_layer:,}"],
        ["Parameters, all", f"{old.total:,}", f"{new.total:,}"],
        ["of these, tables of tokens", f"{old.embeddings:,}", f"{new.embeddings:,}"],
        ["tables of positions", f"{old.positions:,} (sinusoids)", f"{new.positions:,} (learned)"],
        ["attention", f"{old.attention:,} in 18 attentions", f"{new.attention:,} in {gpt.n_layer}"],
        ["one attention", f"{old.attention // 18:,}, no biases", f"{new.attention // gpt.n_layer:,}, with biases"],
        ["feed-forward", f"{old.feed_forward:,}", f"{new.feed_forward:,}"],
        ["norms", f"{old.norms:,}", f"{new.norms:,}"],
        ["Width, heads", f"{BASE['d_model']}, {BASE['n_head']}", f"{gpt.d_model}, {gpt.n_head}"],
        ["Width of a head", f"{BASE['d_model'] // BASE['n_head']}", f"{gpt.d_head}"],
        ["Feed-forward width", f"{BASE['d_ff']:,}", f"{gpt.d_ff:,}"],
        ["Activation", "ReLU", "GELU"],
        ["Norm", "after each sum (post-norm)", "after each sum; before each layer from GPT-2 on {cite}`radford2019`"],
        ["Vocabulary", f"about {BASE['source_vocab_size']:,}, shared by English and German", f"{gpt.vocab_size:,}"],
        ["Output", "softmax over the target's vocabulary", "softmax over the vocabulary"],
        ["Output weights", "the token table, shared with both inputs", "the token table, shared with the input"],
        ["It models", "$P(Y \\mid X)$", "$P(X)$"],
        ["Objective", "cross-entropy of each target token, with label smoothing of 0.1", "cross-entropy of each token"],
        [
            "From model to text",
            "beam search; for translation 4 beams, length penalty 0.6",
            "a choice: greedy decoding or sampling; the paper itself fine-tunes",
        ],
        ["Source", "{cite}`vaswani2017`", "{cite}`radford2018,openai2018code`"],
    ]


def power(number: int | float) -> str:
    """Return a number with three digits and a power of ten, as TeX."""
    digits, exponent = f"{number:.2e}".split("e")
    return f"${digits} \\times 10^{{{int(exponent)}}}$"


def gpt1_to_gpt4() -> list[Row]:
    """Return slide 37 with numbers: three computed shapes, and the published facts about a fourth."""
    shapes: dict[str, GPTConfig] = {
        "GPT-1": presets.get("gpt1"),
        "GPT-2 (largest)": presets.get("gpt2-xl"),
        "GPT-3 (largest)": presets.get("gpt3"),
    }
    tokens = {"GPT-3 (largest)": 300 * 10**9}

    def computed(name: str, value: Callable[[GPTConfig], str], last: str = UNDISCLOSED) -> Row:
        return [name, *map(value, shapes.values()), last]

    def number(name: str, value: Callable[[GPTConfig], int], last: str = UNDISCLOSED) -> Row:
        return computed(name, lambda config: f"{value(config):,}", last)

    def of_tokens(name: str, value: Callable[[GPTConfig, int], str]) -> Row:
        cells = [value(c, tokens[key]) if key in tokens else "not stated" for key, c in shapes.items()]
        return [name, *cells, UNDISCLOSED]

    norms = {"pre": "before each layer, one at the end", "post": "after each sum"}
    initial = {"gpt1": "$N(0, 0.02^2)$", "gpt2": "$N(0, 0.02^2)$, residual layers scaled"}
    return [
        ["", *shapes, "GPT-4"],
        ["Year", "2018", "2019", "2020", "2023"],
        number("Parameters", lambda c: accounting.parameters(c).total),
        number("without tables and head", lambda c: accounting.parameters(c).non_embedding),
        number("Layers", lambda c: c.n_layer),
        number("Heads", lambda c: c.n_head),
        number("Width", lambda c: c.d_model),
        number("Width of a head", lambda c: c.d_head),
        number("Feed-forward width", lambda c: c.d_ff),
        number("Context", lambda c: c.block_size, "8,192 and 32,768; in Turbo 128,000"),
        number("Vocabulary", lambda c: c.vocab_size, "ids up to 100,276 (cl100k_base)"),
        ["Tokenizer", "byte pairs of words", *["byte pairs of bytes"] * 3],
        computed("Activation", lambda c: {"gelu_tanh": "GELU"}[c.activation]),
        computed("Norm", lambda c: norms[c.norm_position]),
        computed("Output weights", lambda c: "the token table" if c.tied_head else "a separate matrix"),
        computed("Initialization", lambda c: initial[c.initialization]),
        number("FLOPs of one token, forward", lambda c: accounting.flops_per_token(c).forward),
        computed(
            "attention's share of them",
            lambda c: f"{accounting.flops_per_token(c).attention / accounting.flops_per_token(c).forward:.1%}",
        ),
        computed("Weights, 16 bits", lambda c: short(accounting.weight_bytes(c), "B")),
        computed("Weights, gradients and Adam", lambda c: short(accounting.training_bytes(c), "B")),
        computed("Key/value cache, full, 16 bits", lambda c: short(accounting.kv_cache_bytes(c), "B")),
        [
            "Data",
            "BookCorpus, over 7,000 books",
            "WebText, 40 GB",
            "Common Crawl, WebText2, two corpora of books, Wikipedia",
            "public and licensed data, not named",
        ],
        of_tokens("Tokens in training", lambda c, n: f"{n:,}"),
        of_tokens("tokens for each parameter", lambda c, n: f"{n / accounting.parameters(c).total:.2g}"),
        of_tokens("$6ND$, FLOPs", lambda c, n: power(accounting.training_flops(c, n))),
        ["After training", "fine-tuned for each task", "nothing", "nothing; InstructGPT, in 2022, by RLHF", "RLHF"],
        [
            "Source",
            "{cite}`radford2018,openai2018code`",
            "{cite}`radford2019,openai2019code`",
            "{cite}`brown2020,ouyang2022`",
            "{cite}`openai2023gpt4,openai2023docs,openai2023turbo,openai2022tiktoken`",
        ],
    ]


def sizes() -> list[Row]:
    """Return every preset of GPT-2 and GPT-3: what its shape gives, and what its paper prints."""
    printed = {
        "gpt2": "117M", "gpt2-medium": "345M", "gpt2-large": "762M", "gpt2-xl": "1542M",
        "gpt3-small": "125M", "gpt3-medium": "350M", "gpt3-large": "760M", "gpt3-xl": "1.3B", "gpt3-2.7b": "2.7B",
        "gpt3-6.7b": "6.7B", "gpt3-13b": "13.0B", "gpt3": "175.0B",
    }  # fmt: skip
    rows = [["Preset", "Layers", "Heads", "Width", "Parameters, computed", "Printed in the paper", "Difference"]]
    for name, paper in printed.items():
        config = presets.get(name)
        total = accounting.parameters(config).total
        said = float(paper[:-1]) * {"M": 1e6, "B": 1e9}[paper[-1]]
        shape = [f"{config.n_layer}", f"{config.n_head}", f"{config.d_model:,}"]
        rows.append([f"`{name}`", *shape, f"{total:,}", paper, f"{(total - said) / said:+.1%}"])
    return rows


def four_days() -> list[Row]:
    """Return what 294.9 billion tokens cost at GPT-2's smallest and largest size, on eight A100."""
    tokens = 600_000 * 491_520  # nanoGPT's config/train_gpt2.py
    budget = 4 * 86400 * 8 * accounting.DEVICES["A100"]
    rows = [["", "124M", "1.5B (the slide's)"]]
    pair = [presets.get("gpt2"), presets.get("gpt2-xl")]
    estimates = [accounting.training_flops(c, tokens) for c in pair]
    exact = [accounting.flops_per_token(c).training * tokens for c in pair]
    rows.append(["Parameters", *(f"{accounting.parameters(c).total:,}" for c in pair)])
    for name, flops in (("$6ND$", estimates), ("with attention, exactly", exact)):
        share = flops[0] / budget
        rows.append([f"{name}, FLOPs", *map(power, flops)])
        rows.append(
            [f"{name}, fraction of the peak, if it takes four days", f"{share:.1%}", f"{flops[1] / budget:.0%}"]
        )
        days = [accounting.training_days(work, "A100", 8, share) for work in flops]
        rows.append([f"{name}, days at {share:.1%}", *(f"{time:.3g}" for time in days)])
        days = [accounting.training_days(work, "A100", 8, 0.5) for work in flops]
        rows.append([f"{name}, days at 50%", *(f"{time:.3g}" for time in days)])
    return rows


NAMES = {
    "switch-base-128": "Switch-Base, 128 experts", "switch-c": "Switch-C", "glam-64b-64e": "GLaM 64B/64E",
    "mixtral-8x7b": "Mixtral 8x7B", "mixtral-8x22b": "Mixtral 8x22B", "deepseek-v2": "DeepSeek-V2",
    "deepseek-v3": "DeepSeek-V3", "qwen3-30b-a3b": "Qwen3-30B-A3B", "qwen3-235b-a22b": "Qwen3-235B-A22B",
    "gpt-oss-20b": "gpt-oss-20b", "gpt-oss-120b": "gpt-oss-120b",
}  # fmt: skip


def kib(number: int | float) -> str:
    """Write bytes in KiB."""
    return f"{number / 1024:,.5g} KiB"


def mixtures() -> list[Row]:
    """Return the published mixtures of experts: parameters counted, and those that their authors print."""
    rows = [
        [
            "Model", "Experts of a layer, for a token", "Parameters", "active", "without input embedding",
            "Printed: all, active", "The printed active number is", "Source",
        ]
    ]  # fmt: skip
    for key, name in NAMES.items():
        shape = published.get(key)
        counts = accounting.parameters(shape)
        said = {
            (): "neither, rounded" if shape.printed_active else "not given",
            ("with",): "with it",
            ("without",): "without it",
            ("with", "without"): "either, rounded",
        }[shape.conventions]
        shared = f" and {shape.n_shared} shared" if shape.n_shared else ""
        rows.append(
            [
                name,
                f"{shape.n_expert:,}{shared}, {shape.top_k}",
                f"{counts.total:,}" if shape.exact else f"about {counts.total / 1e9:,.1f}B",
                f"{counts.active:,}" if shape.exact else f"about {counts.active / 1e9:,.1f}B",
                f"{counts.active_without_embedding / 1e9:,.2f}B",
                shape.printed_total + (f", {shape.printed_active}" if shape.printed_active else ""),
                said,
                f"{{cite}}`{shape.source}`",
            ]
        )
    return rows


def mixtures_served() -> list[Row]:
    """Return the serving costs of the published mixtures."""

    def row(key: str, shape: Shape) -> Row:
        read = [short(accounting.weights_read(shape, batch), "B") for batch in (1, 16, 64, 256)]
        return [
            NAMES[key],
            short(accounting.weight_bytes(shape), "B"),
            kib(accounting.kv_cache_bytes(shape, 1)),
            short(accounting.flops_per_token(shape, 1).linear, "FLOP"),
            *read,
            f"{accounting.ridge_batch(shape, 'H100'):,}",
            kib(accounting.all_to_all_bytes(shape)),
            f"{accounting.all_to_all_bytes(shape) * shape.n_sparse / 2**20:,.3g} MiB",
        ]

    head = [
        "Model", "Weights", "Cache of a token", "FLOPs of a token", "Read in a step, batch 1", "16", "64", "256",
        "Batch at the ridge, H100", "Sent for a token, one layer", "all layers",
    ]  # fmt: skip
    return [head, *(row(key, published.get(key)) for key in NAMES)]


TABLES: dict[str, Callable[[], list[Row]]] = {
    "transformer_against_gpt": transformer_against_gpt,
    "gpt1_to_gpt4": gpt1_to_gpt4,
    "sizes": sizes,
    "four_days": four_days,
    "gpt0_losses": loss_table.gpt0_losses,
    "speedrun_5": partial(speedrun_table.rows, 5.0),
    "speedrun_20": partial(speedrun_table.rows, 20.0),
    "mixtures": mixtures,
    "mixtures_served": mixtures_served,
}
BLOCK = re.compile(r"(% table (\w+), made by tools/tables\.py\n).*?(% end of table \2\n)", re.DOTALL)


def markdown(rows: list[Row]) -> str:
    """Return rows as a Markdown table; the first row is its header."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])


def filled(page: str) -> str:
    """Return a page with every table regenerated; raises KeyError for a name that is not in `TABLES`."""
    return BLOCK.sub(lambda match: f"{match[1]}\n{markdown(TABLES[match[2]]())}\n\n{match[3]}", page)


def pages(root: Path = ROOT) -> list[Path]:
    """Return the pages that hold such a table."""
    sources = sorted((root / "book").rglob("*.md"))
    return [path for path in sources if BLOCK.search(path.read_text(encoding="utf-8"))]


def main() -> int:
    """Rewrite the pages whose tables have changed, and name them."""
    for path in pages():
        old = path.read_text(encoding="utf-8")
        new = filled(old)
        if new != old:
            path.write_text(new, encoding="utf-8")
            print(f"wrote {path.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
