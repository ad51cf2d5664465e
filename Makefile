# The commands of the book. Each one makes .venv itself on first use; README.md says how to do without make.
PYTHON ?= python3
PORT ?= 8000

BIN := .venv/bin
READY := .venv/.installed
HTML := _build/html
# One thread each: the tests run in two processes, and the models are too small to gain from more threads.
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n 2 --dist loadscope --jaxtyping-packages=lecture21,beartype.beartype
NBVAL := --nbval --nbval-current-env
TIMED := benchmarks/speed.py benchmarks/generation.py benchmarks/experts.py benchmarks/context_cost.py

.DEFAULT_GOAL := help
.PHONY: help .venv data book serve test test-code test-notebooks test-book test-browser lint links notebooks pictures bench sweeps clean

help:  ## say what there is
	@grep -E '^[a-z.-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z.-]+):[^#]*## */\1\t/' | expand -t 18

.venv: $(READY)  ## make the environment alone

$(READY): pyproject.toml requirements.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "lecture21 needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1 | tail -n 1); name another one: make PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make an environment: its venv module is missing (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Installing into .venv; the first time takes some minutes."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --upgrade pip
	@$(BIN)/python -m pip install --quiet -r requirements.txt
	@touch $@

data: $(READY)  ## fetch the plays and GPT-2's byte pairs into the user's cache
	@$(BIN)/python -c 'from lecture21 import corpus, encodings; corpus.shakespeare(); encodings.gpt2()'

# From an empty folder: an incremental build does not repeat the warnings of pages it does not rebuild, and would pass.
book: $(READY) data  ## build the book, strictly
	@rm -rf _build
	@$(BIN)/jupyter-book build . -n -W --keep-going
	@echo "The book is built. Open $(CURDIR)/$(HTML)/index.html"

$(HTML)/index.html:
	@$(MAKE) book

serve: $(HTML)/index.html  ## show the built book at 127.0.0.1 (PORT=8000)
	@echo "The book is at http://127.0.0.1:$(PORT)/ (Ctrl-C ends it)"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory $(HTML)

test: lint book  ## the whole proof: lint, book, code, notebooks, pages, browser
	@$(PYTEST) $(NBVAL) notebooks tests

test-code: $(READY)  ## only the unit tests
	@$(PYTEST) tests --ignore tests/book --ignore tests/browser

test-notebooks: $(READY)  ## only the stored outputs, run again and compared
	@$(PYTEST) $(NBVAL) notebooks

test-book: book  ## only the notebook linter and the built pages
	@$(PYTEST) tests/book

test-browser: $(HTML)/index.html  ## only the pages in a real browser
	@$(PYTEST) tests/browser

lint: $(READY)  ## ruff over code and notebooks, actionlint over workflows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/actionlint .github/workflows/*.yml

links: $(READY)  ## ask every external link whether it still answers (needs the internet)
	@$(BIN)/jupyter-book build . --builder linkcheck

notebooks: $(READY) data  ## run every notebook again, in place
	@$(BIN)/python tools/notebooks.py

pictures: $(READY)  ## draw the pictures of the Markdown pages again
	@$(BIN)/python tools/pictures.py

bench: $(READY)  ## time the fast paths against the slow ones, and against transformers
	@for script in $(TIMED); do $(BIN)/python "$$script" || exit 1; done

sweeps: $(READY) data  ## make the results again that the chapters plot (long; gpt_ladder, router_collapse and twins finish the table that is there: remove it to begin again)
	@for script in $(filter-out $(TIMED),$(wildcard benchmarks/*.py)); do $(BIN)/python "$$script" || exit 1; done

clean:  ## remove what was built; .venv stays
	@rm -rf _build dist .pytest_cache .ruff_cache .hypothesis
	@find . -path ./.venv -prune -o -type d -name __pycache__ -exec rm -rf {} +
