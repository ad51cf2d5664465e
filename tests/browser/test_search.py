"""Searching the book in Chromium: what comes first, what an excerpt looks like, and when the index is loaded."""

import re
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
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
    "layer normalization, sinusoidal positions",
    "06_encoder_and_decoder": "transformer, encoder, cross-attention, greedy decoding, BERT, BART",
    "07_write_a_gpt": "n-gram, bigram, AdamW",
    "08_gpt_as_probability": "perplexity, temperature, top-k, top-p, nucleus sampling, sampling, "
    "bits per character, chain rule, beam search",
    "09_gpt0_to_gpt1": "byte-pair encoding, tokenizer, weight tying, GELU, warm-up, weight decay",
    "10_modern_gpt": "rotary positions, RoPE, Muon, RMSNorm, dropout",
    "11_scale": "scaling law, Chinchilla, in-context learning, few-shot, zero-shot, fine-tuning, induction head, FLOPs",
    "12_mixture_of_experts": "mixture of experts, bagging, boosting, AdaBoost, EM algorithm, responsibility",
    "13_ensemble_vs_average": "ambiguity decomposition, Jensen's inequality, ensemble, overfitting",
    "14_moe_in_gpt": "router, load balancing, capacity, z-loss, expert choice, expert parallelism, all-to-all",
    "15_images_as_tokens": "patches, patch embedding, prefix mask",
    "16_long_context": "KV cache, sliding window, attention sink, ALiBi, YaRN, position interpolation, "
    "grouped-query attention, multi-head latent attention, needle in a haystack",
    "17_alignment": "RLHF, reward model, PPO, DPO, KL penalty, best-of-n, over-optimization",
    "book/glossary": "label smoothing, GRPO",
    "book/api/": "causal_mask",
}
WANTED = {term: page for page, terms in FIRST.items() for term in terms.split(", ")}


DIALOG = "#pst-search-dialog"
FIELD = ".bd-search-container input[type=search]"
RESULTS = ".bd-search-container .search-results"


def search(page: Page, start: str, query: str) -> list[str]:
    """Search for something and return the addresses of the results."""
    page.goto(f"{start}search.html?q={quote(query)}")
    expect(page.locator(f"{RESULTS} [role=status]")).to_contain_text(re.compile(r"^\d+ result"))
    return [link.get_attribute("href") for link in page.locator(f"{RESULTS} li > a").all()]


def open_dialog(page: Page) -> Locator:
    """Open the search dialog of a page, and return its results."""
    page.locator(".search-button__button:visible").first.click()
    return page.locator(f"{DIALOG} .search-results")


def first_results(page: Page, terms: list[str]) -> dict[str, str]:
    """Type one term after the other on a page that shows results, and return the address of each first one."""
    actual = page.evaluate(
        """async ([terms, field, results]) => {
            const found = [];
            for (const term of terms) {
                document.querySelector(field).value = term;
                document.querySelector(field).dispatchEvent(new Event("input"));
                await new Promise((resolve) => setTimeout(resolve));
                found.push(document.querySelector(`${results} li > a`)?.getAttribute("href") ?? "");
            }
            return found;
        }""",
        [terms, FIELD, RESULTS],
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
    excerpts = wide.page.locator(f"{RESULTS} p.context").all_inner_texts()
    assert len(excerpts) >= 5
    assert [text for text in excerpts if re.search(r"[\\$#{}]|Click to show|Open in Colab|Contents|def ", text)] == []
    assert [text for text in excerpts if len(text) > 300] == []
    until(
        lambda: wide.page.locator(f"{RESULTS} li:has(mark)").count() >= 5
    )  # an entry of the glossary may lack the term


def test_a_book_that_is_opened_as_a_file_is_searched_with_excerpts(browser: Browser):
    with browser.new_context() as context:
        page = context.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.on("requestfailed", lambda request: errors.append(request.url))
        until(lambda: "causal_mask" in search(page, f"{HTML.as_uri()}/", "causal mask")[0])
        until(lambda: page.locator(f"{RESULTS} p.context").count() >= 5)
        page.goto(f"{HTML.as_uri()}/notebooks/04_causal_mask.html")
        dialog = open_dialog(page)
        page.keyboard.type("temprature")
        expect(dialog.locator("li > a").first).to_contain_text("top-k, top-p")
        assert errors == []


def test_the_search_is_loaded_when_a_reader_opens_it(wide):
    loaded: list[str] = []
    wide.page.on("request", lambda request: loaded.append(request.url.split("/")[-1]))
    page = wide.open("notebooks/04_causal_mask.html")
    assert [name for name in loaded if "search" in name] == []
    open_dialog(page)
    page.keyboard.type("mask")
    expect(page.locator(f"{DIALOG} li")).to_have_count(10)
    assert sorted(name for name in loaded if "search" in name) == ["minisearch.js", "search.js", "search_texts.js"]


# Unfinished and mistyped words, and where the first result leads.
TYPED = {
    "why divde by sqrt": "03_learnable_attention.html#why-divide-by-the-square-root-of-d",
    "temprature": "08_gpt_as_probability.html#sampling-temperature-top-k-top-p",
    "mixture of exp": "12_mixture_of_experts.html",
    "bytepair encodng": "09_gpt0_to_gpt1.html",
    "kv cach": "16_long_context.html",
}


@pytest.mark.parametrize("screen", ["wide", "phone"])
def test_results_come_while_a_reader_types(screen: str, request: pytest.FixtureRequest):
    visit = request.getfixturevalue(screen)
    page = visit.open("notebooks/04_causal_mask.html")
    dialog = open_dialog(page)
    for typed, address in TYPED.items():
        page.locator(f"{DIALOG} input").fill(typed)
        expect(dialog.locator("li > a").first).to_have_attribute("href", re.compile(re.escape(address)))
        expect(dialog.locator("li").first.locator("mark").first).to_be_visible()
    page.locator(f"{DIALOG} input").fill("xqzv")
    expect(dialog).to_have_text("Nothing in the book has these words.")
    page.locator(f"{DIALOG} input").fill("")
    expect(dialog).to_be_hidden()
    page.locator(f"{DIALOG} input").fill("mask")
    expect(dialog.locator("li")).to_have_count(10)
    page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowUp")
    expect(dialog.locator("li > a").first).to_be_focused()
    dialog.locator("li > a").first.click()  # a section of this page, which the dialog would hide
    expect(page.locator(DIALOG)).to_be_hidden()
    page.wait_for_url("**/04_causal_mask.html#**")
    assert visit.errors == []


def test_the_dialog_leads_to_all_results_and_back(wide):
    page = wide.open("notebooks/04_causal_mask.html")
    open_dialog(page)
    page.keyboard.type("softmax")
    page.locator(f"{DIALOG} a", has_text=re.compile("^All ")).wait_for()
    page.keyboard.press("Enter")
    results = page.locator(f"{RESULTS} li")
    until(lambda: results.count() > 10)
    page.locator(FIELD).fill("layer norm")
    expect(results.first).to_contain_text("The transformer block")
    results.first.locator("a").click()
    page.wait_for_url("**/notebooks/**")
    page.go_back()
    expect(page.locator(FIELD)).to_have_value("layer norm")
    expect(results.first).to_contain_text("The transformer block")
    assert wide.errors == []


def test_a_search_that_cannot_be_loaded_says_so(wide):
    page = wide.open("notebooks/04_causal_mask.html")
    page.route("**/search_texts.js", lambda route: route.abort())
    dialog = open_dialog(page)
    page.keyboard.type("mask")
    expect(dialog).to_have_text("The search could not be loaded. Check the connection, and reload the page.")


def test_what_looks_like_markup_is_searched_as_text(wide, site: str):
    search(wide.page, site, "mask <b>[(")
    expect(wide.page.locator(f"{RESULTS} b")).to_have_count(0)
    assert wide.errors == []
