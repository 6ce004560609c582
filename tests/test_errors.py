"""Every error as people and scripts meet it: code, exit status, and the words, to be reviewed as prose."""

from __future__ import annotations

import io
import json
import re
import shlex
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, NamedTuple

import pytest
from typer import _click as click
from typer.main import get_command

from portalcal import errors
from portalcal.cli.app import InternalError, app, run
from portalcal.cli.context import Invocation
from portalcal.container import Container
from portalcal.errors import Exit, PortalcalError

TUESDAY = "Tue 24 Nov, 10:00-10:30 (London)"


def an_offer(hour: int) -> errors.Offer:
    """A half hour of that Tuesday."""
    start, end = (datetime(2026, 11, 24, hour, minute, tzinfo=UTC) for minute in (0, 30))
    return errors.Offer(start, end, f"Tue 24 Nov, {start:%H:%M}-{end:%H:%M} (London)")


class Told(NamedTuple):
    """An error, and what stands on stderr because of it."""

    error: PortalcalError
    says: str


MAKE_A_CLIENT = (
    "hint: in the Google Cloud console create a project, enable the Google Calendar API, set up the consent screen, "
    "create an OAuth client of type Desktop app and download its JSON; then run "
    "`portalcal connect --client-secrets FILE`"
)

EXAMPLES = [
    Told(
        errors.Usage("--days and --until both say where the window ends", "use one of them"),
        """
error: --days and --until both say where the window ends

hint: use one of them
""",
    ),
    Told(
        errors.Usage("'yesterday' cannot be read as a time"),
        """
error: 'yesterday' cannot be read as a time
""",
    ),
    Told(
        errors.ConfirmationRequired("disconnecting", "--yes"),
        """
error: disconnecting asks for confirmation, and nobody can be asked here. Nothing was changed.

hint: add `--yes`
""",
    ),
    Told(
        errors.ReadOnly("cancel", "--read-only"),
        """
error: cancel as typed would change something, which --read-only forbids. Nothing was changed.

hint: leave out `--read-only` to let it
""",
    ),
    Told(
        errors.ConfigInvalid(
            "config.toml",
            (
                errors.Problem(
                    "rules.duration", '"half an hour"', "expected a length like 90s, 30m, 1h, 1h30m or 2d"
                ),
            ),
        ),
        """
error: config.toml: rules.duration = "half an hour": expected a length like 90s, 30m, 1h, 1h30m or 2d

hint: `portalcal config --example` shows every key with its default
""",
    ),
    Told(
        errors.ConfigInvalid(
            "config.toml",
            (
                errors.Problem("timezone", '"Berlin"', "expected an IANA zone; did you mean Europe/Berlin?"),
                errors.Problem("rules.notise", '"4h"', "there is no such key; did you mean notice?"),
            ),
        ),
        """
error: config.toml: 2 problems
  timezone = "Berlin": expected an IANA zone; did you mean Europe/Berlin?
  rules.notise = "4h": there is no such key; did you mean notice?

hint: `portalcal config --example` shows every key with its default
""",
    ),
    Told(
        errors.EnvironmentInvalid(
            "HTTPS_PROXY", "garbage", "expected an address like http://proxy.example:3128"
        ),
        """
error: the variable HTTPS_PROXY is "garbage": expected an address like http://proxy.example:3128

hint: correct or unset HTTPS_PROXY, then run `portalcal status --offline`
""",
    ),
    Told(
        errors.ClientInvalid("client.json", errors.NO_FILE),
        """
error: client.json cannot be read as the OAuth client: there is no such file

hint: name the file where it was downloaded to: run `portalcal connect --client-secrets FILE`
""",
    ),
    Told(
        errors.KeyInvalid("key.json", errors.NO_FILE),
        """
error: key.json cannot be read as the key of a service account: there is no such file

hint: correct the path under [google] service_account, which is relative to the configuration
""",
    ),
    Told(
        errors.ClientInvalid(None, "nothing"),
        f"""
error: there is no OAuth client yet, so Google cannot be asked for consent

{MAKE_A_CLIENT}
""",
    ),
    Told(
        errors.ClientInvalid("client_secret.json", '"web"'),
        f"""
error: client_secret.json is not a Desktop client: found "web", expected "installed"

{MAKE_A_CLIENT}
""",
    ),
    Told(
        errors.ClientRejected("The OAuth client was not found"),
        """
error: Google does not accept this OAuth client: The OAuth client was not found. The stored grant was kept.

hint: download the client again, then run `portalcal connect --client-secrets FILE`
""",
    ),
    Told(
        errors.KeyInvalid("key.json", "a stored user token"),
        """
error: key.json is not the key of a service account: found a stored user token

hint: in the Google Cloud console, under IAM, Service accounts, make a key of type JSON and name it in [google] \
service_account
""",
    ),
    Told(
        errors.ServiceAccountRefused(
            "portal@example.iam.gserviceaccount.com",
            "ana@example.com",
            "its key is not known any more",
            "make a new key in the Google Cloud console",
        ),
        """
error: Google does not let portal@example.iam.gserviceaccount.com act for ana@example.com: its key is not known any more

hint: make a new key in the Google Cloud console
""",
    ),
    Told(
        errors.CalendarNotWritable("team@example.com", "reader"),
        """
error: team@example.com is not owned by the connected account (its role there: reader), so bookings cannot go to it

hint: see which calendars are owned with `portalcal calendars`, then `portalcal calendars --book-into ID`
""",
    ),
    Told(
        errors.ApiNotEnabled(),
        """
error: the Google Calendar API is not enabled in the Cloud project of this OAuth client

hint: enable it at https://console.cloud.google.com/apis/library/calendar-json.googleapis.com, wait a few minutes, \
then run `portalcal status`
""",
    ),
    Told(
        errors.LedgerTooNew("ledger.db", 9, 1),
        """
error: ledger.db has schema 9, this portalcal knows up to 1. The ledger was not touched.

hint: upgrade portalcal on this machine, then run `portalcal status`
""",
    ),
    Told(
        errors.LedgerUnusable("ledger.db", "the disk is full"),
        """
error: the ledger ledger.db cannot be used: the disk is full. Nothing was changed.

hint: run `portalcal status --offline` to see what is wrong with it
""",
    ),
    Told(
        errors.LedgerUnusable(
            "on a PostgreSQL server", "psycopg is not installed here", errors.LedgerFault.LIBRARY
        ),
        """
error: the ledger on a PostgreSQL server cannot be used: psycopg is not installed here. Nothing was changed.

hint: run `pip install 'portalcal[postgres]'`
""",
    ),
    Told(
        errors.LedgerCutOff("postgresql://db.example.com/portal"),
        """
error: the connection to the ledger postgresql://db.example.com/portal was lost while a change was being recorded. \
It may or may not be there.

hint: see what is there with `portalcal bookings`, then run the same command again
""",
    ),
    Told(
        errors.PersonUnreadable((errors.Unread("ben (ben@example.com)", "notFound"),), "ana@example.com"),
        """
error: busy times cannot be read: ben (ben@example.com) (deleted, or not shared)

hint: ask for the calendar to be shared, at least free/busy, with ana@example.com; `portalcal people` shows whether it is
""",
    ),
    Told(
        errors.LedgerCutOff("postgresql://db.example.com/portal", "5f0c", "put"),
        """
error: the connection to the ledger postgresql://db.example.com/portal was lost while booking 5f0c was being recorded. \
It may or may not be there.

hint: see whether it is there with `portalcal bookings 5f0c`; if not, run the same command again
""",
    ),
    Told(
        errors.LedgerCutOff(
            "ledger.db",
            "5f0c",
            "remove",
            is_recorded=True,
            failure="the ledger ledger.db is locked by another process",
        )
        .with_outcome("The next command goes on with it.")
        .with_outcome("Nothing was booked."),
        """
error: the ledger ledger.db is locked by another process. The cancellation of booking 5f0c is recorded, but whether \
Google was told is not known. The next command goes on with it.

hint: run `portalcal sync` when the ledger works again, then see `portalcal bookings 5f0c`
""",
    ),
    Told(
        errors.LedgerBusy("postgresql://db.example.com/portal", "out of reach: the connection was lost"),
        """
error: the ledger postgresql://db.example.com/portal is out of reach: the connection was lost

hint: run the same command again
""",
    ),
    Told(
        errors.AnswerLost("no space left on device"),
        """
error: the answer cannot be written to stdout: no space left on device. What the command did stays done.

hint: send stdout elsewhere; what was booked or cancelled is in `portalcal bookings`
""",
    ),
    Told(
        errors.AnswerLost("no space left on device"),
        """
error: the answer cannot be written to stdout: no space left on device. What the command did stays done.

hint: send stdout elsewhere; what was booked or cancelled is in `portalcal bookings`
""",
    ),
    Told(
        errors.VaultUnavailable("it did not answer within 5 s", "restart the keyring service", "KWallet"),
        """
error: the keyring cannot be used (KWallet): it did not answer within 5 s

hint: restart the keyring service
""",
    ),
    Told(
        errors.NotConnected("default"),
        """
error: the workspace default is not connected to a Google account

hint: run `portalcal connect`
""",
    ),
    Told(
        errors.ConsentDenied(),
        """
error: access was denied on the consent page. Nothing was stored.

hint: run `portalcal connect` again, tick every box and choose Allow
""",
    ),
    Told(
        errors.ConsentDenied("admin_policy_enforced"),
        """
error: the Workspace administrator does not allow this app (admin_policy_enforced). Nothing was stored.

hint: ask the administrator to trust this OAuth client, then run `portalcal connect`
""",
    ),
    Told(
        errors.ConsentDenied("org_internal"),
        """
error: Google ended the consent (org_internal). Nothing was stored.

hint: run `portalcal connect` again, with an account that may use this OAuth client
""",
    ),
    Told(
        errors.ConsentTimedOut(300),
        """
error: no answer came from the browser within 300 s. Nothing was stored.

hint: if the page said “Access blocked”, the account is not a test user of the app or an administrator blocks it; \
else run `portalcal connect` again, with `--no-browser` to paste the address by hand
""",
    ),
    Told(
        errors.PermissionMissing(("create_events", "edit_events"), ("Create events", "Edit events")),
        """
error: permissions missing: "Create events", "Edit events". Nothing was stored.

hint: run `portalcal connect` and tick every box
""",
    ),
    Told(
        errors.PermissionMissing(("view_events",), ("View when you are busy",), stored=True),
        """
error: permission missing: "View when you are busy"

hint: run `portalcal connect --force` and tick every box
""",
    ),
    Told(
        errors.GrantRevoked("ana@example.com", "Token has been expired or revoked"),
        """
error: Google no longer accepts the connection of ana@example.com: Token has been expired or revoked

hint: run `portalcal connect` to connect again; bookings are kept
""",
    ),
    Told(
        errors.GrantExpired("ana@example.com", "PORTALCAL_ACCESS_TOKEN is no longer valid"),
        """
error: the connection of ana@example.com has expired: PORTALCAL_ACCESS_TOKEN is no longer valid

hint: run `portalcal connect` to connect again; bookings are kept
""",
    ),
    Told(
        errors.ReauthRequired("ana@example.com"),
        """
error: the administrator of ana@example.com requires signing in again (session policy)

hint: run `portalcal connect`; about the length of sessions, ask the administrator
""",
    ),
    Told(
        errors.SlotTaken(TUESDAY, "a meeting on ana@example.com", alternatives=(an_offer(9), an_offer(11))),
        """
error: Tue 24 Nov, 10:00-10:30 (London) is taken by a meeting on ana@example.com. Nothing was booked.

hint: nearest: Tue 24 Nov, 09:00-09:30 (London) · Tue 24 Nov, 11:00-11:30 (London)
""",
    ),
    Told(
        errors.SlotTaken(TUESDAY, "booking 5f0c, made Mon 23 Nov, 08:00 (London)"),
        """
error: Tue 24 Nov, 10:00-10:30 (London) is taken by booking 5f0c, made Mon 23 Nov, 08:00 (London). Nothing was booked.

hint: see what is open with `portalcal availability`
""",
    ),
    Told(
        errors.SlotNotOffered(TUESDAY, "it does not lie in the opening hours", reasons=("closed",)),
        """
error: Tue 24 Nov, 10:00-10:30 (London) is not offered: it does not lie in the opening hours. Nothing was booked.

hint: see what is open with `portalcal availability`
""",
    ),
    Told(
        errors.NobodyFree(
            "Tue 24 Nov, 10:00-10:30 (London)",
            ("ben is busy 10:00-11:00", "backend has 1 who could, and it takes 2"),
        ),
        """
error: nobody can take Tue 24 Nov, 10:00-10:30 (London): ben is busy 10:00-11:00; backend has 1 who could, and it takes 2. Nothing was booked.

hint: see what is open with `portalcal availability`
""",
    ),
    Told(
        errors.RoomDeclined("Tue 24 Nov, 10:00-10:30 (London)", "oak", ("elm", "ash")),
        """
error: the room oak declined Tue 24 Nov, 10:00-10:30 (London). Nothing was booked.

hint: free at that time: elm, ash; ask for one with `--room elm`
""",
    ),
    Told(
        errors.RoomDeclined("Tue 24 Nov, 10:00-10:30 (London)", "oak"),
        """
error: the room oak declined Tue 24 Nov, 10:00-10:30 (London). Nothing was booked.

hint: see what is open with `portalcal availability`
""",
    ),
    Told(
        errors.KeyReused("order-17", "5f0c", ("start", "guest")),
        """
error: the key order-17 belongs to booking 5f0c, which differs in start, guest. Nothing was booked.

hint: see it with `portalcal bookings 5f0c`; a new request needs a new `--key`
""",
    ),
    Told(
        errors.OfferKeyReused("order-17", "5f0c"),
        """
error: the key order-17 belongs to offer 5f0c, which was made for something else. Nothing was offered.

hint: see it with `portalcal offers`; a new offer needs a new `--key`
""",
    ),
    Told(
        errors.OfferExpired("5f0c", "expired on Tue 24 Nov, 10:00 (London)").with_outcome(
            "Nothing was booked."
        ),
        """
error: offer 5f0c expired on Tue 24 Nov, 10:00 (London). Nothing was booked.

hint: see what is open with `portalcal availability`, and offer or book it anew
""",
    ),
    Told(
        errors.OfferTaken("5f0c", "7a2b"),
        """
error: offer 5f0c was taken: it is booking 7a2b

hint: see it with `portalcal bookings 7a2b`
""",
    ),
    Told(
        errors.OfferNotFound("5f0c"),
        """
error: there is no offer 5f0c in this workspace

hint: list them with `portalcal offers`
""",
    ),
    Told(
        errors.OfferNotFound("5f0c", is_ambiguous=True),
        """
error: the ids of several offers begin with 5f0c

hint: list them with `portalcal offers`
""",
    ),
    Told(
        errors.AlreadyMoved("5f0c", TUESDAY),
        """
error: the event of booking 5f0c was changed in Google Calendar: it is now Tue 24 Nov, 10:00-10:30 (London)

hint: look at it in the calendar and at `portalcal bookings 5f0c`, then decide again
""",
    ),
    Told(
        errors.LineInvalid(
            17,
            (
                errors.Problem("start", '"noon"', "expected a date and a time"),
                errors.Problem("email", "", "is missing"),
            ),
        ),
        """
error: line 17: start = "noon": expected a date and a time; email: is missing

hint: correct the line and run the same command again: what is done already is not done twice
""",
    ),
    Told(
        errors.BookingOver("5f0c", "cancelled"),
        """
error: booking 5f0c is cancelled, so it cannot be moved

hint: see when the new time is open with `portalcal availability`, then book it
""",
    ),
    Told(
        errors.SlotTaken(TUESDAY, "booking 5f0c").with_outcome("The booking stays where it was."),
        """
error: Tue 24 Nov, 10:00-10:30 (London) is taken by booking 5f0c. The booking stays where it was.

hint: see what is open with `portalcal availability`
""",
    ),
    Told(
        errors.OtherAccount("ana@example.com", "ben@example.com"),
        """
error: this workspace belongs to ana@example.com, but ben@example.com gave consent. Nothing was stored.

hint: run `portalcal connect` and choose ana@example.com, or `portalcal connect --force` to change the account
""",
    ),
    Told(
        errors.OtherAccount("ana@example.com", "ben@example.com", "postgresql://host/portal", "default"),
        """
error: the bookings of workspace default in postgresql://host/portal are those of ana@example.com, not of ben@example.com

hint: connect a workspace of another name, as in `portalcal --workspace sales connect`, or run `portalcal connect --force` and choose ben@example.com to take this one over
""",
    ),
    Told(
        errors.GoogleRefused("Calendar usage is suspended", 403),
        """
error: Google refused (403): Calendar usage is suspended

hint: run `portalcal status` to see what the connection may do
""",
    ),
    Told(
        errors.BookingNotFound("5f0c"),
        """
error: there is no booking 5f0c in this workspace

hint: list them with `portalcal bookings`
""",
    ),
    Told(
        errors.BookingNotFound("sam@example.com"),
        """
error: sam@example.com has no booking that is still to come in this workspace

hint: cancelled ones are listed with `portalcal bookings --email sam@example.com --state cancelled`, and earlier ones with `--from`
""",
    ),
    Told(
        errors.BookingNotFound(
            "sam@example.com",
            is_ambiguous=True,
            matches=(f"5f0c11aa, {TUESDAY}", "77e1b2c3, Wed 25 Nov, 10:00-10:30 (London)"),
        ),
        """
error: sam@example.com has 2 bookings that are still to come

hint: name one by its id: 5f0c11aa, Tue 24 Nov, 10:00-10:30 (London) · 77e1b2c3, Wed 25 Nov, 10:00-10:30 (London)
""",
    ),
    Told(
        errors.BookingNotFound("5f0c", is_ambiguous=True),
        """
error: the ids of several bookings begin with 5f0c

hint: list them with `portalcal bookings`
""",
    ),
    Told(
        errors.CalendarNotFound("Taem", ("ana@example.com", "Team")),
        """
error: there is no calendar Taem in this account; did you mean Team?

hint: list them with `portalcal calendars --all`
""",
    ),
    Told(
        errors.LinkNotFound("intor", ("intro", "review")),
        """
error: there is no link intor in the configuration; did you mean intro?

hint: the links are: intro, review
""",
    ),
    Told(
        errors.LinkNotFound("intro"),
        """
error: there is no link intro in the configuration

hint: add a table [links.intro] to the configuration; `portalcal config --example` shows one
""",
    ),
    Told(
        errors.WorkspaceNotFound("slaes", ("default", "sales")),
        """
error: there is no workspace slaes; did you mean sales?

hint: make it with `portalcal connect`, or name one that is there: default, sales
""",
    ),
    Told(
        errors.PersonNotFound("anna", ("ana", "ben")),
        """
error: there is nobody called anna in the configuration; did you mean ana?

hint: give an e-mail address, or one of: ana, ben
""",
    ),
    Told(
        errors.PersonNotFound("anna"),
        """
error: there is nobody called anna in the configuration

hint: give an e-mail address, or add a table [people.NAME] to the configuration
""",
    ),
    Told(
        errors.PersonNotFound("backend", ("ana",), is_pool=True),
        """
error: backend is a pool, not a person

hint: ask for one of its members with `--need backend`
""",
    ),
    Told(
        errors.PersonNotFound("bem", ("dana", "ben"), booking="5f0c"),
        """
error: bem takes no part in booking 5f0c; did you mean ben?

hint: those who do: dana, ben
""",
    ),
    Told(
        errors.PoolNotFound("backnd", ("backend", "sales")),
        """
error: there is no pool of people called backnd in the configuration; did you mean backend?

hint: there are: backend, sales
""",
    ),
    Told(
        errors.PoolNotFound("oakk", ("oak", "none"), is_of_rooms=True),
        """
error: there is no room, and no pool of rooms, called oakk in the configuration; did you mean oak?

hint: there are: oak, none
""",
    ),
    Told(
        errors.PoolNotFound("backnd"),
        """
error: there is no pool of people called backnd in the configuration

hint: add it to [pools] in the configuration; `portalcal config --example` shows one
""",
    ),
    Told(
        errors.EventNotFound("ana@example.com", "pc00"),
        """
error: there is no event pc00 on calendar ana@example.com

hint: list bookings with `portalcal bookings`
""",
    ),
    Told(
        errors.GoogleUnreachable("www.googleapis.com", "no answer within 20 s"),
        """
error: www.googleapis.com cannot be reached: no answer within 20 s

hint: check the network, then run `portalcal status`
""",
    ),
    Told(
        errors.GoogleBusy("Backend Error", 503).with_outcome("Nothing was booked."),
        """
error: Google is busy (503): Backend Error. Nothing was booked.

hint: run the same command again in a minute
""",
    ),
    Told(
        errors.Interrupted("5f0c7e1a", "unknown"),
        """
error: interrupted. The ledger cannot be read, so the state of booking 5f0c7e1a is not known.

hint: see whether it is there with `portalcal bookings 5f0c7e1a`
""",
    ),
    Told(
        errors.Interrupted("5f0c7e1a", "held"),
        """
error: interrupted. Booking 5f0c7e1a is held, and Google may not know it yet.

hint: run `portalcal sync` to tell Google
""",
    ),
    Told(
        errors.OfferInterrupted("5f0c7e1a", "open", is_owed=True),
        """
error: interrupted. Offer 5f0c7e1a holds its times, and Google may not know it yet.

hint: see it with `portalcal offers`, or free its times with `portalcal offer 5f0c7e1a --release`
""",
    ),
    Told(
        errors.OfferInterrupted("5f0c7e1a", "released", is_owed=True),
        """
error: interrupted. Offer 5f0c7e1a is released, and Google may not know it yet.

hint: run `portalcal sync` to tell Google
""",
    ),
    Told(
        errors.QuotaExhausted("Calendar usage limits exceeded"),
        """
error: a usage limit of Google Calendar is used up: Calendar usage limits exceeded

hint: it lifts by itself within some hours; then run the same command again
""",
    ),
    Told(
        errors.CalendarUnreadable((errors.Unread("team@example.com", "internalError"),)),
        """
error: busy times cannot be read: team@example.com (internalError)

hint: run the same command again in a minute; if that does not help, leave it out with `portalcal calendars --deselect team@example.com`
""",
    ),
    Told(
        errors.ProofMissing("google-auth-oauthlib"),
        """
error: google-auth-oauthlib leaves out the proof that a consent is ours (PKCE, S256). Nothing was asked for or redeemed.

hint: install portalcal anew, with the versions of its libraries that it asks for
""",
    ),
    Told(
        errors.EndpointChanged(("https://elsewhere.example",), ("https://oauth2.googleapis.com",)),
        """
error: the configuration names https://elsewhere.example, but the grant was given at https://oauth2.googleapis.com. Nothing was sent.

hint: put the former addresses back; or, if the new ones are meant, run `portalcal connect` to consent there
""",
    ),
    Told(
        errors.EndpointChanged(("https://elsewhere.example",), files=("config.toml",)),
        """
error: https://elsewhere.example is neither Google's nor this machine's, and others could have put it into config.toml. Nothing was sent.

hint: see that the addresses are meant, then let nobody else write there: `chmod go-w config.toml`
""",
    ),
    Told(
        errors.CalendarLost((errors.Unread("team@example.com", "notFound"),), "ana@example.com"),
        """
error: team@example.com is deleted, or no longer shared with ana@example.com

hint: leave it out with `portalcal calendars --deselect team@example.com`, or ask the owner of team@example.com to share it again
""",
    ),
    Told(
        errors.ConnectionDamaged("connection.toml", (errors.Problem("conflicts", "7", "expected a list"),)),
        """
error: connection.toml: conflicts = 7: expected a list

hint: mend that by hand, or delete the file and run `portalcal connect`
""",
    ),
    Told(
        errors.LedgerBusy("ledger.db"),
        """
error: the ledger ledger.db is locked by another process

hint: run the same command again
""",
    ),
    Told(
        errors.BookingBusy("5f0c"),
        """
error: an earlier change of booking 5f0c has not reached Google yet

hint: run `portalcal sync`, then the same command again
""",
    ),
    Told(
        errors.LeaseOver("5f0c"),
        """
error: telling Google of booking 5f0c took too long, and was stopped before another process may begin it

hint: run `portalcal sync`, then the same command again
""",
    ),
    Told(
        errors.BookingOutOfReach((errors.Unread("team@example.com", "notFound"),), booking="5f0c"),
        """
error: team@example.com is deleted, or no longer shared with this account

hint: ask the owner of team@example.com to share it again, or end the booking with `portalcal cancel 5f0c`
""",
    ),
    Told(
        InternalError("KeyError", "book.py:17"),
        """
error: a bug in portalcal (KeyError in book.py:17)

hint: run the command again with `--verbose` and report what it prints
""",
    ),
]

# The public exit codes. Whoever changes a number here breaks somebody's script.
PROMISED = {
    2: "usage confirmation-required",
    3: "config-invalid client-invalid calendar-not-writable api-not-enabled ledger-too-new vault-unavailable calendar-lost endpoint-changed",
    4: "not-connected consent-denied consent-timed-out permission-missing grant-revoked grant-expired reauth-required",
    5: "slot-taken slot-not-offered key-reused already-moved other-account nobody-free room-declined",
    6: "booking-not-found calendar-not-found link-not-found person-not-found pool-not-found workspace-not-found",
    7: "google-unreachable google-busy quota-exhausted calendar-unreadable ledger-busy",
}


def kinds(parent: type[PortalcalError] = PortalcalError) -> Iterator[type[PortalcalError]]:
    """Every error that portalcal can raise: those that have a code, and none that another test made up."""
    for kind in parent.__subclasses__():
        if hasattr(kind, "code") and kind.__module__.startswith("portalcal."):
            yield kind
        yield from kinds(kind)


def drawn_parents() -> dict[str, str]:
    """The classes in the tree at the top of `portalcal.errors`, each with the class it stands under."""
    parents: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        if match := re.match(r"    ([│├└─ ]*)([A-Z]\w+.*)", line):
            depth = len(match[1]) // 4
            names = re.findall(r"[A-Z]\w+", match[2])
            path = [*path[:depth], names[0]]
            parents |= dict.fromkeys(names, path[depth - 1] if depth else "")
    return parents


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    drawn = drawn_parents()

    public = [
        kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, PortalcalError)
    ]
    public = [kind for kind in public if not kind.__name__.startswith("_")]
    assert drawn == {
        kind.__name__: next((each.__name__ for each in kind.__mro__[1:] if each in public), "")
        for kind in public
    }


def name_of(value: object) -> str:
    """How a test's example is called."""
    error = value.error if isinstance(value, Told) else value
    return getattr(error, "__name__", type(error).__name__)


def raising(error: PortalcalError) -> Callable[[Container], None]:
    """Something that fails just before the command begins its work."""

    def fail(_: Container) -> None:
        raise error

    return fail


def transcript(error: PortalcalError, *arguments: str) -> tuple[int, str, str]:
    """Exit status, stdout and stderr of a command that fails so."""
    out, err = io.StringIO(), io.StringIO()
    invocation = Invocation({"COLUMNS": "100"}, io.StringIO(), out, err, customize=raising(error))
    return run(arguments, invocation), out.getvalue(), err.getvalue()


@pytest.mark.parametrize("told", EXAMPLES, ids=name_of)
def test_people_read_the_fact_then_what_helps(told: Told) -> None:
    assert transcript(told.error, "bookings") == (told.error.exit, "", told.says.lstrip("\n"))


@pytest.mark.parametrize("told", EXAMPLES, ids=name_of)
def test_scripts_get_the_same_on_one_line_of_json(told: Told) -> None:
    exit_, out, err = transcript(told.error, "bookings", "--json")

    assert (exit_, out, err.count("\n")) == (told.error.exit, "", 1)
    envelope = json.loads(err)
    assert (envelope["portalcal"], envelope["command"]) == (1, "bookings")
    assert {name: envelope["error"][name] for name in ("code", "message", "hint", "exit", "retryable")} == {
        "code": told.error.code,
        "message": told.error.message,
        "hint": told.error.hint,
        "exit": told.error.exit,
        "retryable": told.error.exit is Exit.TRY_LATER,
    }
    assert set(envelope["error"]["details"]) == set(told.error.details)


def test_the_details_of_a_taken_time_are_what_a_portal_needs_to_offer_another() -> None:
    error = errors.SlotTaken(TUESDAY, "a meeting on ana@example.com", alternatives=(an_offer(9),))

    _, _, err = transcript(error, "bookings", "--json")

    assert json.loads(err)["error"]["details"] == {
        "when": "Tue 24 Nov, 10:00-10:30 (London)",
        "by": "a meeting on ana@example.com",
        "alternatives": [
            {
                "start": "2026-11-24T09:00:00+00:00",
                "end": "2026-11-24T09:30:00+00:00",
                "words": "Tue 24 Nov, 09:00-09:30 (London)",
            }
        ],
    }


@pytest.mark.parametrize("kind", sorted(set(kinds()), key=name_of), ids=name_of)
def test_every_error_has_its_transcript(kind: type[PortalcalError]) -> None:
    assert kind in {type(each.error) for each in EXAMPLES}


def test_every_promised_code_ends_with_its_promised_status() -> None:
    has = {kind.code: int(kind.exit) for kind in kinds()}
    promised = {code: status for status, codes in PROMISED.items() for code in codes.split()}

    assert {code: has.get(code) for code in promised} == promised


def test_one_code_has_one_status() -> None:
    pairs = {(kind.code, kind.exit) for kind in kinds()}

    assert len(pairs) == len({code for code, _ in pairs})


@pytest.mark.parametrize("kind", sorted(set(kinds()), key=name_of), ids=name_of)
def test_only_what_may_pass_by_itself_is_retryable(kind: type[PortalcalError]) -> None:
    assert kind.retryable is (kind.exit is Exit.TRY_LATER)
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", kind.code)


@pytest.mark.parametrize("told", EXAMPLES, ids=name_of)
def test_a_message_keeps_the_rules_of_the_house(told: Told) -> None:
    words = f"{told.error.message} {told.error.hint or ''}"

    assert not re.search(r"\b(oops|failed to|invalid|please|sorry|unfortunately)\b", words, re.IGNORECASE)
    if not isinstance(told.error, InternalError):
        assert not [kind for kind in (*kinds(), *all_exceptions()) if kind.__name__ in words.split()]
    assert not (told.error.hint or "").endswith(".")
    assert told.error.message.endswith(".") is (". " in told.error.message)
    assert told.error.message[0] not in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" or told.error.message.startswith(
        ("Google", "Tue")
    )


def all_exceptions(parent: type[BaseException] = Exception) -> Iterator[type[BaseException]]:
    """Python's own, for their names."""
    for kind in parent.__subclasses__():
        if kind.__module__ == "builtins":
            yield kind
            yield from all_exceptions(kind)


def commands_in(hint: str | None) -> list[str]:
    """The command lines in a hint."""
    return re.findall(r"`(portalcal [^`]*)`", hint or "")


ADVISED = sorted({line for told in EXAMPLES for line in commands_in(told.error.hint)})


def test_hints_hold_commands() -> None:
    assert len(ADVISED) > 10


@pytest.mark.parametrize("line", ADVISED)
def test_a_command_in_a_hint_can_be_pasted(line: str) -> None:
    group: Any = get_command(app)
    words = shlex.split(line)[1:]
    name, *arguments = words[2:] if words[0] == "--workspace" else words

    command = group.get_command(click.Context(group), name)

    assert command is not None
    command.make_context(name, arguments)


@pytest.mark.parametrize(
    ("before", "hint"),
    [
        ((), "run `portalcal connect`"),
        (("--workspace", "default"), "run `portalcal connect`"),
        (("--workspace", "sales"), "run `portalcal --workspace sales connect`"),
        (("--workspace=sales",), "run `portalcal --workspace sales connect`"),
        (("--no-input", "--config", "my config.toml"), "run `portalcal --config 'my config.toml' connect`"),
    ],
)
def test_a_hint_calls_portalcal_as_it_was_called(before: tuple[str, ...], hint: str) -> None:
    _, _, err = transcript(errors.NotConnected("sales"), *before, "bookings", "--json")

    assert json.loads(err)["error"]["hint"] == hint


def test_an_error_refuses_facts_it_does_not_have() -> None:
    with pytest.raises(TypeError, match="NotConnected takes"):
        errors.NotConnected(workspace="default", account="ana@example.com")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="NotConnected takes"):
        errors.NotConnected()  # type: ignore[call-arg]


def test_what_was_not_done_is_said_once() -> None:
    error = errors.SlotTaken(TUESDAY, "another booking").with_outcome("Nothing was booked.")

    assert error.message.count("Nothing was booked.") == 1


def test_help_is_the_same_in_every_workspace() -> None:
    assert (
        errors.called("see `portalcal book --help`", "portalcal --workspace sales")
        == "see `portalcal book --help`"
    )
