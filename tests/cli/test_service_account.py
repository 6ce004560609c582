"""A service account with domain-wide delegation, in place of a person's consent."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, Shell
from tests.service_account import EMAIL, a_private_key, hand_out, pem

IN_THE_FILE = f'service_account = "key.json"\nsubject = "{ANA}"\n'


@pytest.fixture
def operator(portalcal: Shell, google: Simulator) -> Shell:
    """A machine whose configuration names a key, and on which nobody ever consented."""
    portalcal.has_own_vault = False
    hand_out(google, portalcal.folder / "key.json")
    path = google.write_files(portalcal.folder)
    path.write_text(path.read_text().replace("[google]\n", f"[google]\n{IN_THE_FILE}"))
    (portalcal.folder / "client_secret.json").unlink()
    return portalcal


def test_it_books_and_cancels_without_anybodys_consent(operator: Shell, google: Simulator) -> None:
    booked = operator.json("book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com")

    assert booked.result["state"] == "confirmed"
    assert booked.result["calendar"] == ANA
    assert len(google.events()) == 1
    assert operator.json("cancel", booked.result["id"]).result["state"] == "cancelled"
    assert google.count("oauth.authorize") == 0


def test_one_command_asks_for_access_once(operator: Shell, google: Simulator) -> None:
    operator.json("availability")

    assert google.count("oauth.token") == 1


def test_the_calendars_chosen_for_the_subject_stay_chosen(operator: Shell, google: Simulator) -> None:
    google.add_calendar("team@example.com", summary="Team", role="reader")

    operator.json("calendars", "--select", "Team")

    assert operator.json("calendars").result["conflicts"] == [ANA, "team@example.com"]


def test_the_selection_of_another_account_means_nothing_for_the_subject(
    operator: Shell, google: Simulator
) -> None:
    operator.json("calendars", "--select", "primary")
    google.add_user("ben@example.com")
    config = operator.folder / "config.toml"
    config.write_text(config.read_text().replace(ANA, "ben@example.com"))

    assert operator.json("calendars").result["booking"] == "ben@example.com"


def test_status_says_who_acts_for_whom(operator: Shell) -> None:
    result = operator.json("status").result

    checks = {each["name"]: each["detail"] for each in result["checks"]}
    assert result["account"] == ANA
    assert checks["oauth.client"] == EMAIL
    assert checks["vault.backend"] == f"service-account, {EMAIL}"
    assert checks["grant.refresh"] == "access renewed"


@pytest.mark.parametrize("command", ["connect", "disconnect"])
def test_there_is_nothing_to_connect_or_to_disconnect(operator: Shell, command: str) -> None:
    ran = operator(command)

    assert ran.exit == 2
    assert f"a service account acts for {ANA} here, so there is nothing to {command}" in ran.err
    assert "portalcal status" in ran.err


def test_a_token_in_the_environment_goes_first(operator: Shell, google: Simulator) -> None:
    token = str(google.issue_token())

    assert operator("calendars", "--json", environ={"PORTALCAL_ACCESS_TOKEN": token}).exit == 0
    assert google.count("oauth.token") == 0


def undelegated(google: Simulator, folder: Path) -> None:
    hand_out(google, folder / "key.json", delegated=("calendar.readonly",))


def with_another_key(google: Simulator, folder: Path) -> None:
    path = folder / "key.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"private_key": pem(a_private_key(1))}))


def without_the_account(google: Simulator, folder: Path) -> None:
    google.router.tokens.service_accounts.clear()


def for_a_stranger(google: Simulator, folder: Path) -> None:
    config = folder / "config.toml"
    config.write_text(config.read_text().replace(ANA, "nobody@example.com"))


@pytest.mark.parametrize(
    ("wrong", "message", "hint"),
    [
        (undelegated, "it was not delegated what portalcal needs", "let client ID 1000"),
        (with_another_key, "its key is not known any more", "make a new key"),
        (without_the_account, "its key is not known any more", "make a new key"),
        (for_a_stranger, "act for nobody@example.com: there is no such account", "[google] subject"),
    ],
)  # fmt: skip
def test_each_refusal_says_who_can_mend_it(
    operator: Shell, google: Simulator, wrong: Callable[[Simulator, Path], None], message: str, hint: str
) -> None:
    wrong(google, operator.folder)

    error = operator.json("availability").error

    assert (error["code"], error["exit"], error["retryable"]) == ("client-invalid", 3, False)
    assert message in error["message"]
    assert hint in error["hint"]
    assert "PRIVATE KEY" not in json.dumps(error)


def test_a_clock_that_is_wrong_is_named(operator: Shell, google: Simulator) -> None:
    operator.clock_is_off_by = 7200

    error = operator.json("calendars").error

    assert error["code"] == "client-invalid"
    assert error["hint"] == "set the clock of this machine right, then run `portalcal status`"


def test_a_captive_portal_is_nobodys_fault(operator: Shell, google: Simulator) -> None:
    google.faults.add("oauth.token: not-json")

    assert operator.json("calendars").error["exit"] == 7


def written(key: Any, *, password: bytes | None = None) -> str:
    """A private key as it may stand in the file."""
    sealed = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    found: bytes = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealed)
    return found.decode()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_key_is_read_in_any_encoding_an_editor_leaves(operator: Shell, encoding: str) -> None:
    path = operator.folder / "key.json"
    path.write_bytes(path.read_text().encode(encoding))

    assert operator.json("calendars").exit == 0


def key_with(**changes: Any) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda key: key | changes


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda _: {"installed": {}}, "an OAuth client, which belongs into [google] client_secrets"),
        (lambda _: {"web": {}}, "an OAuth client, which belongs into [google] client_secrets"),
        (key_with(type="authorized_user"), "a stored user token"),
        (key_with(type="external_account"), "a workload identity configuration"),
        (lambda _: {}, "JSON of another kind"),
        (key_with(private_key=""), 'a key without "private_key"'),
        (key_with(client_email=7), 'a key without "client_email"'),
        (key_with(private_key="-----BEGIN PRIVATE KEY-----\nAAAA\n"), "a private key or an address in it that cannot be used"),
        (key_with(token_uri="http://example.com/token"), "a private key or an address in it that cannot be used"),
        (key_with(token_uri="http://127.0.0.2:80\\@127.0.0.1/"), "a private key or an address in it that cannot be used"),
        (key_with(private_key=written(a_private_key(), password=b"x")), "an encrypted private key, which nobody here can open"),
        (key_with(private_key=written(ec.generate_private_key(ec.SECP256R1()))), "a private key that is no RSA key, as Google's are"),
        (key_with(private_key=written(ed25519.Ed25519PrivateKey.generate())), "a private key that is no RSA key, as Google's are"),
        (key_with(private_key="schlüssel\ud800"), "a private key or an address in it that cannot be used"),
        (lambda _: [], "JSON that is no object"),
    ],
)  # fmt: skip
def test_a_file_of_another_kind_is_named(
    operator: Shell, google: Simulator, change: Callable[[Any], Any], found: str
) -> None:
    path = operator.folder / "key.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))

    error = operator.json("calendars").error

    assert (error["code"], error["exit"]) == ("client-invalid", 3)
    assert error["message"] == f"{path} is not the key of a service account: found {found}"
    assert google.requests == []


@pytest.mark.parametrize(
    ("content", "found"),
    [("{", "is not the key of a service account: found no JSON"), (None, "there is no such file")],
)
def test_no_key_at_all_is_named(operator: Shell, content: str | None, found: str) -> None:
    path = operator.folder / "key.json"
    path.unlink()
    if content is not None:
        path.write_text(content)

    assert operator.json("calendars").error["message"].endswith(found)


def test_neither_key_nor_token_stands_in_a_log_or_a_file(
    operator: Shell, google: Simulator, tmp_path: Path
) -> None:
    ran = operator("--verbose", "availability")

    secrets = {*google.secrets(), pem(a_private_key()).splitlines()[5]}
    assert "POST" in ran.err
    assert not [each for each in secrets if each in ran.out + ran.err]
    ours = [each for each in tmp_path.rglob("*") if each.is_file() and each.name != "key.json"]
    assert not [path for path in ours if any(each.encode() in path.read_bytes() for each in secrets)]
