"""Partial answers: the `fields` parameter, as in `items(id,start/dateTime),nextPageToken`."""

from typing import Any

from portalcal.simulator import refusals

Mask = dict[str, Any]


def masked(value: Any, fields: str) -> Any:
    """Return only what `fields` names of a JSON value, lists element by element.

    >>> masked({"a": 1, "b": [{"c": 2, "d": 3}]}, "b(c)")
    {'b': [{'c': 2}]}

    Raises:
        Refusal: 400 invalidParameter when the text is no field selection.
    """
    mask, rest = _mask(fields)
    if rest:
        raise _unreadable(fields)
    return _kept(value, mask)


def _kept(value: Any, mask: Mask) -> Any:
    if isinstance(value, list):
        return [_kept(one, mask) for one in value]
    if not isinstance(value, dict) or not mask or "*" in mask:
        return value
    return {name: _kept(one, mask[name]) for name, one in value.items() if name in mask}


def _mask(text: str) -> tuple[Mask, str]:
    """Read a comma-separated selection; return it and what follows it."""
    mask: Mask = {}
    while True:
        node, text = mask, text.lstrip()
        while True:
            length = next((at for at, letter in enumerate(text) if letter in ",()/"), len(text))
            name, text = text[:length].strip(), text[length:]
            if not name:
                raise _unreadable(text)
            node = node.setdefault(name, {})
            if not text.startswith("/"):
                break
            text = text[1:]
        if text.startswith("("):
            inner, text = _mask(text[1:])
            if not text.startswith(")"):
                raise _unreadable(text)
            node.update(inner)
            text = text[1:]
        if not text.startswith(","):
            return mask, text
        text = text[1:]


def _unreadable(text: str) -> Exception:
    return refusals.invalid(f"Invalid field selection {text}", "fields")
