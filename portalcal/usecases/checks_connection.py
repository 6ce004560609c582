"""What `status` asks of the vault and of the grant in it."""

from __future__ import annotations

from portalcal.core import findings
from portalcal.core.diagnosis import Finding
from portalcal.core.permissions import Permission
from portalcal.errors import NotConnected, PermissionMissing
from portalcal.ports import Secret
from portalcal.usecases.examination import Scene, Skip


def vault_backend(scene: Scene) -> Finding:
    """Which vault there is. Raises: VaultUnavailable."""
    if scene.world.connections.read() is None:
        raise Skip("not connected")
    vault = scene.world.vault
    return Finding(f"{vault.kind}, {vault.backend}" if vault.backend else vault.kind)


def vault_read(scene: Scene) -> Finding:
    """Whether the vault gives back what it was given. Raises: VaultUnavailable."""
    if scene.world.connections.read() is None:
        raise Skip("not connected")
    return Finding("readable" if _has_secrets(scene) else "readable, but empty")


def grant_present(scene: Scene) -> Finding:
    """Whether there is a grant. Raises: NotConnected."""
    scene.connection = scene.world.connections.read()
    if scene.connection is None or not _has_secrets(scene):
        raise NotConnected(scene.workspace)
    return Finding(scene.connection.account or "from the environment")


def grant_permissions(scene: Scene) -> Finding:
    """Whether every box was ticked. Raises: PermissionMissing."""
    held = scene.connection.permissions if scene.connection else frozenset()
    missing = [each for each in Permission if each not in held]
    if missing:
        names = tuple(each.shown for each in missing)
        raise PermissionMissing(tuple(each.value for each in missing), names, stored=True)
    return Finding("all four granted")


def grant_age(scene: Scene) -> Finding:
    """Whether the grant is about to end: by its age, or for not being used."""
    connection, now = scene.connection, scene.world.clock.now()
    if connection is None or connection.vault == "environment":
        raise Skip("unknown")
    renewed = scene.world.renewed_at()
    return findings.of_age(
        now - connection.connected_at,
        last_lived=connection.last_lived,
        unused=now - renewed if renewed else None,
    )


def _has_secrets(scene: Scene) -> bool:
    return any(scene.world.vault.read(each) is not None for each in Secret)
