"""What errors and warnings have in common: facts as annotated fields, shown sanitized. Standard library only."""

from __future__ import annotations

from typing import ClassVar, dataclass_transform

from portalcal.sanitize import sanitize_fact

SHORT_ID = 8
"""Characters of a booking id that people read and type: enough to look it up, and to tell the bookings of a list apart."""


def booking_named(booking: str, guest: str) -> str:
    """A booking as messages name it, by its guest and short id; by the id alone where the guest is not known.

    >>> booking_named("5d16c341-0a6f-4b52-9d53-6d4a5c7a2a11", "Sam Lee")
    "Sam Lee's booking 5d16c341"
    """
    return f"{guest}'s booking {booking[:SHORT_ID]}" if guest else f"booking {booking[:SHORT_ID]}"


def offer_named(offer: str) -> str:
    """An offer as messages name it, by its short id."""
    return f"offer {offer[:SHORT_ID]}"


def why_unread(reason: str) -> str:
    """Google's reason not to tell the busy times of a calendar, in words where we know what it means."""
    return "deleted, or not shared" if reason == "notFound" else reason


@dataclass_transform(eq_default=False)
class Facts:
    """A code with a sentence over facts. A subclass lists its facts as annotated fields, like a dataclass.

    The fields are bound here, since `dataclass` would add 6 ms to every start for the errors alone (measured).
    Names of facts are public: they are the keys of `details` in JSON.
    """

    code: ClassVar[str]
    says: ClassVar[str]  # template of the sentence
    _names: ClassVar[tuple[str, ...]] = ()  # of the facts, in order

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        own = (
            name
            for name, kind in cls.__dict__.get("__annotations__", {}).items()  # noqa: RUF063 - inspect is slow to load
            if "ClassVar" not in str(kind)
        )
        cls._names = (*cls._names, *own)

    def __init__(self, *values: object, **named: object) -> None:
        given = dict(zip(self._names, values, strict=False)) | named
        missing = [name for name in self._names if name not in given and not hasattr(type(self), name)]
        if missing or len(values) > len(self._names) or not given.keys() <= set(self._names):
            raise TypeError(f"{type(self).__name__} takes {self._names}, was given {values} and {named}")
        # Texts use the sanitized facts; `details`, for scripts, are the facts unchanged.
        self.__dict__.update((name, sanitize_fact(value)) for name, value in given.items())
        self._given = given

    @property
    def details(self) -> dict[str, object]:
        """The facts by name, unchanged."""
        return {name: self._given.get(name, getattr(self, name)) for name in self._names}

    @property
    def _words(self) -> dict[str, object]:
        """The facts by name, sanitized, with the booking and the offer they are about as messages name them:
        `named` and `named_offer` in a sentence, `short_id` and `short_offer` in a command.
        """
        facts = {name: getattr(self, name) for name in self._names}
        if booking := facts.get("booking"):
            facts |= {"named": booking_named(booking, facts.get("guest", "")), "short_id": booking[:SHORT_ID]}
        if offer := facts.get("offer"):
            facts |= {"named_offer": offer_named(offer), "short_offer": offer[:SHORT_ID]}
        return facts

    @property
    def sentence(self) -> str:
        """What is wrong. No full stop, unless it is more than one sentence."""
        return self.says.format_map(self._words)

    @classmethod
    def fact_names(cls) -> tuple[str, ...]:
        """The names of the facts, in order."""
        return cls._names
