"""The warnings a user can meet, each with a code, its facts and a sentence that can be acted on. Standard library only.

    PortalcalWarning
    ├── NoConnectionUsed  GrantEnding  ZoneUnknown  ZoneRulesOld
    ├── DeliveryPending
    │   └── BookingNotTold  MoveNotTold  RemovalNotTold  ReassignmentNotTold
    ├── DeliveriesOverdue  LineInterrupted  MeetPending  MeetUnread
    ├── EventLeft  EventLeftAsItWas  EventLeftInPlace  EventOrphaned  EventsUnknown  EventNotAdopted
    ├── EventsMissing
    ├── BookingNotMoved  EventNotMade  BookingNotKept
    ├── BookingConflict  OfferConflict  ParticipantConflict
    ├── CalendarOutOfSight  EventsUnread  PersonCountsAsBusy  RoomPending  RoomGone  NotReplaced
    ├── AccountUnread  AccountUnknown  LedgerUnread  OtherWorkspaces  GrantNotEnded  NotForgotten  NotDisconnected  FormerVault
    ├── ChangesPruned  SyncFailed  HookFailed
    └── BrowserNotStarted  BrowserFailed  NoAnswerYet  NotTheAnswer

The facts of a warning are its annotated fields, which are its `details` in JSON; `says` is a template over them.
Several warnings may share a code, never one a sentence. Codes, names of facts and sentences are public.
Times are passed as texts that name their zone. No field ever holds a token, an authorization code or a client secret.
A warning never ends a command: what does is an error.
"""

from portalcal.facts import Facts, booking_named, why_unread


class PortalcalWarning(Facts):
    """Something to know or to do, beside the result."""


class NoConnectionUsed(PortalcalWarning):
    """Availability or a booking rests on the schedule alone."""

    code = "not-connected"
    says = (
        "not connected: only the configured schedule and the bookings made here are known, "
        "so this can double-book; connect with `portalcal connect`"
    )


class GrantEnding(PortalcalWarning):
    """The grant is about to end, as the one before did: an OAuth app left in Testing."""

    code = "grant-ending"
    says = (
        "the connection of {account} ends in {left}, as the one before did after 7 days; "
        "renew it with `portalcal connect --force`"
    )
    account: str
    left: str


class ZoneUnknown(PortalcalWarning):
    """The schedule's zone had to be guessed."""

    code = "zone-unknown"
    says = "{problem}; {remedy}"
    problem: str
    remedy: str


class ZoneRulesOld(PortalcalWarning):
    """Every copy of the zone database is over a year old."""

    code = "zone-rules-old"
    says = (
        "the rules of time zones here are more than a year old ({versions}), so times may be an hour off; "
        "get newer ones with `pip install --upgrade tzdata`"
    )
    versions: str


class DeliveryPending(PortalcalWarning):
    """A change is recorded here, and Google has not confirmed it."""

    code = "google-not-told"
    booking: str
    why: str
    next_step: str


class BookingNotTold(DeliveryPending):
    """The event is not there yet."""

    says = "the time is held, but Google has not confirmed it: {why}; {next_step}"


class MoveNotTold(DeliveryPending):
    """The event is still where it was."""

    says = "both times are held, but Google has not confirmed the move: {why}; {next_step}"


class ReassignmentNotTold(DeliveryPending):
    """Google still has the people who were invited before."""

    says = (
        "who leaves and who comes are both held, but Google has not confirmed the change: {why}; {next_step}"
    )


class RemovalNotTold(DeliveryPending):
    """The event is still there."""

    says = "cancelled here, but the event is still in the calendar: {why}; {next_step}"


class DeliveriesOverdue(PortalcalWarning):
    """Changes have been in the outbox for long, or have failed."""

    code = "errands-overdue"
    count: int  # of bookings
    why: str | None  # the last failure, where there was one

    @property
    def sentence(self) -> str:
        return (
            f"Google was not told of {self.count} booking{'' if self.count == 1 else 's'} yet"
            f"{f': {self.why}' if self.why else ''}; deliver with `portalcal sync`"
        )


class LineInterrupted(PortalcalWarning):
    """A line of a batch whose booking was held when Ctrl-C came."""

    code = "interrupted"
    says = "interrupted: the time is held, and Google may not know it yet; `portalcal sync` tells it"
    booking: str


class MeetPending(PortalcalWarning):
    """Google makes the conference later than the event."""

    code = "meet-pending"
    says = "Google has not told the Meet link yet; `portalcal bookings {short_id}` in a minute shows it"
    booking: str


class MeetUnread(PortalcalWarning):
    """Google could not be asked for the Meet link."""

    code = "meet-pending"
    says = "whether Google has made the Meet link is not known: {why}"
    booking: str
    why: str


class EventLeft(PortalcalWarning):
    """The booking is cancelled, and its event can never be removed by us."""

    code = "event-left"
    says = (
        "{named} is cancelled, but {why}: its event at {when} was left on {calendar}, and its guests were "
        "not told; tell them, or remove it there by hand"
    )
    booking: str
    why: str
    when: str
    calendar: str | None
    guest: str = ""


class EventLeftAsItWas(PortalcalWarning):
    """Cancelled while disconnected."""

    code = "event-left"
    booking: str
    event: str | None

    @property
    def sentence(self) -> str:
        return (
            f"not connected: the booking is cancelled here, its event {self.event or ''} stays in the calendar "
            "until the workspace is connected again"
        )


class EventLeftInPlace(PortalcalWarning):
    """Moved while disconnected."""

    code = "event-left"
    booking: str
    event: str | None

    @property
    def sentence(self) -> str:
        return (
            f"not connected: the booking is moved here, its event {self.event or ''} stays where it was "
            "until the workspace is connected again"
        )


class EventsMissing(PortalcalWarning):
    """Bookings made while disconnected, which no calendar shows."""

    code = "events-missing"
    count: int  # of upcoming bookings

    @property
    def sentence(self) -> str:
        have, them = ("booking has", "it") if self.count == 1 else ("bookings have", "them")
        return f"{self.count} {have} no event; make {them} with `portalcal sync --add-missing`"


class EventOrphaned(PortalcalWarning):
    """An event of ours whose booking is over."""

    code = "event-left-over"
    booking: str
    state: str
    when: str
    calendar: str
    dry_run: bool
    guest: str = ""

    @property
    def sentence(self) -> str:
        what = "would be removed" if self.dry_run else "is removed"
        return f"{self._words['named']} is {self.state}, and its event at {self.when} {what} from {self.calendar}"


class EventsUnknown(PortalcalWarning):
    """Events of ours whose bookings the ledger does not have."""

    code = "event-unknown"
    calendar: str
    bookings: tuple[str, ...]

    @property
    def sentence(self) -> str:
        what = "1 event" if len(self.bookings) == 1 else f"{len(self.bookings)} events"
        have, them = ("has", "it") if len(self.bookings) == 1 else ("have", "them")
        return (
            f"{what} of ours in {self.calendar} {have} no booking here: this ledger lost {them}, or another one made "
            f"{them}; what was lost is taken back by `portalcal sync --adopt`"
        )


class EventNotAdopted(PortalcalWarning):
    """An event of ours of which no booking could be made."""

    code = "event-not-adopted"
    says = "the event at {when} in {calendar} is not taken back: {why}"
    booking: str
    when: str
    calendar: str
    why: str


class BookingNotMoved(PortalcalWarning):
    """A move that Google refused for good; the booking keeps its former time."""

    code = "booking-not-moved"
    says = "{named} could not be moved: {why}"
    booking: str
    why: str
    guest: str = ""


class EventNotMade(PortalcalWarning):
    """A booking that stands without an event."""

    code = "event-not-made"
    says = "{named} still has no event: {why}"
    booking: str
    why: str
    guest: str = ""


class BookingNotKept(PortalcalWarning):
    """A held booking that was refused when it was delivered."""

    code = "booking-refused"
    says = "{named} could not be kept: {why}"
    booking: str
    why: str
    guest: str = ""


class BookingConflict(PortalcalWarning):
    """An event was moved in the calendar onto the time of another booking."""

    code = "booking-conflict"
    says = (
        "the event of {named} now lies at {when}, a time that {other_named} holds; "
        "move one of them in the calendar, or cancel one here"
    )
    booking: str
    other: str
    when: str
    guest: str = ""
    other_guest: str = ""

    @property
    def sentence(self) -> str:
        other = booking_named(self.other, self.other_guest)
        return self.says.format_map(self._words | {"other_named": other})


class OfferConflict(PortalcalWarning):
    """An event was moved in the calendar onto a time that is offered to somebody."""

    code = "booking-conflict"
    says = (
        "the event of {named} now lies at {when}, a time that {named_offer} holds; "
        "move it in the calendar, or release the offer with `portalcal offer {short_offer} --release`"
    )
    booking: str
    offer: str
    when: str
    guest: str = ""


class ParticipantConflict(PortalcalWarning):
    """An event was moved in the calendar onto a time that another workspace holds for one of its participants."""

    code = "booking-conflict"
    says = (
        "the event of {named} now lies at {when}, a time that another workspace holds for {participant}; "
        "move it in the calendar, or cancel it here"
    )
    booking: str
    participant: str
    when: str
    guest: str = ""


class CalendarOutOfSight(PortalcalWarning):
    """A calendar with bookings is gone or no longer shared: its bookings are not touched."""

    code = "calendar-not-found"
    says = (
        "calendar {calendar} cannot be seen any more, so its bookings were left as they are; "
        "look at `portalcal calendars --all`; "
        "a booking on a calendar that is gone can be ended with `portalcal cancel ID`"
    )
    calendar: str


class PersonCountsAsBusy(PortalcalWarning):
    """Somebody, or a room, whose calendar cannot be read, though there are others."""

    code = "person-unreadable"
    says = "the calendar of {person} cannot be read ({why}), so it counts as busy; see `portalcal people`"
    person: str
    reason: str

    @property
    def sentence(self) -> str:
        return self.says.format_map(self._words | {"why": why_unread(self.reason)})


class RoomPending(PortalcalWarning):
    """The room of a confirmed booking has neither accepted nor declined yet."""

    code = "room-pending"
    says = "the room {room} has not answered yet, so {named} may lose it; `portalcal sync` follows it"
    booking: str
    room: str


class RoomGone(PortalcalWarning):
    """The room declined the time of a meeting that could not stay where it was."""

    code = "room-declined"
    says = (
        "the room {room} declined the new time of {named}, which has none now; "
        "see who and what is free with `portalcal availability`"
    )
    booking: str
    room: str


class NotReplaced(PortalcalWarning):
    """Somebody declined a meeting, and `sync --replace-declined` left it at that."""

    code = "not-replaced"
    says = "{person} declined {named} and was not replaced: {why}"
    booking: str
    person: str
    why: str


class EventsUnread(PortalcalWarning):
    """An explanation without the events around the time."""

    code = "events-unread"
    says = "the events around that time cannot be read: {why}"
    why: str


class AccountUnread(PortalcalWarning):
    """The account of another workspace, whose calendars count here, could not be asked."""

    code = "account-unread"
    says = "the calendars of workspace {workspace} cannot be listed: {why}; {next_step}"
    workspace: str
    why: str
    next_step: str


class AccountUnknown(PortalcalWarning):
    """The connection that is forgotten is damaged."""

    code = "connection-damaged"
    says = "whose connection this was is unknown: {problem}. It is forgotten all the same."
    problem: str


class LedgerUnread(PortalcalWarning):
    """Disconnecting cannot count the bookings it touches."""

    code = "ledger-unread"
    says = "how many bookings this touches is unknown: {why}"
    why: str


class OtherWorkspaces(PortalcalWarning):
    """Other workspaces used the grant that was revoked."""

    code = "other-workspaces"
    says = "{effect}; connect again there"
    workspaces: tuple[str, ...]
    effect: str


class GrantNotEnded(PortalcalWarning):
    """The grant could not be revoked and still stands at Google."""

    code = "grant-not-ended"
    says = "the grant could not be ended at Google: {why}; end the grant at https://myaccount.google.com/connections"
    why: str


class ChangesPruned(PortalcalWarning):
    """A reader of changes comes so late that some it has not seen are forgotten."""

    code = "changes-pruned"
    says = (
        "changes after cursor {cursor} were pruned from the history and are missing here; "
        "read the bookings anew with `portalcal bookings`"
    )
    cursor: int


class SyncFailed(PortalcalWarning):
    """The calendar could not be read while changes are followed; it is tried again."""

    code = "sync-failed"
    says = "the calendar was not synchronised: {why}; it is tried again"
    why: str


class HookFailed(PortalcalWarning):
    """The command of `sync --exec` failed for a change, which is handed to it again."""

    code = "hook-failed"
    says = "the hook failed for change {cursor} of {named}: {why}; the next `portalcal sync` tries it again"
    cursor: int
    booking: str
    why: str


class NotForgotten(PortalcalWarning):
    """A part of the connection could not be deleted here."""

    code = "not-forgotten"
    says = "something of the connection is still here: {why}"
    why: str


class NotDisconnected(PortalcalWarning):
    """The person did not confirm."""

    code = "not-disconnected"
    says = "nothing was changed"


class FormerVault(PortalcalWarning):
    """The vault used before cannot be emptied."""

    code = "former-vault"
    says = "secrets of the earlier connection may still be there: {why}"
    why: str


class BrowserNotStarted(PortalcalWarning):
    """There is no browser, or none that starts."""

    code = "no-browser"
    says = "no browser could be started; open the address above by hand"


class BrowserFailed(PortalcalWarning):
    """The browser's process ended with an error."""

    code = "no-browser"
    says = "the browser ended with an error; open the address above by hand"


class NoAnswerYet(PortalcalWarning):
    """Google shows pages that never come back."""

    code = "no-answer-yet"
    says = (
        "still waiting for the browser. A page that says “Access blocked” or “App not verified” never comes back: then "
        "the account is not among the test users of the OAuth app, or an administrator blocks it"
    )


class NotTheAnswer(PortalcalWarning):
    """A pasted line that is not the address the browser ended on."""

    code = "not-the-answer"
    says = "{reason} Paste the whole address of the page the browser ended on"
    reason: str
