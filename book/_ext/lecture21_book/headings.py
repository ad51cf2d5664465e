"""Anchors of headings."""


def jupyter_slug(title: str) -> str:
    """Return the anchor that Jupyter gives a heading, so that one link works there and in the book."""
    return title.replace(" ", "-")
