"""One person's calendars in two accounts: two Googles at once, each asked with the grant of its own workspace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from portalcal.adapters.vault.memory import MemoryVault
from portalcal.container import Container
from portalcal.core.permissions import Permission, scopes_to_ask
from portalcal.ports import Connection, Secret
from portalcal.simulator.google import Simulator
from portalcal.simulator.http.request_log import LoggedExchange
from tests.cli.conftest import ANA, NOW, Ran, Shell
from tests.cli.hints import assert_can_be_run

BOB = "bob@example.com"
SAM = ("--name", "Sam Lee", "--email", "sam@example.com")
TUESDAY = datetime(2026, 11, 24, tzinfo=UTC)
PINNED = '\n[calendars]\nconflicts = ["primary", "private:primary"]\n'


class TwoAccounts(Shell):
    """A machine with two workspaces; each has its entry in the keyring."""

    vaults: dict[str, MemoryVault]

    def customize(self, container: Container) -> None:
        super().customize(container)
        container.override(vault=self.vaults.setdefault(container.workspace, MemoryVault()))

    def connect_workspace(self, workspace: str, google: Simulator, *, titles: bool = False) -> None:
        """Connect without a browser's round trip."""
        account = google.owner.email
        container = Container(self.view(), workspace=workspace, environ=self.environ)
        token = google.issue_token(scopes_to_ask())
        vault = self.vaults.setdefault(workspace, MemoryVault())
        vault.write(Secret.REFRESH_TOKEN, token.refresh_token)
        vault.write(Secret.ACCESS_TOKEN, json.dumps({"token": str(token), "expires_at": None}))
        container.connection_file.write(
            Connection(
                account, frozenset(Permission), (account,), account, NOW, vault="memory", titles=titles
            )
        )
        google.forget_requests()


@pytest.fixture
def private() -> Iterator[Simulator]:
    """The Google of the private account."""
    with Simulator(owner=BOB, now=NOW) as google:
        yield google


@pytest.fixture
def office(portalcal: Shell, google: Simulator, private: Simulator) -> TwoAccounts:
    """Both workspaces connected, and Bob's primary calendar selected in Ana's."""
    shell = TwoAccounts(portalcal.google, portalcal.folder, portalcal.environ)
    shell.vaults = {}
    configure(shell, private)
    shell.connect_workspace("default", google)
    shell.connect_workspace("private", private)
    assert shell.json("calendars", "--select", "private:primary").exit == 0
    google.forget_requests()
    private.forget_requests()
    return shell


def configure(shell: Shell, private: Simulator, more: str = "") -> None:
    folder = shell.folder / "private"
    folder.mkdir(exist_ok=True)
    private.write_files(folder)
    shell.configure(f"""{more}
[workspace.private.google]
client_secrets = "private/client_secret.json"
api_root = "{private.api_root}"
revoke_uri = "{private.revoke_uri}"
""")


def busy(google: Simulator, hours: str, title: str = "Dentist") -> None:
    """Somebody's meeting on Tuesday, `10-11`."""
    start, end = (TUESDAY + timedelta(hours=int(each)) for each in hours.split("-"))
    google.add_event(google.owner.email, start, end, title)


def offered(ran: Ran) -> list[str]:
    """The offered times on Tuesday."""
    (day,) = ran.result["days"]
    return [slot["start"][11:16] for slot in day["slots"]]


def tuesday(shell: Shell, *more: str) -> Ran:
    return shell.json("availability", "2026-11-24", "--days", "1", "--duration", "1h", *more)


# --- what both say ----------------------------------------------------------------------------------------------


def test_times_are_free_where_both_accounts_are(
    office: TwoAccounts, google: Simulator, private: Simulator
) -> None:
    busy(google, "9-12")
    busy(private, "13-17")

    ran = tuesday(office)

    assert offered(ran) == ["12:00"]
    assert ran.result["calendars"] == [
        {"id": ANA, "state": "checked", "reason": None, "workspace": "default", "account": ANA},
        {"id": BOB, "state": "checked", "reason": None, "workspace": "private", "account": BOB},
    ]
    assert (google.count(), private.count()) == (1, 1)


def test_the_grid_says_on_how_many_accounts_it_rests(office: TwoAccounts) -> None:
    ran = office("availability", "2026-11-24", "--days", "1")

    assert ran.err == "Checked 2 calendars in 2 accounts at 08:00 (London)\n"
    assert "Checked 2 calendars in 2 accounts on" in office("availability", "--format", "html").out


def test_a_pinned_calendar_of_another_workspace_counts_too(office: TwoAccounts, private: Simulator) -> None:
    configure(office, private, PINNED)
    busy(private, "9-16")

    assert offered(tuesday(office)) == ["16:00"]


def test_each_account_is_asked_with_its_own_token_alone(
    office: TwoAccounts, google: Simulator, private: Simulator
) -> None:
    tuesday(office)

    own, other = (
        {
            value.removeprefix("Bearer ")
            for each in one.requests
            for name, value in each.request_headers.items()
            if name.lower() == "authorization"
        }
        for one in (google, private)
    )
    assert own
    assert own <= google.secrets() - private.secrets()
    assert other
    assert other <= private.secrets() - google.secrets()


def test_a_token_in_the_environment_is_not_that_of_the_other_account(
    office: TwoAccounts, google: Simulator, private: Simulator
) -> None:
    configure(office, private, PINNED)
    office.environ["PORTALCAL_ACCESS_TOKEN"] = str(google.issue_token())
    busy(private, "9-16")

    assert offered(tuesday(office)) == ["16:00"]


def test_the_other_calendar_is_named_in_an_explanation(office: TwoAccounts, private: Simulator) -> None:
    busy(private, "10-11")

    ran = office.json("availability", "--explain", "2026-11-24T10:00")

    (reason,) = ran.result["reasons"]
    assert (reason["code"], reason["calendar"], reason["workspace"]) == ("busy", BOB, "private")
    assert reason["message"] == "busy 10:00-11:00 on bob@example.com (private)"
    assert reason["title"] is None


def test_titles_are_shown_where_the_account_they_are_of_permits_it(
    office: TwoAccounts, google: Simulator, private: Simulator
) -> None:
    office.connect_workspace("private", private, titles=True)
    busy(private, "10-11", "Dentist")
    busy(google, "10-11", "Salary talk")

    reasons = office.json("availability", "--explain", "2026-11-24T10:00").result["reasons"]

    assert [each["title"] for each in reasons] == [None, "Dentist"]


def test_what_blocks_a_time_is_named_by_its_kind_where_titles_may_be_shown(
    office: TwoAccounts, google: Simulator
) -> None:
    start, end = TUESDAY + timedelta(hours=10), TUESDAY + timedelta(hours=11)
    google.add_event(ANA, start, end, "Deep work", eventType="focusTime")
    at = ("availability", "--explain", "2026-11-24T10:00")

    hidden = office.json(*at).result["reasons"]
    office.connect_workspace("default", google, titles=True)
    shown = office.json(*at).result["reasons"]

    assert (hidden[0]["message"], hidden[0]["kinds"]) == ("busy 10:00-11:00 on ana@example.com", [])
    assert shown[0]["message"] == "busy 10:00-11:00 on ana@example.com: Deep work (focus time)"
    assert shown[0]["kinds"] == ["focus-time"]


# --- booking ----------------------------------------------------------------------------------------------------


def test_a_time_that_the_other_account_has_taken_is_not_booked(
    office: TwoAccounts, google: Simulator, private: Simulator
) -> None:
    busy(private, "10-11")

    ran = office.json("book", "2026-11-24T10:00", *SAM)

    assert ran.exit == 5
    assert ran.error["code"] == "slot-taken"
    assert "bob@example.com (private)" in ran.error["message"]
    assert google.count("events.insert") == 0


def test_who_takes_the_time_in_the_other_account_meanwhile_keeps_it(
    office: TwoAccounts, google: Simulator, private: Simulator
) -> None:
    def taken_meanwhile(exchange: LoggedExchange) -> None:
        if exchange.operation == "events.insert":
            busy(private, "10-11")

    google.observe(taken_meanwhile)

    ran = office.json("book", "2026-11-24T10:00", *SAM)

    assert (ran.exit, ran.error["code"]) == (5, "slot-taken")
    assert google.count("events.delete") == 1
    assert office.json("bookings").result["bookings"] == []


def test_a_booking_to_which_the_other_account_is_invited_is_no_conflict_with_itself(
    office: TwoAccounts, google: Simulator, private: Simulator
) -> None:
    def invited(exchange: LoggedExchange) -> None:
        if exchange.operation == "events.insert":
            private.add_event(
                BOB, TUESDAY + timedelta(hours=10), TUESDAY + timedelta(hours=10, minutes=30), "Meeting"
            )

    google.observe(invited)

    ran = office.json("book", "2026-11-24T10:00", "--name", "Bob", "--email", BOB)

    assert ran.result["state"] == "confirmed"
    assert office.json("reschedule", ran.result["id"], "2026-11-24T10:30").result["state"] == "confirmed"


def test_a_calendar_that_both_accounts_read_is_no_conflict_with_our_own_event(
    office: TwoAccounts, google: Simulator
) -> None:
    """Two workspaces of one account: the booking calendar is read by both."""
    office.connect_workspace("mirror", google)
    assert office.json("calendars", "--select", f"mirror:{ANA}").exit == 0

    ran = office.json("book", "2026-11-24T10:00", *SAM)

    assert ran.result["state"] == "confirmed"


def test_an_account_of_the_same_name_elsewhere_has_calendars_of_its_own(
    office: TwoAccounts, google: Simulator
) -> None:
    """As two simulators have, which both belong to Ana."""

    def taken_meanwhile(exchange: LoggedExchange) -> None:
        if exchange.operation == "events.insert":
            busy(namesake, "10-11")

    with Simulator(owner=ANA, now=NOW) as namesake:
        configure(office, namesake)
        office.connect_workspace("private", namesake)
        assert (
            office.json("calendars", "--deselect", f"private:{BOB}", "--select", f"private:{ANA}").exit == 0
        )
        google.observe(taken_meanwhile)

        ran = office.json("book", "2026-11-24T10:00", *SAM)

    assert (ran.exit, ran.error["code"]) == (5, "slot-taken")


def test_a_file_of_bookings_heeds_the_other_account_line_by_line(
    office: TwoAccounts, private: Simulator
) -> None:
    busy(private, "10-11")
    lines = office.folder / "lines.jsonl"
    lines.write_text(
        "\n".join(
            json.dumps({"start": f"2026-11-24T{hour}:00", "name": "Sam", "email": "sam@example.com"})
            for hour in (9, 10, 11)
        ).replace("T9", "T09")
    )

    ran = office("book", "--file", str(lines), "--json")

    answers = [json.loads(line) for line in (ran.out + ran.err).splitlines()]
    assert ran.exit == 9
    assert [each["line"] for each in answers if "error" in each] == [2]
    assert next(each["error"]["code"] for each in answers if "error" in each) == "slot-taken"


# --- an account in trouble --------------------------------------------------------------------------------------


def revoke(office: TwoAccounts, private: Simulator) -> None:
    for grant in private.grants.live:
        private.grants.revoke(grant)


@pytest.mark.parametrize(
    "command", [("availability",), ("book", "2026-11-24T10:00", *SAM)], ids=lambda each: each[0]
)
def test_an_account_that_needs_a_person_is_named_with_the_command_for_it(
    office: TwoAccounts, google: Simulator, private: Simulator, command: tuple[str, ...]
) -> None:
    revoke(office, private)

    ran = office.json(*command)

    assert (ran.exit, ran.error["code"]) == (4, "grant-revoked")
    assert ran.error["message"].startswith(
        "workspace private: Google no longer accepts the connection of bob@example.com"
    )
    assert ran.error["details"]["workspace"] == "private"
    assert ran.error["hint"].startswith("run `portalcal --workspace private connect`")
    assert_can_be_run(ran.error["hint"])
    assert google.count("events.insert") == 0


def test_with_partial_the_rest_is_shown_and_the_dead_account_is_never_free(
    office: TwoAccounts, google: Simulator, private: Simulator
) -> None:
    revoke(office, private)
    busy(google, "9-12")

    ran = tuesday(office, "--partial")

    assert ran.result["complete"] is False
    assert [each["state"] for each in ran.result["calendars"]] == ["checked", "unreadable"]
    assert "Google no longer accepts" in ran.result["calendars"][1]["reason"]
    assert offered(ran)[0] == "12:00"
    assert office.json("book", "2026-11-24T12:00", *SAM).exit == 4


def test_the_own_account_in_trouble_does_not_silence_the_other(
    office: TwoAccounts, google: Simulator, private: Simulator
) -> None:
    revoke(office, google)
    busy(private, "9-12")

    whole, partial = tuesday(office), tuesday(office, "--partial")

    assert (whole.exit, whole.error["code"]) == (4, "grant-revoked")
    assert whole.error["hint"].startswith("run `portalcal connect`")
    assert [each["state"] for each in partial.result["calendars"]] == ["unreadable", "checked"]
    assert offered(partial)[0] == "12:00"


def test_a_workspace_that_nobody_connected_is_named(office: TwoAccounts, private: Simulator) -> None:
    configure(office, private, PINNED.replace("private:", "family:") + "[workspace.family]\n")

    ran = tuesday(office)

    assert (ran.exit, ran.error["code"]) == (4, "not-connected")
    assert ran.error["message"] == "the workspace family is not connected to a Google account"
    assert ran.error["hint"] == "run `portalcal --workspace family connect`"


def test_a_workspace_that_nobody_made_is_not_found(office: TwoAccounts, private: Simulator) -> None:
    configure(office, private, PINNED.replace("private:", "privat:"))

    ran = tuesday(office)

    assert (ran.exit, ran.error["code"]) == (6, "workspace-not-found")
    assert ran.error["message"] == "there is no workspace privat; did you mean private?"
    assert "`portalcal --workspace privat connect`" in ran.error["hint"]


@pytest.mark.parametrize("fault", ["freebusy.query: 503", "freebusy.query: drop"])
def test_an_account_that_does_not_answer_is_a_reason_to_try_later(
    office: TwoAccounts, private: Simulator, fault: str
) -> None:
    private.faults.add(fault)

    ran = tuesday(office)

    assert (ran.exit, ran.error["code"]) == (7, "calendar-unreadable")
    assert "private:bob@example.com" in ran.error["message"]
    assert "portalcal calendars --deselect private:bob@example.com" in ran.error["hint"]


def test_an_account_whose_google_is_gone_is_unreachable_and_the_rest_is_shown_with_partial(
    office: TwoAccounts, private: Simulator
) -> None:
    private.stop()

    ran = tuesday(office, "--partial")

    assert ran.result["complete"] is False
    assert "cannot be reached" in ran.result["calendars"][1]["reason"]
    assert tuesday(office).exit == 7


def test_a_slow_account_is_waited_for_while_the_other_is_asked(
    office: TwoAccounts, google: Simulator, private: Simulator
) -> None:
    in_order: list[str] = []
    google.observe(lambda _: in_order.append(ANA))
    private.observe(lambda _: in_order.append(BOB))
    configure(office, private, PINNED.replace('"primary", "private:primary"', '"private:primary", "primary"'))
    private.faults.latency = 0.5

    ran = tuesday(office)

    assert ran.result["complete"] is True
    assert [each["id"] for each in ran.result["calendars"]] == [BOB, ANA]
    assert in_order == [ANA, BOB]


def test_a_calendar_lost_in_the_other_account_is_a_configuration_error(
    office: TwoAccounts, private: Simulator
) -> None:
    private.add_calendar("team@example.com", role="reader")
    assert office.json("calendars", "--select", "private:team@example.com").exit == 0
    private.model.calendars.pop("team@example.com", None)

    ran = tuesday(office)

    assert (ran.exit, ran.error["code"]) == (3, "calendar-lost")
    assert "bob@example.com" in ran.error["message"]


def test_status_names_the_calendar_of_the_other_account_and_what_mends_it(
    office: TwoAccounts, private: Simulator
) -> None:
    well = office.json("status")
    revoke(office, private)
    ill = office.json("--workspace", "default", "status")

    assert (well.exit, well.result["state"], well.result["reads"]) == (0, "connected", ["private"])
    assert [
        (each["id"], each["workspace"], each["account"], each["state"]) for each in well.result["calendars"]
    ] == [
        (ANA, "default", ANA, "ok"),
        (BOB, "private", BOB, "ok"),
    ]
    checks = {each["name"]: each for each in ill.result["checks"]}
    assert (ill.exit, ill.result["state"]) == (3, "blocked")
    assert checks["calendars.conflicts"]["detail"].startswith("workspace private: Google no longer accepts")
    assert checks["calendars.conflicts"]["hint"].startswith("run `portalcal --workspace private connect`")
    assert checks["grant.refresh"]["state"] == "ok"


def test_status_of_all_workspaces_says_which_uses_which(office: TwoAccounts) -> None:
    ran, page = office.json("status", "--all"), office("status", "--all")

    assert {each["workspace"]: each["reads"] for each in ran.result["workspaces"]} == {
        "default": ["private"],
        "private": [],
    }
    assert "reads calendars of private" in page.out
    assert "bob@example.com (private)" in office("status").out


# --- choosing ---------------------------------------------------------------------------------------------------


def test_calendars_of_the_other_account_are_selected_listed_and_left_out(
    office: TwoAccounts, private: Simulator
) -> None:
    private.add_calendar("team@example.com", summary="Band", role="reader")

    selected = office.json("calendars", "--select", "private:Band").result
    left_out = office.json("calendars", "--deselect", "private:primary").result

    assert selected["conflicts"] == [ANA, f"private:{BOB}", "private:team@example.com"]
    assert [
        (each["id"], each["workspace"], each["account"], each["use"]) for each in selected["calendars"]
    ] == [
        (ANA, "default", ANA, "both"),
        (BOB, "private", BOB, "conflicts"),
        ("team@example.com", "private", BOB, "conflicts"),
    ]
    assert left_out["conflicts"] == [ANA, "private:team@example.com"]


def test_the_table_names_the_workspace(office: TwoAccounts) -> None:
    page = office("calendars").out

    assert "private:bob@example.com" in page


def test_a_dead_account_can_be_left_out(office: TwoAccounts, private: Simulator) -> None:
    revoke(office, private)

    listed = office.json("calendars")
    left_out = office.json("calendars", "--deselect", f"private:{BOB}")

    assert listed.warnings == ["account-unread"]
    assert listed.exit == 0
    assert left_out.result["conflicts"] == [ANA]


@pytest.mark.parametrize(
    ("wanted", "exit_", "code"),
    [
        ("private:nobody@example.com", 6, "calendar-not-found"),
        ("family:primary", 6, "workspace-not-found"),
        ("default:primary", 0, None),
    ],
)
def test_what_can_be_selected(office: TwoAccounts, wanted: str, exit_: int, code: str | None) -> None:
    ran = office.json("calendars", "--select", wanted)

    assert ran.exit == exit_
    assert code is None or ran.error["code"] == code
    if code is None:
        assert ran.result["conflicts"] == [ANA, f"private:{BOB}"]


def test_a_calendar_with_a_colon_in_its_name_is_one_of_this_account(
    office: TwoAccounts, google: Simulator
) -> None:
    google.add_calendar("plans@example.com", summary="Team: plans", role="reader")

    assert office.json("calendars", "--select", "Team: plans").result["conflicts"][-1] == "plans@example.com"


def test_bookings_go_into_calendars_of_this_account_alone(office: TwoAccounts, private: Simulator) -> None:
    refused = office.json("calendars", "--book-into", "private:primary")
    configure(office, private, '\n[calendars]\nbooking = "private:primary"\n')
    pinned = office.json("availability")

    assert refused.error["code"] == "calendar-not-found"
    assert (pinned.exit, pinned.error["code"]) == (3, "config-invalid")
    assert "expected a calendar of this workspace's own account" in pinned.error["message"]


# --- what overlaps what -----------------------------------------------------------------------------------------


def overlapping(ran: Ran) -> list[tuple[str, str, list[str]]]:
    """Start and end of each overlap on Tuesday, and the workspaces of the two events."""
    return [
        (each["start"][11:16], each["end"][11:16], [event["workspace"] for event in each["events"]])
        for each in json.loads(ran.out)["result"]["overlaps"]
    ]


def test_nothing_overlaps_where_meetings_only_touch(
    office: TwoAccounts, google: Simulator, private: Simulator
) -> None:
    busy(google, "9-10")
    busy(private, "10-11")

    ran = office.json("calendars", "--conflicts")

    assert (ran.exit, overlapping(ran)) == (0, [])
    assert ran.result["complete"] is True
    assert office("calendars", "--conflicts").out == "Nothing overlaps\n"


def test_every_two_events_that_overlap_are_listed_across_accounts_and_within_one(
    office: TwoAccounts, google: Simulator, private: Simulator
) -> None:
    busy(google, "9-12")
    busy(google, "11-13")
    busy(private, "10-14")

    ran = office.json("calendars", "--conflicts", "--from", "2026-11-24", "--until", "2026-11-24")

    assert ran.exit == 5
    assert overlapping(ran) == [
        ("10:00", "12:00", ["default", "private"]),
        ("11:00", "12:00", ["default", "default"]),
        ("11:00", "13:00", ["private", "default"]),
    ]
    assert office.json("calendars", "--conflicts", "--from", "2026-11-25").exit == 0


def test_an_invitation_in_both_accounts_is_one_meeting(
    office: TwoAccounts, google: Simulator, private: Simulator
) -> None:
    for one in (google, private):
        start = TUESDAY + timedelta(hours=9)
        one.add_event(one.owner.email, start, start + timedelta(hours=1), "Both", id="both0001")

    assert office.json("calendars", "--conflicts").exit == 0


def test_people_see_when_and_where_with_titles_where_those_may_be_shown(
    office: TwoAccounts, google: Simulator, private: Simulator
) -> None:
    office.connect_workspace("private", private, titles=True)
    busy(google, "9-12", "Salary talk")
    busy(private, "10-11", "Dentist")

    ran = office("calendars", "--conflicts")

    assert ran.exit == 5
    assert ran.out == (
        "Tue 24 Nov, 10:00-11:00 (London)\n"
        "  09:00-12:00  ana@example.com\n"
        "  10:00-11:00  bob@example.com (private)  Dentist\n"
    )


def test_what_cannot_be_read_is_named_beside_what_overlaps(
    office: TwoAccounts, google: Simulator, private: Simulator
) -> None:
    revoke(office, private)
    busy(google, "9-12")
    busy(google, "11-13")

    ran, page = office.json("calendars", "--conflicts"), office("calendars", "--conflicts")

    assert ran.exit == page.exit == 7
    assert ran.result["complete"] is False
    assert len(overlapping(ran)) == 1
    assert "not read: bob@example.com (private): Google no longer accepts the connection" in page.out.replace(
        "\n", " "
    )
    assert "portalcal --workspace private connect" in page.out


@pytest.mark.parametrize(
    "arguments",
    [
        ("--conflicts", "--select", "primary"),
        ("--conflicts", "--all"),
        ("--from", "today"),
        ("--conflicts", "--from", "2026-11-25", "--until", "2026-11-24"),
        ("--conflicts", "--until", "2029-01-01"),
    ],
)
def test_options_that_do_not_go_together_are_refused(office: TwoAccounts, arguments: tuple[str, ...]) -> None:
    ran = office.json("calendars", *arguments)

    assert (ran.exit, ran.error["code"]) == (2, "usage")


def test_without_a_connection_there_is_nothing_to_compare(portalcal: Shell) -> None:
    assert portalcal.json("calendars", "--conflicts").error["code"] == "not-connected"
