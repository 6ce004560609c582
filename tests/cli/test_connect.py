"""Connecting and disconnecting, through the real loopback receiver and the simulator's consent."""

from __future__ import annotations

import json
import queue
import re
import threading
import tomllib
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from portalcal.ports import Secret
from portalcal.simulator.google import Simulator
from tests.cli.conftest import ANA, Shell, visit
from tests.consent_page import consent_page


def tab_of(url: str) -> str:
    """What stands in the browser's tab in the end."""
    try:
        with urllib.request.urlopen(consent_page(url), timeout=60) as page:
            text: bytes = page.read()
    except urllib.error.HTTPError as refusal:
        text = refusal.read()
        refusal.close()
    return text.decode()


def test_connecting_keeps_a_grant_that_works(portalcal: Shell, google: Simulator) -> None:
    ran = portalcal("connect")

    assert ran.exit == 0
    assert "Connected" in ran.out
    assert ANA in ran.out
    assert portalcal.vault.read(Secret.REFRESH_TOKEN)
    assert portalcal.json("calendars").result["booking"] == ANA


def test_the_json_result_names_account_permissions_and_selection(portalcal: Shell) -> None:
    ran = portalcal.json("connect")

    result = json.loads(ran.out)["result"]
    assert result["account"] == ANA
    assert result["permissions"] == dict.fromkeys(
        ("view_calendars", "view_events", "create_events", "edit_events"), True
    )
    assert result["calendars"] == {"conflicts": [ANA], "booking": ANA}
    assert result["vault"] == "memory"
    assert result["connected_at"] == "2026-11-23T08:00:00+00:00"


def test_every_permission_is_asked_for_with_its_reason(portalcal: Shell) -> None:
    told = " ".join(portalcal("connect").err.split())

    for words in (
        "View your calendars", "to let you choose which calendars count",
        "View when you are busy", "to check for conflicts when showing available times",
        "Create events", "to add a meeting when one is booked",
        "Edit events", "to move or remove a meeting when the booking changes",
        "Google shows 3 boxes for them, all unticked. Tick every one.",
    ):  # fmt: skip
        assert words in told
    assert told.index("Tick every one") < told.index("http://127.0.0.1")


def test_the_boxes_are_counted_with_the_one_for_titles(portalcal: Shell) -> None:
    assert "Google shows 4 boxes" in " ".join(portalcal("connect", "--titles").err.split())


def test_no_secret_stands_in_a_file(portalcal: Shell, google: Simulator, tmp_path: Path) -> None:
    portalcal("connect")
    portalcal("book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com")

    ours = [path for path in tmp_path.rglob("*") if path.is_file() and path.name != "client_secret.json"]
    assert any(path.name == "connection.toml" for path in ours)
    for path in ours:
        content = path.read_bytes()
        assert not [secret for secret in google.secrets() if secret.encode() in content], path


def test_a_verbose_run_shows_no_secret(portalcal: Shell, google: Simulator) -> None:
    ran = portalcal("--verbose", "connect")

    shown = ran.out + ran.err
    assert "POST" in shown
    assert not [secret for secret in google.secrets() if secret in shown]


def test_connected_already_and_working_needs_no_browser(connected: Shell, google: Simulator) -> None:
    ran = connected.json("connect")

    assert ran.exit == 0
    assert google.count("oauth.authorize") == 0


def test_force_asks_again(connected: Shell, google: Simulator) -> None:
    assert connected("connect", "--force").exit == 0
    assert google.count("oauth.authorize") > 0


def test_a_dead_grant_is_replaced_and_the_selection_kept(connected: Shell, google: Simulator) -> None:
    google.add_calendar("team@example.com", summary="Team", role="reader")
    connected.json("calendars", "--select", "Team")
    connected.vault.forget()

    assert connected("connect").exit == 0
    assert connected.json("calendars").result["conflicts"] == [ANA, "team@example.com"]


def test_denial_stores_nothing(portalcal: Shell, google: Simulator) -> None:
    google.consent = "deny"

    ran = portalcal("connect")

    assert ran.exit == 4
    assert ran.err.rstrip().endswith(
        "error: access was denied on the consent page. Nothing was stored.\n\n"
        "hint: run `portalcal connect` again, tick every box and choose Allow"
    )
    assert portalcal.vault.read(Secret.REFRESH_TOKEN) is None
    assert portalcal.json("calendars").error["code"] == "not-connected"


def test_an_unticked_permission_is_named_and_nothing_is_stored(portalcal: Shell, google: Simulator) -> None:
    google.consent = "partial"

    ran = portalcal("connect")

    assert ran.exit == 4
    assert "missing: " in ran.err
    assert "Nothing was stored." in ran.err
    assert portalcal.vault.read(Secret.REFRESH_TOKEN) is None


@pytest.mark.parametrize("consent", ["partial", "deny"])
def test_the_tab_says_too_that_every_box_is_to_be_ticked(
    portalcal: Shell, google: Simulator, consent: str
) -> None:
    google.consent = consent
    pages: queue.Queue[str] = queue.Queue()

    def browse(url: str) -> bool:
        threading.Thread(target=lambda: pages.put(tab_of(url)), daemon=True).start()
        return True

    portalcal.browser = browse

    ran = portalcal("connect")

    assert ran.exit == 4
    assert "again and tick every box." in pages.get(timeout=60)


@pytest.mark.parametrize("mode", ["favicon-first", "wrong-state"])
def test_a_stray_request_does_not_end_the_wait_wrongly(
    portalcal: Shell, google: Simulator, mode: str
) -> None:
    google.consent = mode

    limit = "60s" if mode == "favicon-first" else "2s"
    ran = portalcal("connect", "--timeout", limit)

    assert ran.exit == (0 if mode == "favicon-first" else 4)
    if mode == "wrong-state":
        assert "no answer came from the browser within 2 s" in ran.err


def test_the_browser_is_started_with_nothing_that_is_worth_replaying(
    portalcal: Shell, google: Simulator
) -> None:
    started: list[str] = []

    def look(url: str) -> bool:
        started.append(url)
        return visit(consent_page(url))

    portalcal.browser = look
    assert portalcal("connect").exit == 0

    (url,) = started
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/[\w-]{32}", url)
    assert "state" not in url


def test_another_account_is_refused_unless_forced(connected: Shell, google: Simulator) -> None:
    connected.vault.forget()
    google.oauth.owner = google.add_user("ben@example.com")
    # Ben is at the browser, and does not take the account that is suggested.
    connected.browser = lambda url: visit(consent_page(url).replace("login_hint", "ignored"))

    refused = connected("connect")
    assert refused.exit == 5
    assert "this workspace belongs to ana@example.com, but ben@example.com gave consent" in refused.err

    assert connected("connect", "--force").exit == 0


def test_a_client_of_the_wrong_kind_is_named(portalcal: Shell, google: Simulator, tmp_path: Path) -> None:
    wrong = tmp_path / "web.json"
    wrong.write_text(json.dumps({"web": google.client_config()["installed"]}))

    ran = portalcal.json("connect", "--client-secrets", str(wrong))

    assert (ran.exit, ran.error["code"]) == (3, "client-invalid")
    assert '"web"' in ran.error["message"]
    assert 'expected "installed"' in ran.error["message"]


def test_no_client_at_all_says_how_to_make_one(google: Simulator, tmp_path: Path) -> None:
    shell = Shell(google, tmp_path / "portalcal")

    ran = shell.json("connect")

    assert (ran.exit, ran.error["code"]) == (3, "client-invalid")
    assert "portalcal connect --client-secrets FILE" in ran.error["hint"]


def test_the_client_given_once_is_kept(google: Simulator, tmp_path: Path) -> None:
    shell = Shell(google, tmp_path / "portalcal")
    config = google.write_files(tmp_path / "given")
    without_client = "\n".join(
        line for line in config.read_text().splitlines() if "client_secrets" not in line
    )
    (tmp_path / "config.toml").write_text(without_client)
    shell.environ["PORTALCAL_CONFIG"] = str(tmp_path / "config.toml")
    assert shell("connect", "--client-secrets", str(tmp_path / "given/client_secret.json")).exit == 0

    google.clock.advance(hours=2)

    assert shell.json("availability").exit == 0
    kept = next((tmp_path / "home").rglob("client_secret.json"))
    assert kept.stat().st_mode & 0o777 == 0o600


def another_client(google: Simulator, folder: Path) -> Path:
    """The client as downloaded once more, with the secret that Google accepts by now."""
    document = google.client_config()
    document["installed"]["client_secret"] = google.client.secret = "GOCSPX-renewed"
    path = folder / "downloaded.json"
    path.write_text(json.dumps(document))
    return path


@pytest.mark.parametrize("is_named", [True, False], ids=["named in the configuration", "kept"])
@pytest.mark.parametrize("is_cached", [True, False], ids=["with a cached token", "without one"])
def test_a_client_that_google_rejects_is_replaced_as_the_hint_says(
    google: Simulator, portalcal: Shell, tmp_path: Path, *, is_named: bool, is_cached: bool
) -> None:
    config = tmp_path / "portalcal/config.toml"
    if not is_named:
        lines = [line for line in config.read_text().splitlines() if "client_secrets" not in line]
        config.write_text("\n".join(lines))
    assert portalcal("connect", "--client-secrets", str(tmp_path / "portalcal/client_secret.json")).exit == 0
    new = another_client(google, tmp_path)
    if not is_cached:
        google.clock.advance(hours=2)

    rejected = portalcal.json("status")
    assert rejected.exit == 3
    assert "`portalcal connect --client-secrets FILE`" in rejected.out

    assert portalcal("connect", "--client-secrets", str(new)).exit == 0
    google.clock.advance(hours=2)
    assert portalcal.json("status").exit == 0
    assert portalcal.json("availability").exit == 0


def test_the_same_client_given_again_asks_nobody_again(
    connected: Shell, google: Simulator, tmp_path: Path
) -> None:
    ran = connected("connect", "--client-secrets", str(tmp_path / "portalcal/client_secret.json"))

    assert ran.exit == 0
    assert google.count("oauth.authorize") == 0


def test_a_connection_is_not_called_working_because_of_a_cached_token(
    connected: Shell, google: Simulator
) -> None:
    google.client.deleted = True

    ran = connected.json("connect")

    assert (ran.exit, ran.error["code"]) == (3, "client-invalid")
    assert "`portalcal connect --client-secrets FILE`" in ran.error["hint"]


@pytest.mark.parametrize("command", ["connect", "disconnect"])
@pytest.mark.parametrize("variable", ["PORTALCAL_ACCESS_TOKEN", "PORTALCAL_REFRESH_TOKEN"])
def test_a_token_in_the_environment_is_named(portalcal: Shell, command: str, variable: str) -> None:
    ran = portalcal(command, "--json", environ={variable: "secret"})

    assert (ran.exit, ran.error["code"]) == (2, "usage")
    assert variable in ran.error["message"]


def test_a_token_in_the_environment_is_enough_to_book(google: Simulator, portalcal: Shell) -> None:
    token = google.issue_token()

    ran = portalcal(
        "book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com", "--json",
        environ={"PORTALCAL_ACCESS_TOKEN": str(token)},
    )  # fmt: skip

    assert ran.result["state"] == "confirmed"


def test_disconnecting_revokes_forgets_and_leaves_events(connected: Shell, google: Simulator) -> None:
    connected.json("book", "2026-11-24T10:00", "--name", "Sam", "--email", "sam@example.com")

    result = connected.json("disconnect", "--yes").result

    assert result == {
        "account": ANA,
        "revoked": True,
        "revocation": "revoked",
        "forgotten": True,
        "upcoming_bookings": 1,
    }
    assert len(google.events()) == 1
    assert connected.vault.read(Secret.REFRESH_TOKEN) is None
    assert connected.json("availability").result["basis"] == "schedule"


def test_disconnecting_forgets_though_google_is_out_of_reach(connected: Shell, google: Simulator) -> None:
    google.faults.add("oauth.revoke: 503")

    result = connected.json("disconnect", "--yes").result

    assert (result["revoked"], result["revocation"], result["forgotten"]) == (False, "unreachable", True)


def test_a_grant_that_is_dead_already_is_fine(connected: Shell, google: Simulator) -> None:
    connected.vault.write(Secret.REFRESH_TOKEN, "1//dead")

    assert connected.json("disconnect", "--yes").result["revocation"] == "already-dead"


def test_the_grant_can_be_left_alive(connected: Shell, google: Simulator) -> None:
    assert connected.json("disconnect", "--yes", "--keep-grant").result["revocation"] == "kept"
    assert google.count("oauth.revoke") == 0


def test_nobody_to_ask_changes_nothing(connected: Shell) -> None:
    ran = connected.json("disconnect")

    assert (ran.exit, ran.error["code"], ran.error["hint"]) == (2, "confirmation-required", "add `--yes`")
    assert connected.json("availability").result["basis"] == "calendars"


def test_disconnecting_what_is_not_connected_is_fine(portalcal: Shell) -> None:
    ran = portalcal.json("disconnect")

    assert (ran.exit, ran.result["account"]) == (0, None)


def test_connection_toml_holds_what_was_learned(portalcal: Shell, tmp_path: Path) -> None:
    portalcal("connect")

    path = next((tmp_path / "home").rglob("connection.toml"))
    learned = tomllib.loads(path.read_text())
    assert learned["account"] == ANA
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_tilde_that_the_shell_left_is_the_home(portalcal: Shell) -> None:
    home = Path.home()
    client = Path(portalcal.environ["PORTALCAL_CONFIG"]).with_name("client_secret.json")
    client.rename(home / "client.json")
    config = Path(portalcal.environ["PORTALCAL_CONFIG"])
    config.write_text(
        "\n".join(each for each in config.read_text().splitlines() if "client_secrets" not in each)
    )

    assert portalcal("connect", "--client-secrets=~/client.json").exit == 0
