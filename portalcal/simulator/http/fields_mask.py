"""Partial responses: the `fields` parameter, as in `items(id,start/dateTime),nextPageToken`."""

from typing import Any

from portalcal.simulator.calendar import errors

Mask = dict[str, Any]


def apply_fields_mask(value: Any, fields: str) -> Any:
    """Return the parts of a JSON value that `fields` selects; lists are filtered element by element.

    >>> apply_fields_mask({"a": 1, "b": [{"c": 2, "d": 3}]}, "b(c)")
    {'b': [{'c': 2}]}

    Raises:
        ErrorResponse: 400 invalidParameter for a malformed field selection.
    """
    mask, rest = _mask(fields)
    if rest:
        raise _unreadable(fields)
    return _select(value, mask)


def _select(value: Any, mask: Mask) -> Any:
    if isinstance(value, list):
        return [_select(element, mask) for element in value]
    if not isinstance(value, dict) or not mask or "*" in mask:
        return value
    return {name: _select(member, mask[name]) for name, member in value.items() if name in mask}


def _mask(text: str) -> tuple[Mask, str]:
    """Parse a comma-separated selection; return it and the rest of the text."""
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
    return errors.invalid(f"Invalid field selection {text}", "fields")
