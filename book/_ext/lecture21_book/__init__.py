"""Sphinx extensions of the book, one for each task that no packaged extension solves."""

import gc

from sphinx.application import Sphinx

PARTS = [
    "generated",  # the gallery of mistakes, the exam and the API pages
    "chapters",  # the numbers of the chapters
    "minutes",  # how long chapters and the path take
    "links",  # links from running text to terms, chapters, papers and code
    "previews",  # what terms and citations lead to, shown beside the link
    "figure_index",  # figures that respond in the contents of their page
    "search",  # the plain text of the pages, for excerpts on the search page
    "page_head",  # description and Open Graph data
    "edition",  # the version in the footer, and how to cite the book
    "docstrings",  # docstrings as napoleon should read them
    "command_help",  # the output of `lecture21 COMMAND --help`
    "mathematics",  # formulas typeset when the book is built
    "pictures",  # smaller pictures, with their size, loaded late
    "outputs",  # printed tables that keep their columns
    "folds",  # names of folded cells
    "exercises",  # exercises that readers do in the page
    "live",  # figures that respond to the reader
    "present",  # chapters as talks, with speaker's notes
    "lecture",  # the talks that book/lecture.yml lists
    "markup",  # roles and names that the theme leaves out
    "icons",  # fonts of the icons that the book shows
    "path",  # the script of the path on the landing page
    "addresses",  # old addresses, and what follows the landing page
    "offline",  # a published book is there without a connection
    "scripts",  # no script that no page needs
]


def setup(app: Sphinx) -> dict[str, object]:
    """Set up each part as a Sphinx extension of its own."""
    # Pages are trees whose nodes all refer to each other. To search them for garbage, again and again, takes two fifths
    # of the build; without, it needs 2.4 gigabytes in place of 1.1.
    gc.disable()
    for part in PARTS:
        app.setup_extension(f"{__name__}.{part}")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
