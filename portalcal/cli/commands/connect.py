"""`portalcal connect`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from portalcal.cli.context import CommandContext
from portalcal.cli.options import Json
from portalcal.cli.times import read_length
from portalcal.errors import Usage
from portalcal.usecases import connect as usecase


class VaultKind(StrEnum):
    """Vaults to choose from."""

    KEYRING = "keyring"
    FILE = "file"


def connect(
    ctx: typer.Context,
    no_browser: Annotated[
        bool, typer.Option("--no-browser", help="Open nothing; the redirected address can be pasted here.")
    ] = False,
    port: Annotated[
        int,
        typer.Option(
            "--port",
            metavar="N",
            min=0,
            max=65535,
            show_default=False,
            help="Listen on this port. Default: any free one.",
        ),
    ] = 0,
    timeout: Annotated[
        str, typer.Option("--timeout", metavar="LENGTH", help="How long to wait for consent.")
    ] = "300s",
    client_secrets: Annotated[
        Path | None,
        typer.Option(
            "--client-secrets", metavar="FILE", help="The Desktop client as downloaded; a copy is kept."
        ),
    ] = None,
    account: Annotated[
        str | None, typer.Option("--account", metavar="EMAIL", help="The account that is to give consent.")
    ] = None,
    vault: Annotated[
        VaultKind | None,
        typer.Option(
            "--vault",
            help="Keep secrets in the system's keyring, or in a file sealed with PORTALCAL_VAULT_PASSPHRASE.",
        ),
    ] = None,
    new_passphrase: Annotated[
        bool,
        typer.Option(
            "--new-passphrase",
            help="Seal the vault file anew, under another passphrase; asks for consent again.",
        ),
    ] = False,
    titles: Annotated[
        bool,
        typer.Option(
            "--titles", help="Also ask to see events, so that explanations can name what is in the way."
        ),
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Ask again though connected, and allow another account.")
    ] = False,
    json: Json = False,
) -> None:
    """Connect a Google account: consent in the browser, checked, and kept in the keyring or a sealed file.

    [bold]Examples[/bold]

      portalcal connect --client-secrets ~/Downloads/client_secret.json
      portalcal connect --no-browser
      portalcal connect --vault file
    """
    command = CommandContext.of(ctx, as_json=json, is_change=True, takes_any_workspace=True)
    refuse_without_consent(command, "connect")
    options = usecase.ConnectOptions(
        timeout=int(read_length(timeout).total_seconds()),
        port=port,
        open_browser=not no_browser,
        account=account,
        force=force,
        titles=titles,
        renews_vault=new_passphrase,
        asks=command.invocation.is_interactive and not json,
    )
    command.container.client_secrets = client_secrets
    command.container.is_pipe_meant = no_browser
    is_file_configured = command.container.config.vault == VaultKind.FILE
    command.container.vault_kind = vault or (VaultKind.FILE if is_file_configured else None)
    command.container.is_vault_renewed = new_passphrase
    if new_passphrase and command.container.vault.kind != VaultKind.FILE:
        raise Usage("--new-passphrase is for secrets in a vault file", "add `--vault file`")
    command.container.is_connecting = force or command.invocation.is_interactive
    command.view.zone = command.container.config.schedule.zone
    answer = usecase.connect(options, command.container)
    command.view.show(answer)


def refuse_without_consent(command: CommandContext, command_name: str) -> None:
    """Refuse a command about consent where access does not rest on a person's consent.

    Raises:
        Usage: the environment has a token, or the configuration a service account; the message names it.
    """
    if command.container.acts_for:
        raise Usage(
            f"a service account acts for {command.container.acts_for} here, so there is nothing to {command_name}",
            "see whether it works with `portalcal status`; to ask a person for consent instead, take service_account "
            f"out of {command.container.config.path}",
        )
    for variable in command.container.token_variables:
        raise Usage(
            f"{variable} is set, so {command_name} has nothing to do with the keyring",
            f"unset {variable} first",
        )
