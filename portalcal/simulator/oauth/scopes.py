"""Scopes accepted by each method, by short name, as the Calendar v3 discovery document lists them."""

PREFIX = "https://www.googleapis.com/auth/"
_ALL = "calendar"
_READ = "calendar.readonly"

_EVENTS_READ = (
    _ALL, "calendar.app.created", "calendar.events", "calendar.events.freebusy", "calendar.events.owned",
    "calendar.events.owned.readonly", "calendar.events.public.readonly", "calendar.events.readonly", _READ,
)  # fmt: skip

_EVENTS_WRITE = (_ALL, "calendar.app.created", "calendar.events", "calendar.events.owned")
_LIST_READ = (_ALL, "calendar.calendarlist", "calendar.calendarlist.readonly", _READ)
_SETTINGS_READ = (_ALL, _READ, "calendar.settings", "calendar.settings.readonly")

ACCEPTED: dict[str, tuple[str, ...]] = {
    "calendarList.list": _LIST_READ,
    "calendarList.get": (*_LIST_READ, "calendar.app.created"),
    "calendars.get": (
        _ALL,
        "calendar.app.created",
        "calendar.calendars",
        "calendar.calendars.readonly",
        _READ,
    ),
    "freebusy.query": (_ALL, "calendar.events.freebusy", "calendar.freebusy", _READ),
    "events.list": _EVENTS_READ,
    "events.get": _EVENTS_READ,
    "events.instances": _EVENTS_READ,
    "events.insert": _EVENTS_WRITE,
    "events.patch": _EVENTS_WRITE,
    "events.update": _EVENTS_WRITE,
    "events.delete": _EVENTS_WRITE,
    "events.quickAdd": _EVENTS_WRITE,
    "events.move": (_ALL, "calendar.events", "calendar.events.owned"),
    "settings.get": _SETTINGS_READ,
    "settings.list": _SETTINGS_READ,
}

# Texts of the consent page; Google's own where the discovery document has them.
CONSENT_TEXTS: dict[str, str] = {
    "calendar": "See, edit, share, and permanently delete all the calendars you can access using Google Calendar",
    "calendar.readonly": "See and download any calendar you can access using your Google Calendar",
    "calendar.calendarlist": "See, add, and remove Google calendars you’re subscribed to",
    "calendar.calendarlist.readonly": "See the list of Google calendars you’re subscribed to",
    "calendar.calendars": "See and change the properties of Google calendars you have access to",
    "calendar.calendars.readonly": "See the title, description, default time zone, and other properties of Google calendars",
    "calendar.events": "View and edit events on all your calendars",
    "calendar.events.readonly": "View events on all your calendars",
    "calendar.events.owned": "See, create, change, and delete events on Google calendars you own",
    "calendar.events.owned.readonly": "See the events on Google calendars you own",
    "calendar.events.freebusy": "See the availability on Google calendars you have access to",
    "calendar.events.public.readonly": "See the events on public calendars",
    "calendar.freebusy": "View your availability in your calendars",
    "calendar.settings": "View and edit your Calendar settings",
    "calendar.settings.readonly": "View your Calendar settings",
    "calendar.acls": "See and change the sharing permissions of Google calendars you own",
    "calendar.acls.readonly": "See the sharing permissions of Google calendars you own",
    "calendar.app.created": "Make secondary Google calendars, and see, create, change, and delete events on them",
    "openid": "Associate you with your personal info on Google",
    "email": "See your primary Google Account email address",
    "profile": "See your personal info, including any personal info you’ve made publicly available",
}


def short(scope: str) -> str:
    """Return a scope without its prefix; the consent page names its boxes so."""
    return scope.removeprefix(PREFIX)


def full(name: str) -> str:
    """Return the full scope of a short name; sign-in scopes and URLs stay unchanged."""
    return name if name in {"openid", "email", "profile"} or "/" in name else PREFIX + name


def unknown(scopes: list[str]) -> list[str]:
    """Return the scopes that neither Calendar nor sign-in has, in the order of the `invalid_scope` message."""
    return [scope for scope in scopes if short(scope) not in CONSENT_TEXTS]
