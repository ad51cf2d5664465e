"""Searching the book in Chromium: what comes first, what an excerpt looks like, and when the index is loaded."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect
from until import until

HTML = Path(__file__).resolve().parents[2] / "_build" / "html"
# Standard terms, by the page that a reader who searches for one should find first. This is the glossary where
# chapters hardly mention a term.
FIRST = {
    "01_from_rnn_to_attention": "recurrent neural network, vanishing gradient, exploding gradient, LSTM, cross-entropy",
    "02_basic_self_attention": "self-attention, softmax, permutation equivariance",
    "03_learnable_attention": "query, key, scaled dot-product attention, multi-head attention",
    "04_causal_mask": "causal mask, teacher forcing, padding, padding mask",
    "05_transformer_block": "residual connection, residual stream, LayerNorm, pre-norm, feed-forward network, "
    "layer normalization, sinusoidal positions, transformer",
    "06_encoder_and_decoder": "encoder, cross-attention, BERT, BART, beam search",
    "07_write_a_gpt": "n-gram, bigram, AdamW",
    "08_gpt_as_probability": "perplexity, temperature, top-k, top-p, nucleus sampling, greedy decoding, sampling, "
    "bits per character, chain rule",
    "09_gpt0_to_gpt1": "byte-pair encoding, tokenizer, weight tying, GELU, warm-up, weight decay",
    "10_modern_gpt": "rotary positions, RoPE, Muon, RMSNorm, dropout",
    "11_scale": "scaling law, Chinchilla, in-context learning, few-shot, zero-shot, fine-tuning, induction head, FLOPs",
    "12_mixture_of_experts": "mixture of experts, bagging, boosting, AdaBoost, EM algorithm, responsibility",
    "13_ensemble_vs_average": "ambiguity decomposition, Jensen's inequality, ensemble, overfitting",
    "14_moe_in_gpt": "router, load balancing, capacity, z-loss, expert choice, expert parallelism, all-to-all",
    "15_images_as_tokens": "patches, patch embedding, prefix mask",
    "16_long_context": "KV cache, sliding window, attention sink, ALiBi, YaRN, position interpolation, "
    "grouped-query attention, multi-head latent attention, needle in a haystack",
    "17_alignment": "RLHF, reward model, PPO, DPO, GRPO, KL penalty, best-of-n, over-optimization",
    "book/glossary": "label smoothing",
    "book/api/": "causal_mask",
}
WANTED = {term: page for page, terms in FIRST.items() for term in terms.split(", ")}


def search(page: Page, start: str, query: str) -> list[str]:
    """Search for something and return the addresses of the results."""
    page.goto(f"{start}search.html?q={quote(query)}")
    expect(page.locator(".search-summary")).to_contain_text("found")
    return [link.get_attribute("href") for link in page.locator("#search-results li > a").all()]


def first_results(page: Page, terms: list[str]) -> dict[str, str]:
    """Search for one term after the other on a page that shows results, and return the address of each first one."""
    actual = page.evaluate(
        """terms => terms.map((term) => {
            Search.output.replaceChildren();
            Search.query(term);
            return Search.output.querySelector("li > a")?.getAttribute("href") ?? "";
        })""",
        terms,
    )
    return dict(zip(terms, actual, strict=True))


def test_a_search_for_a_standard_term_leads_to_the_page_that_explains_it(wide, site: str):
    assert len(WANTED) >= 80
    until(lambda: WANTED["softmax"] in search(wide.page, site, "softmax")[0])
    actual = first_results(wide.page, list(WANTED))
    assert {term: address for term, address in actual.items() if WANTED[term] not in address} == {}
    assert wide.errors == []
    assert wide.foreign == []


# What a reader types who looks for a figure.
FIGURES = {
    "train a gpt": "07_write_a_gpt.html#live-train",
    "Train it": "07_write_a_gpt.html#live-train",
    "draw a digit": "15_images_as_tokens.html#live-patches",
    "calculator": "11_scale.html#live-calculator",
    "price a sentence": "08_gpt_as_probability.html#live-write",
}


def test_a_figure_that_is_asked_for_comes_first(wide, site: str):
    search(wide.page, site, "softmax")
    actual = first_results(wide.page, list(FIGURES))
    assert {term: address for term, address in actual.items() if not address.endswith(FIGURES[term])} == {}


def test_the_gallery_of_mistakes_which_gives_answers_away_is_not_found(wide, site: str):
    for term in ("mask", "broadcast", "softmax", "transposed"):
        until(lambda: not any("book/mistakes" in address for address in search(wide.page, site, term)), term)


@pytest.mark.parametrize("term", ["attention", "loss", "tokenizer", "mixture of experts"])
def test_pages_of_the_code_come_after_all_others(term: str, wide, site: str):
    of_code = ["book/api/" in address for address in search(wide.page, site, term)]
    assert of_code[0] is False
    assert any(of_code)
    assert of_code == sorted(of_code)


@pytest.mark.parametrize("term", ["softmax", "entropy", "rotary positions"])
def test_excerpts_are_clean_text_around_the_term(term: str, wide, site: str):
    search(wide.page, site, term)
    excerpts = wide.page.locator("#search-results p.context").all_inner_texts()
    assert len(excerpts) >= 5
    assert [text for text in excerpts if re.search(r"[\\$#{}]|Click to show|Open in Colab|Contents|def ", text)] == []
    assert [text for text in excerpts if len(text) > 300] == []
    until(
        lambda: wide.page.locator("#search-results li:has(mark)").count() >= 5
    )  # an entry of the glossary may lack the term


def test_a_book_that_is_opened_as_a_file_is_searched_with_excerpts(browser: Browser):
    with browser.new_context() as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("requestfailed", lambda request: errors.append(request.url))
        until(lambda: "causal_mask" in search(page, f"{HTML.as_uri()}/", "causal mask")[0])
        until(lambda: page.locator("#search-results p.context").count() >= 5)
        assert errors == []


def test_only_the_search_page_loads_the_search_index(wide, site: str):
    loaded: list[str] = []
    wide.page.on("request", lambda request: loaded.append(request.url))
    wide.open("notebooks/04_causal_mask.html")
    assert [url for url in loaded if "search" in url] == []
    search(wide.page, site, "mask")
    assert {url.split("/")[-1] for url in loaded if "search" in url} >= {"searchindex.js", "search_texts.js"}


def test_the_search_dialog_of_a_chapter_leads_to_the_results(wide):
    page = wide.open("notebooks/04_causal_mask.html")
    page.locator("button.search-button-field:visible").click()
    page.locator("#pst-search-dialog input[type=search]").fill("softmax")
    page.keyboard.press("Enter")
    expect(page.locator("#search-results li").first).to_be_visible()
    assert wide.errors == []


def test_what_looks_like_markup_is_searched_as_text(wide, site: str):
    search(wide.page, site, "mask <b>[(")
    expect(wide.page.locator("#search-results b")).to_have_count(0)
    assert wide.errors == []
