"""What all figures share: the widget for notebooks, and the element that the static page brings to life."""

import functools
import html
import json
from typing import Any, ClassVar

import anywidget
import traitlets

from lecture21 import pretrained
from lecture21._support.storage import WEIGHTS
from lecture21.course.live.bundle import bundle
from lecture21.course.live.parameters import limits, require
from lecture21.gpt import GPT
from lecture21.pretrained import storage
from lecture21.tokenizers import BPETokenizer, CharTokenizer


class Figure(anywidget.AnyWidget):
    """A figure that responds to the reader, in the page of the book and in a notebook.

    A subclass names its folder, describes what the figure shows at first, and declares its state as traits that have
    the tag `sync`. Those with limits are its parameters: Python checks them, and the script of the figure gets the same
    limits. In a notebook a figure is a widget. On a page it is an element with the same state, whose picture and
    description are shown where no script runs.
    """

    figure: ClassVar[str]
    """Name of the folder in `lecture21.course.live` and, in the element, of the figure."""

    description: ClassVar[str]
    """What the figure shows at first, for readers who cannot see it or where no script runs."""

    kinds: ClassVar[dict[str, type["Figure"]]] = {}
    """The class of each figure, by the figure's name."""

    after = traitlets.Unicode("").tag(sync=True)
    """Number of the question whose answer this figure shows, such as "13.4": until the reader has answered, or asks to
    see it without, the figure is closed. Empty for none."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        if "figure" in cls.__dict__:
            Figure.kinds[cls.figure] = cls
        super().__init_subclass__(**kwargs)

    @property
    def _esm(self) -> str:
        """The script of the figure, which anywidget reads when a notebook makes the first of its kind."""
        return _module(self.figure)

    def __init__(self, *values: Any, **state: Any) -> None:
        parameters = self.parameters()
        if len(values) > len(parameters):
            raise TypeError(f"{type(self).__name__} has {len(parameters)} parameters, got {len(values)} values")
        state |= dict(zip(parameters, values, strict=False))
        for name, value in state.items():
            if name not in self.class_traits(sync=True):
                raise TypeError(f"{type(self).__name__} has no parameter {name!r}; it has {', '.join(parameters)}")
            require(self, name, value)
        self._given = {
            name: state[name]
            for name in parameters
            if state.get(name, parameters[name]["start"]) != parameters[name]["start"]
        }
        super().__init__(**state)

    @classmethod
    def parameters(cls) -> dict[str, dict[str, Any]]:
        """Return the limits of each trait that has some, in the order of their declarations."""
        classes = [each for each in reversed(cls.__mro__) if issubclass(each, Figure)]
        found = {name: limits(value) for each in classes for name, value in vars(each).items()}
        return {name: each for name, each in found.items() if each is not None}

    def assets(self) -> dict[str, str]:
        """Return which files of the book the figure loads on a page: trait name to the name of the file."""
        return {}

    def fallback_image(self) -> str:
        """Return the name of the picture that stands in for the figure, without its ending; empty if there is none."""
        return self.figure

    def fallback_html(self) -> str:
        """Return what stands in for the figure beside its picture, as HTML."""
        return f"<p>{html.escape(self.description)}</p>"

    def element(self) -> str:
        """Return the HTML element of the figure on a page."""
        state = {
            name: value
            for name, value in self.get_state().items()
            if name in type(self)._state_names() and not isinstance(value, bytes | memoryview)
        }
        if self.after:
            state["after"] = self.after
        data = {"figure": self.figure, "image": self.fallback_image(), "state": state, "assets": self.assets()}
        text = {key: value if isinstance(value, str) else _json(value) for key, value in data.items()}
        attributes = " ".join(f'data-{key}="{html.escape(value)}"' for key, value in text.items())
        return f'<div class="live-figure" {attributes}>\n{self.fallback_html()}\n</div>'

    @classmethod
    def _state_names(cls) -> set[str]:
        """Return the traits that subclasses of this class declared."""
        inherited = set(Figure.class_trait_names())
        return {name for name in cls.class_trait_names(sync=True) if name not in inherited and name[0] != "_"}

    def __repr__(self) -> str:
        given = (f"{name}={value!r}" for name, value in self._given.items())
        short = (text if len(text) <= 60 else f"{text[:57]}..." for text in given)
        return f"{type(self).__name__}({', '.join(short)})"

    def _repr_mimebundle_(self, **kwargs: Any) -> Any:
        found = super()._repr_mimebundle_(**kwargs)
        data, metadata = found if isinstance(found, tuple) else (found, {})
        return {**data, "text/html": self.element()}, metadata


@functools.cache
def _module(figure: str) -> str:
    return bundle(figure, Figure.kinds[figure].parameters())


def _json(value: object) -> str:
    """Return a value as JSON, with null for what JSON has no number for."""
    plain = json.loads(json.dumps(value), parse_constant=lambda _: None)
    return json.dumps(plain, sort_keys=True, ensure_ascii=False)


class ModelFigure(Figure):
    """A figure with a GPT: a model of the reader's, or one that the package has."""

    default_model: ClassVar[str] = "modern-gpt0"
    """Name of the pretrained model that is shown if none is given."""

    reads_byte_pairs: ClassVar[bool] = False
    """Whether the tokens of the model may be byte pairs; else they are characters."""

    weights = traitlets.Bytes(b"").tag(sync=True)
    """The model as safetensors, with its configuration and vocabulary; empty on a page, which loads the file."""

    def __init__(
        self,
        model: GPT | str | None = None,
        tokenizer: CharTokenizer | BPETokenizer | None = None,
        *values: Any,
        **state: Any,
    ) -> None:
        if isinstance(tokenizer, BPETokenizer) and not self.reads_byte_pairs:
            raise ValueError("this figure reads characters: it needs a model with a CharTokenizer, got a BPETokenizer")
        model = self.default_model if model is None else model
        self._name = model if isinstance(model, str) else None
        super().__init__(*values, weights=weights_of(model, tokenizer), **state)

    def assets(self) -> dict[str, str]:
        """Return the shipped model's file; a reader's own model is on no page."""
        return {} if self._name is None else {"weights": f"models/{self._name}.safetensors"}


def weights_of(model: GPT | str, tokenizer: CharTokenizer | BPETokenizer | None = None) -> bytes:
    """Return a model as one safetensors file, whose metadata has its configuration and its vocabulary.

    Args:
        model: a GPT, or the name of a shipped model.
        tokenizer: of the GPT; a shipped model has its own.

    Raises:
        ValueError: if there is no such model, or its tokenizer does not match.
    """
    if isinstance(model, str):
        if model not in pretrained.names():
            shipped = ", ".join(pretrained.names())
            raise ValueError(f"unknown model {model!r}; choose from {shipped}, or give a GPT and its tokenizer")
        return (storage.FOLDER / model / WEIGHTS).read_bytes()
    if tokenizer is None:
        raise ValueError("a figure with a model of your own needs its tokenizer as well")
    return storage.to_bytes(model, tokenizer)
