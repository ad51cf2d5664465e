"""The parameters of figures: traits with limits, which Python and the script of the figure both check."""

from typing import Any

import traitlets


class Text(traitlets.Unicode):
    """A text with at least `shortest` and at most `longest` characters."""

    def __init__(self, default: str, *, longest: int, shortest: int = 0) -> None:
        super().__init__(default)
        self.shortest, self.longest = shortest, longest

    def validate(self, obj: Any, value: Any) -> str:
        """Return the text; a TraitError says that it is none, too short or too long."""
        text = super().validate(obj, value)
        if not self.shortest <= len(text) <= self.longest:
            self.error(obj, value)
        return text


def limits(trait: object) -> dict[str, Any] | None:
    """Return the start of a trait and what it may be, as scripts read it; None for what is not a trait with limits."""
    match trait:
        case traitlets.Enum():
            allowed = {"choices": list(trait.values)}
        case traitlets.Bool():
            allowed = {"choices": [False, True]}
        case traitlets.Int(max=int()):
            allowed = {"min": trait.min, "max": trait.max, "integer": True}
        case traitlets.Float():
            allowed = {"min": trait.min, "max": trait.max}
        case Text():
            allowed = {"shortest": trait.shortest, "longest": trait.longest}
        case _:
            return None
    return {"start": trait.default_value, **allowed}


def require(owner: traitlets.HasTraits, name: str, value: Any) -> None:
    """Raise a ValueError that says what a trait may be, unless the value is such."""
    trait = owner.class_traits()[name]
    try:
        trait.validate(owner, value)
        if value == value:  # not NaN, which is within all limits of traitlets
            return
    except traitlets.TraitError:
        pass
    match limits(trait):
        case {"choices": choices}:
            allowed = f"be one of {', '.join(map(str, choices))}"
        case {"shortest": shortest, "longest": longest} if isinstance(value, str):
            allowed, value = f"have {shortest} to {longest} characters", len(value)
        case {"min": low, "max": high}:
            allowed = f"be from {low} to {high}"
        case _:
            allowed = f"be {trait.info()}"
    raise ValueError(f"{name} must {allowed}, got {value!r}")
