"""Pictures of the book: lossless WebP where smaller, with size attributes, lazy loading, and a link to the file."""

from pathlib import Path

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms.images import ImageConverter
from sphinx.util.osutil import ensuredir
from sphinx.writers.html5 import HTML5Translator

_LEAST_PAPER = 0.85  # share of white pixels


def _write_webp(source: Path, target: Path) -> bool:
    """Write a picture as lossless WebP, and return whether that file is smaller than its source."""
    if not target.is_file() or target.stat().st_mtime < source.stat().st_mtime:
        ensuredir(target.parent)
        with Image.open(source) as image:
            image.save(target, lossless=True, quality=80, method=2)
    return target.stat().st_size < source.stat().st_size


def is_line_art(image: Image.Image) -> bool:
    """Return whether a picture is lines and letters on white paper, whose lightness may be turned around in the dark.

    A heatmap may not: its captions say what light and dark mean.
    """
    counts = image.convert("L").histogram()
    return sum(counts[250:]) >= _LEAST_PAPER * sum(counts)


class _Pictures(ImageConverter):
    """Give every picture its size and a way of loading, and convert PNG to WebP for the HTML pages."""

    formats = ("html",)

    def match(self, node: nodes.image) -> bool:
        """Only files of this book; other addresses have the candidate "?"."""
        return self.app.builder.format == "html" and "?" not in node["candidates"] and node["uri"].endswith(".png")

    def handle(self, node: nodes.image) -> None:
        """Convert one picture."""
        source = Path(self.app.srcdir) / node["uri"]
        with Image.open(source) as image:
            node["pixels"] = image.size
            if is_line_art(image):
                node["classes"].append("line-art")
        if _section_depth(node) > 1:
            node["loading"] = "lazy"
        target = Path(self.imagedir) / f"{source.stem}.webp"
        if _write_webp(source, target):
            self.env.original_image_uri[str(target)] = node["uri"]
            node["uri"] = node["candidates"]["*"] = str(target)
            self.env.images.add_file(self.env.docname, str(target))


def _section_depth(node: nodes.Node) -> int:
    """Return the number of sections around a node; pictures in at most one are on the first screen."""
    depth = 0
    while node.parent is not None:
        node = node.parent
        depth += isinstance(node, nodes.section)
    return depth


def _visit_image(self: HTML5Translator, node: nodes.image) -> None:
    HTML5Translator.visit_image(self, node)
    if "pixels" not in node:
        return
    width, height = node["pixels"]
    element = self.body[-1].replace("<img ", f'<img width="{width}" height="{height}" ', 1)
    if not isinstance(node.parent, nodes.reference):
        element = f'<a class="zoom" href="{self.attval(node["uri"])}">{element.rstrip()}</a>\n'
    self.body[-1] = element


def _depart_image(self: HTML5Translator, node: nodes.image) -> None:
    HTML5Translator.depart_image(self, node)


def setup(app: Sphinx) -> dict[str, object]:
    """Register the conversion, and the attributes of the `img` element."""
    app.add_post_transform(_Pictures)
    app.add_node(nodes.image, override=True, html=(_visit_image, _depart_image))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
