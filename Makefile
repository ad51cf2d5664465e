# The commands of the book. Each one makes .venv on first use; README.md says how to do without make.
PYTHON ?= python3
PORT ?= 8000
ADDRESS ?=
DRAWS ?= $(shell date +%s)
SEED ?= 1
# One more than two cores: a worker that waits for a browser computes nothing.
WORKERS ?= 3

BIN := .venv/bin
READY := .venv/.installed
HTML := _build/html
# Processes with one thread each: the models are too small to gain from more threads.
# Where an environment forbids bytecode, each of the many processes would compile the package again.
export PYTHONDONTWRITEBYTECODE :=
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest -n $(WORKERS) --dist loadscope --durations 10
NBVAL := --nbval --nbval-current-env
# The notebooks that train, once more (tools/rerun.py).
RERUN := PYTHONPATH=tools $(PYTEST) -p rerun --nbval-current-env
# The oldest instructions that torch, MKL and oneDNN know: another processor rounds differently, and trains other models.
OLD := ATEN_CPU_CAPABILITY=default MKL_CBWR=COMPATIBLE ONEDNN_MAX_CPU_ISA=SSE41
# The complete tests check types and shapes in every signature, which takes a quarter of the time of the code's tests.
COMPLETE := --jaxtyping-packages=lecture21,beartype.beartype
# What `make test` leaves to `make test-all` (pyproject.toml says what the markers mean).
QUICK := --hypothesis-profile quick -m "not repetition and not slow"
PAGES := tests/book tests/browser
CODE := tests $(PAGES:%=--ignore %)
JS := 'src/lecture21/course/live/**/*.js' 'book/_static/*.js'
NODE := tools/js/node_modules/.bin
# The search of the book: a copy of what package-lock.json names, so that a build needs no Node.
MINISEARCH := tools/js/node_modules/minisearch
PRETTIER = $(NODE)/prettier --config tools/js/.prettierrc.json
TIMED := benchmarks/speed.py benchmarks/c11_generation.py benchmarks/live.py
# Need a text that is not on the package index.
ONLINE := benchmarks/c09_new_play.py benchmarks/c10_minutes.py benchmarks/c10_record.py

define check-python
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
  echo "lecture21 needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) --version 2>&1 | tail -n 1); name another one: make PYTHON=python3.12" >&2; exit 1; }
endef

# A reader gets the newest versions that pyproject.toml allows. Continuous integration gets the files whose hashes are in
# constraints.txt, and torch, whose wheel differs by device. This package has no hash: what it needs is there by then.
# pip would compile 18,000 modules, one after the other for most of a minute; Python compiles those that are imported.
define install-newest
@$(BIN)/python -m pip install --quiet --upgrade pip
@$(BIN)/python -m pip install --quiet --no-compile -r requirements.txt
endef

define install-locked
@$(BIN)/python -m pip install --quiet --no-compile --no-deps --only-binary :all: --require-hashes -r constraints.txt
@$(BIN)/python -m pip install --quiet --no-compile --constraint torch.txt torch
@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
endef

# Run one target as a section of `make test` or `make test-all`, and name it if it fails.
define section
@printf '\n=== %s (make %s)\n' '$(1)' '$(2)'
@$(MAKE) --no-print-directory $(2) || { echo "make $@ stopped at: $(1). To repeat it: make $(2)" >&2; exit 1; }
endef

.DEFAULT_GOAL := help
.PHONY: help .venv browser data book pdf site serve test test-all test-beside-book test-every test-code test-fresh test-notebooks arithmetic seeds test-pages test-book test-browser weight cost lint js js-check lock address links notebooks exercise student instructor lines pictures attack bench sweeps clean

help:  ## list the commands
	@grep -E '^[a-z.-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z.-]+):[^#]*## */\1\t/' | expand -t 18

.venv: $(READY)  ## install the package and its tools into .venv

$(READY): pyproject.toml requirements.txt
	$(check-python)
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make an environment: its venv module is missing (on Debian: apt-get install python3-venv)" >&2; exit 1; }
	@echo "Installing into .venv; the first time takes some minutes."
	@$(PYTHON) -m venv .venv
	$(if $(CI),$(install-locked),$(install-newest))
	@touch $@

browser:  ## find Chromium or Chrome for the tests, or install Chromium
	$(check-python)
	@$(PYTHON) tools/find_browser.py

data: $(READY)  ## download the plays and GPT-2's byte pairs into the user's cache
	@$(BIN)/python -c 'from lecture21.data import shakespeare; from lecture21.tokenizers import gpt2; shakespeare(); gpt2()'

# From an empty folder: an incremental build does not repeat the warnings of pages it does not rebuild, and would pass.
book: $(READY) data  ## build the book; a warning or a missing page is an error
	@rm -rf _build
	@$(BIN)/jupyter-book build . -n -W --keep-going
	@$(BIN)/python tools/check_pages.py
	@echo "The book is built. Open $(CURDIR)/$(HTML)/index.html"

$(HTML)/index.html:
	@$(MAKE) book

pdf: $(HTML)/index.html browser  ## write the whole book to dist/: one PDF, and a zip file to read offline
	@$(BIN)/python tools/pdf.py

site: export LECTURE21_SITE = 1
site: book  ## build what is published: the book with its PDF and its zip file beside the first page
	@$(MAKE) --no-print-directory pdf
	@cp dist/lecture21.pdf dist/lecture21-offline.zip $(HTML)/

serve: $(HTML)/index.html  ## serve the built book at 127.0.0.1 (PORT=8000)
	@$(BIN)/python tools/serve.py $(PORT)

test:  ## check everything, on a sample of pages and variants: browser, lint, book, notebooks, tests
	$(call section,browser,browser)
	$(call section,environment and data,data)
	$(call section,lint,lint)
	$(call section,book beside notebooks and tests,test-beside-book)

test-all:  ## run every check on every page, screen and process, and attack the package
	$(call section,browser,browser)
	$(call section,environment and data,data)
	$(call section,lint,lint)
	$(call section,JavaScript,js-check)
	$(call section,book beside notebooks and tests,test-every)
	$(call section,another arithmetic,arithmetic)
	$(call section,attack,attack)

# The book is built by one process: what needs no page runs beside it. What the build says is shown afterward. Until it
# has ended it holds a pipe open, on which the tests of the pages wait. tests/conftest.py has the order of the tests.
define test-beside-book
@folder=$$(mktemp -d); mkfifo $$folder/building; exec 3<>$$folder/building; \
{ $(MAKE) --no-print-directory book >$$folder/log 2>&1; echo $$? >$$folder/status; } & exec 3>&-; \
PYTHONPATH=tests $(PYTEST) --no-loadscope-reorder $(NBVAL) $(1) --beside-build $$folder notebooks tests; \
tested=$$?; wait; built=$$(cat $$folder/status); cat $$folder/log; rm -r $$folder; exit $$((tested + built))
endef

# The kernels of the notebooks are forks of a process that has imported torch.
test-beside-book: $(READY)  ## build the book, and run the notebooks and a sample of the tests
	$(call test-beside-book,-p warm_kernels $(QUICK))

test-every: $(READY)  ## build the book, and run the notebooks and all tests, with all repetitions
	$(call test-beside-book,$(COMPLETE))

test-code: $(READY)  ## run the unit tests
	@$(PYTEST) $(CODE)

test-fresh: $(READY)  ## repeat the tests that draw their cases, with other draws (DRAWS=7)
	@$(PYTEST) tests/course/exercises tests/course/chapters $(shell grep -rl --include='test_*.py' "from hypothesis" tests | grep -v tests/course/exercises) --draws $(DRAWS) --hypothesis-profile fresh

test-notebooks: $(READY)  ## run the notebooks and compare their outputs with the stored ones
	@$(PYTEST) $(NBVAL) notebooks

arithmetic: $(READY)  ## run the notebooks that train as on another processor, and compare their outputs
	@$(OLD) $(RERUN) --nbval notebooks

seeds: $(READY)  ## run the notebooks that train from another seed (SEED=2); only errors count
	@$(RERUN) --nbval-lax --train-seed $(SEED) notebooks

test-pages: $(HTML)/index.html  ## run the checks of the built pages, in the browser too
	@$(PYTEST) $(PAGES)

test-book: book  ## run the notebook linter and the checks of the built pages
	@$(PYTEST) tests/book

test-browser: $(HTML)/index.html  ## open the built pages in a browser
	@$(PYTEST) tests/browser

weight: $(HTML)/index.html  ## measure bytes and loading times of pages, with the browser's throttling
	@$(BIN)/python tools/page_weight.py

cost: $(HTML)/index.html  ## print the CPU seconds of each family of tests in `make test` (TESTS=tests/course/live for some)
	@PYTHONPATH=tools $(PYTEST) $(NBVAL) $(QUICK) -p test_cost $(or $(TESTS),tests notebooks)

lint: $(READY)  ## check the style of code and notebooks (ruff), tests and workflows, and print how long the chapters are
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/python tools/lint_tests.py
	@$(BIN)/actionlint .github/workflows/*.yml
	@$(BIN)/python tools/reading_time.py

js: tools/js/node_modules/.package-lock.json  ## format the JavaScript of figures and book, and check it (needs Node)
	@$(PRETTIER) --log-level warn --write $(JS)
	@cp $(MINISEARCH)/dist/umd/index.js book/_static/minisearch/minisearch.js
	@cp $(MINISEARCH)/LICENSE.txt book/_static/minisearch/
	@$(MAKE) --no-print-directory js-check

js-check: tools/js/node_modules/.package-lock.json  ## check format, style and types of the JavaScript (needs Node)
	@$(PRETTIER) --log-level warn --check $(JS)
	@$(NODE)/eslint --config tools/js/eslint.config.js $(JS)
	@$(NODE)/tsc --project tools/js/tsconfig.json
	@cmp $(MINISEARCH)/dist/umd/index.js book/_static/minisearch/minisearch.js
	@! grep -rnE '[{(<,|:] ?any\b' --include='*.js' --exclude-dir minisearch src/lecture21/course/live book/_static | grep -vE '^src/lecture21/course/live/(kit/(state|store)|engine/(client|worker))\.js' # which pass on what others know

# The versions of package-lock.json, checked against its hashes.
tools/js/node_modules/.package-lock.json: tools/js/package.json tools/js/package-lock.json
	@command -v node >/dev/null && command -v npm >/dev/null || { \
	  echo "The checks of the JavaScript need Node 20 or newer with npm: install it from https://nodejs.org (on Debian: apt-get install nodejs npm)" >&2; exit 1; }
	@cd tools/js && npm ci --loglevel error
	@touch $@

lock: $(READY)  ## write constraints.txt and torch.txt again, from the newest versions that pyproject.toml allows
	@$(BIN)/python tools/lock.py

address:  ## set the repository's address from the git remote (or ADDRESS=https://github.com/OWNER/NAME)
	$(check-python)
	@$(PYTHON) tools/repository.py $(ADDRESS)

links: $(READY)  ## check every external link (needs the internet)
	@$(BIN)/jupyter-book build . --builder linkcheck

notebooks: $(READY) data  ## run every notebook and store its outputs
	@$(BIN)/python tools/notebooks.py

exercise: $(READY)  ## insert an exercise into its notebook, or write its stub and solution again (NUMBER=4.6)
	@$(BIN)/python tools/exercise.py $(NUMBER)

student: $(READY)  ## write dist/lecture21-student.zip: the notebooks without solutions
	@$(BIN)/python tools/editions.py student

instructor: $(READY)  ## write dist/lecture21-instructor.zip: the notebooks with solutions and teaching notes
	@$(BIN)/python tools/editions.py instructor

lines: $(READY)  ## compute what the check says of each combination of lines, for exercises that have changed
	@OMP_NUM_THREADS=1 $(BIN)/python tools/lines.py

pictures: $(READY)  ## draw the pictures of the Markdown pages, and those that stand in for figures that respond
	@$(BIN)/python tools/pictures.py
	@PYTHONPATH=tools $(BIN)/python tools/live_page.py --pictures

attack: $(READY)  ## attack the package: kills, signals, misuse of the API (ten minutes)
	@OMP_NUM_THREADS=1 $(BIN)/python tests/attack/run.py

bench: $(READY)  ## time the fast implementations against the plain ones and transformers, and the page against torch
	@for script in $(TIMED); do $(BIN)/python "$$script" || exit 1; done

sweeps: $(READY) data  ## compute the rows that the stored tables of the experiments lack (JOBS=2 at a time; remove a table to start over)
	@for script in $(filter-out $(TIMED) $(ONLINE),$(wildcard benchmarks/c[0-9]*.py)); do $(BIN)/python "$$script" $(JOBS:%=--jobs %) || exit 1; done

clean:  ## remove everything that was built, except .venv
	@rm -rf _build dist .pytest_cache .ruff_cache .hypothesis book/api book/mistakes.md book/exam.md
	@find . -path ./.venv -prune -o -type d -name __pycache__ -exec rm -rf {} +
