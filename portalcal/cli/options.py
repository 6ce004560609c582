"""Command line options that several commands share."""

from typing import Annotated

import typer

from portalcal.cli.times import DateOrder
from portalcal.core.booking import Notify

Json = Annotated[bool, typer.Option("--json", help="One JSON object on stdout; errors as JSON on stderr.")]
Zone = Annotated[
    str | None,
    typer.Option(
        "--timezone", metavar="ZONE", help="Read and show times in this IANA zone. Default: the schedule's."
    ),
]
LinkName = Annotated[
    str | None,
    typer.Option("--link", metavar="NAME", help="The kind of meeting, [links.NAME] in the configuration."),
]
Duration = Annotated[
    str | None, typer.Option("--duration", metavar="LENGTH", help="The meeting's length: 30m, 1h, 1h30m.")
]
DatesOfFile = Annotated[
    DateOrder | None,
    typer.Option("--dates", help="How a file writes 11/30/2026, where both orders make a date."),
]
IgnoreColumns = Annotated[
    bool, typer.Option("--ignore-columns", help="Leave out the unknown columns of a file.")
]
WhomToTell = Annotated[
    Notify | None,
    typer.Option(
        "--notify", help="Whom Google e-mails: all guests, those outside the organisation, or nobody."
    ),
]
