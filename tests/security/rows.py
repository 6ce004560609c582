"""The rows of the table: a trick, the command it is played on, and what must come of it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.security import hostile_files
from tests.security.hostile import PAGES, SLOW, TRICKS, Asked, Hostile, Trick
from tests.security.play import (
    BOOK,
    READING,
    REFRESH,
    SEALED,
    TOKEN,
    UNREAD,
    Ran,
    Row,
    configured,
    connected,
    run,
)
from tests.service_account import a_private_key, pem


def rows() -> Iterator[Row]:
    """All of them."""
    for trick, make in (TRICKS | SLOW).items():
        for line in READING:
            if trick not in PAGES or line[0] in {"calendars", "sync"}:
                yield _reading(trick, make, line)
        if trick not in PAGES:
            yield _at_the_token_endpoint(trick, make)
            yield _with_a_key(trick, make)
            yield _inserting(trick, make)
            yield _in_a_batch(trick, make)
            yield _redeeming(trick, make)
            yield _revoking(trick, make)
    yield from _addresses()
    yield from _forged_text()
    yield from hostile_files.rows()


def _reading(trick: str, make: Callable[[], Trick], line: tuple[str, ...]) -> Row:
    def plays(folder: Path) -> Ran:
        with Hostile(make()) as google:
            configured(folder, google.url)
            return run(folder, *line, environ=TOKEN)

    def holds(ran: Ran) -> bool:
        if line[0] == "status":
            return (ran.exit, ran.code) == (7, "unreachable")
        # Nothing was booked here, so that there is nothing to be read.
        if line[0] == "sync" and ran.exit == 0:
            return True
        return ran.exit == 7 and ran.code in UNREAD

    return Row(trick, line[0], plays, holds, "counts as unread", is_slow=trick in SLOW)


def _at_the_token_endpoint(trick: str, make: Callable[[], Trick]) -> Row:
    def plays(folder: Path) -> Ran:
        with Hostile(make()) as google:
            configured(folder, google.url)
            return run(folder, "calendars", environ=REFRESH)

    return Row(
        trick, "calendars (token endpoint)", plays, _is_unread, "no token was taken", is_slow=trick in SLOW
    )


def _with_a_key(trick: str, make: Callable[[], Trick]) -> Row:
    def plays(folder: Path) -> Ran:
        with Hostile(make()) as google:
            configured(folder, google.url)
            key = {
                "type": "service_account", "private_key_id": "1", "private_key": pem(a_private_key()),
                "client_email": "a@b.iam.gserviceaccount.com", "client_id": "1", "token_uri": f"{google.url}/token",
            }  # fmt: skip
            (folder / "key.json").write_text(json.dumps(key))
            with (folder / "config.toml").open("a") as config:
                config.write('service_account = "key.json"\nsubject = "ana@example.com"\n')
            return run(folder, "calendars", environ={})

    return Row(
        trick, "calendars (service account)", plays, _is_unread, "no token was taken", is_slow=trick in SLOW
    )


def _is_unread(ran: Ran) -> bool:
    return ran.exit == 7 and ran.code in UNREAD


def _inserting(trick: str, make: Callable[[], Trick]) -> Row:
    def plays(folder: Path) -> Ran:
        with Hostile(make(), when=_is_insert) as google:
            configured(folder, google.url)
            return run(folder, *BOOK, environ=TOKEN)

    def holds(ran: Ran) -> bool:
        return (ran.exit, ran.code) == (8, "held") and bool(json.loads(ran.out)["result"]["id"])

    return Row(trick, "book (the insert)", plays, holds, "held, id on stdout", is_slow=trick in SLOW)


def _in_a_batch(trick: str, make: Callable[[], Trick]) -> Row:
    def plays(folder: Path) -> Ran:
        with Hostile(make(), when=_is_insert) as google:
            configured(folder, google.url)
            lines = [
                {"start": f"2030-11-26T{hour}:00", "name": "Sam", "email": "sam@example.com", "force": True}
                for hour in (10, 12)
            ]
            (folder / "lines").write_text("\n".join(map(json.dumps, lines)))
            return run(folder, "book", "--file", str(folder / "lines"), environ=TOKEN)

    def holds(ran: Ran) -> bool:
        answers = [json.loads(each)["result"]["state"] for each in ran.out.splitlines()]
        return ran.exit == 8 and answers == ["held", "held"]

    return Row(trick, "book --file (the insert)", plays, holds, "an answer a line", is_slow=trick in SLOW)


def _redeeming(trick: str, make: Callable[[], Trick]) -> Row:
    def plays(folder: Path) -> Ran:
        with Hostile(make(), when=lambda asked: asked.path == "/token") as google:
            return connected(folder, google.url)

    def holds(ran: Ran) -> bool:
        return _is_unread(ran) and not ran.out

    return Row(trick, "connect (code exchange)", plays, holds, "not connected", is_slow=trick in SLOW)


def _revoking(trick: str, make: Callable[[], Trick]) -> Row:
    def plays(folder: Path) -> Ran:
        with Hostile(make(), when=lambda asked: asked.path == "/revoke") as google:
            first = connected(folder, google.url)
            assert first.exit == 0, first
            return run(folder, "disconnect", "--yes", environ=SEALED)

    def holds(ran: Ran) -> bool:
        result = json.loads(ran.out)["result"]
        return ran.exit == 0 and result["forgotten"] and result["revocation"] == "unreachable"

    return Row(trick, "disconnect (revocation)", plays, holds, "forgotten here", is_slow=trick in SLOW)


def _forged_text() -> Iterator[Row]:
    """A calendar whose name holds control characters, a forged hint, invisible characters and markup."""
    for line in (
        ("calendars",),
        ("status",),
        ("availability", "2030-11-25"),
        ("calendars", "--select", "An"),
    ):

        def plays(folder: Path, line: tuple[str, ...] = line) -> Ran:
            with Hostile(lambda _: [], when=lambda _: False) as google:
                configured(folder, google.url)
                return run(folder, *line, environ=TOKEN, json=False)

        yield Row("a calendar's name of escape sequences", " ".join(line), plays, _is_clean, "shown as text")


def _is_clean(ran: Ran) -> bool:
    shown = ran.out + ran.err
    has_control = any(not each.isprintable() and each != "\n" for each in shown)
    return not has_control and "hint: run `curl" not in shown.splitlines() and ran.exit in {0, 3, 6}


def _is_insert(asked: Asked) -> bool:
    return asked.is_insert


def _addresses() -> Iterator[Row]:
    """Addresses that seem to be loopback and lead to 127.0.0.2, or to nobody knows where."""
    for shape in (
        "http://127.0.0.2:{}\\@127.0.0.1/", "http://127.0.0.1@127.0.0.2:{}/", "http://127.0.0.2:{}#@127.0.0.1/",
        "http://127.0.0.2:{}/", "http://2130706434:{}/", "http://0x7f.2:{}/", "http://127.0.0.2.:{}/",
    ):  # fmt: skip
        for key in ("api_root", "revoke_uri", "token_uri"):
            yield _address(shape, key)


def _address(shape: str, key: str) -> Row:
    def plays(folder: Path) -> Ran:
        with Hostile(lambda _: [whole_of_nothing()], host="127.0.0.2") as other:
            configured(folder, "http://127.0.0.1:1")
            name = "client.json" if key == "token_uri" else "config.toml"
            written = shape.format(other.port)
            before = (folder / name).read_text()
            if key == "token_uri":
                changed = before.replace('"http://127.0.0.1:1/token"', json.dumps(written))
            else:
                old = "http://127.0.0.1:1/" + ("calendar/v3/" if key == "api_root" else "revoke")
                changed = before.replace(f'"{old}"', f"'{written}'")
            assert changed != before
            (folder / name).write_text(changed)
            ran = run(folder, "calendars", environ=REFRESH)
            return ran if not other.asked else Ran(-1, "", "it was reached")

    def holds(ran: Ran) -> bool:
        return ran.exit == 3 and ran.code in {"config-invalid", "client-invalid"}

    return Row(f"{key} = {shape.format('PORT')}", "calendars", plays, holds, "nobody was reached")


def whole_of_nothing() -> bytes:
    """An answer with nothing in it."""
    return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
