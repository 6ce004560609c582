"""Which account is stored: the one named, the one of the previous connection, or one that the person confirmed."""

from __future__ import annotations

import io
import threading
import urllib.request

import pytest

from portalcal.errors import ConsentDenied
from portalcal.ports import Secret
from portalcal.simulator.google import Simulator
from portalcal.usecases.connect import ConnectOptions, connect
from tests.usecases.conftest import ANA, Machine, Process


class Person:
    """Confirms or declines, and keeps the questions."""

    def __init__(self, *, agrees: bool) -> None:
        self.agrees = agrees
        self.asked: list[str] = []

    def __call__(self, question: str, **_: object) -> bool:
        self.asked.append(question)
        return self.agrees


def attended(machine: Machine, person: Person) -> Process:
    """A process with a person at it, and a browser in which every consent is given."""

    def visit(url: str) -> bool:
        def look() -> None:
            with urllib.request.urlopen(url, timeout=10) as page:
                page.read()

        threading.Thread(target=look, daemon=True).start()
        return True

    process = machine.process()
    process.notes.confirm = person  # type: ignore[method-assign]
    process.override(open_browser=visit, has_browser=True)
    process.stdin = io.StringIO()
    return process


def disconnected(machine: Machine) -> None:
    machine.process().connection_file.forget()
    machine.vault.forget()


def test_an_account_that_nobody_named_is_confirmed_before_it_is_stored(
    machine: Machine, google: Simulator
) -> None:
    disconnected(machine)
    person = Person(agrees=True)

    answer = connect(ConnectOptions(asks=True), attended(machine, person))

    assert person.asked == [f"Keep {ANA}?"]
    assert answer.connection.account == ANA


def test_an_account_that_the_person_declines_is_not_stored(machine: Machine, google: Simulator) -> None:
    disconnected(machine)
    process = attended(machine, Person(agrees=False))

    with pytest.raises(ConsentDenied, match=r"not the one that was meant. Nothing was stored") as caught:
        connect(ConnectOptions(asks=True), process)

    assert "`portalcal connect --account EMAIL`" in (caught.value.hint or "")
    assert process.connections.read() is None
    assert machine.vault.read(Secret.REFRESH_TOKEN) is None


@pytest.mark.parametrize(
    "request_",
    [ConnectOptions(asks=True, account=ANA), ConnectOptions(asks=False)],
    ids=["named", "nobody there"],
)
def test_an_account_that_was_named_needs_no_confirmation_nor_does_one_where_nobody_can_be_asked(
    machine: Machine, google: Simulator, request_: ConnectOptions
) -> None:
    disconnected(machine)
    person = Person(agrees=False)

    connect(request_, attended(machine, person))

    assert person.asked == []


def test_the_account_of_the_previous_connection_needs_no_confirmation(
    machine: Machine, google: Simulator
) -> None:
    person = Person(agrees=False)

    connect(ConnectOptions(asks=True, force=True), attended(machine, person))

    assert person.asked == []
