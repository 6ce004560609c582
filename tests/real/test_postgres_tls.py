"""A PostgreSQL server across a network: TLS with a private authority, and what is told from what when it fails."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from portalcal.simulator.google import Simulator
from tests.certificates import server_pair
from tests.cli.conftest import NOW, Shell
from tests.real.postgres_cluster import Cluster, cluster, programs

pytestmark = [pytest.mark.real, pytest.mark.full]

SAM = ("--name", "Sam", "--email", "sam@example.com")


class Server(NamedTuple):
    """A server that takes nothing but TLS, and certificates by which it is known or not."""

    cluster: Cluster
    authority: Path
    other_authority: Path

    def url(self, *, host: str = "127.0.0.1", mode: str = "verify-full", root: Path | None = None) -> str:
        """The url of a new database, whose server's certificate is for 127.0.0.1."""
        name = self.cluster.new_database()
        settings = f"sslmode={mode}&sslrootcert={root or self.authority}"
        return f"postgresql://portal:geheim@{host}:{self.cluster.port}/{name}?{settings}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    if programs() is None:
        pytest.skip("apt-get install postgresql")
    folder = tmp_path_factory.mktemp("tls")
    authorities = []
    for name in ("ours", "another"):
        (folder / name).mkdir()
        authorities.append(server_pair(folder / name))
    with cluster() as made:
        use_tls(made, authorities[0][1])
        yield Server(made, authorities[0][0], authorities[1][0])


def use_tls(server: Cluster, pair: Path) -> None:
    """Start a server anew, on a port of this machine that takes nothing but TLS."""
    server.stop()
    own = server.folder / "server.pem"
    own.write_bytes(pair.read_bytes())
    own.chmod(0o600)
    shutil.chown(own, server.user)
    with (server.folder / "data" / "pg_hba.conf").open("a") as rules:
        rules.write("hostssl all all 127.0.0.1/32 scram-sha-256\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        server.port = free.getsockname()[1]
    files = {"ssl_cert_file": str(own), "ssl_key_file": str(own)}
    server.start(listen_addresses="127.0.0.1", ssl="on", **files)


@pytest.fixture
def shell(tmp_path: Path) -> Iterator[Shell]:
    with Simulator(now=NOW) as google:
        made = Shell(google, tmp_path / "portalcal")
        made.configure()
        made.connect()
        yield made


def use(shell: Shell, url: str) -> None:
    shell.configure(f'[ledger]\nurl = "{url}"\n')


def test_a_server_that_a_private_authority_vouches_for_is_used(server: Server, shell: Shell) -> None:
    use(shell, server.url())

    booked = shell.json("book", "2026-11-24 10:00", *SAM)
    checks = shell.json("status", "--offline").result["checks"]

    assert booked.result["state"] == "confirmed"
    (ledger,) = (each for each in checks if each["name"] == "ledger.file")
    assert (ledger["state"], ledger["detail"].partition(";")[0]) == ("ok", "sound, 1 live booking")


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"host": "localhost"}, 'server certificate for "127.0.0.1" does not match host name "localhost"'),
        ({"root": "another"}, "SSL error: certificate verify failed"),
        ({"root": "missing"}, 'root certificate file "/missing/authority.pem" does not exist'),
        ({"mode": "disable"}, "no encryption"),
    ],
    ids=["another host", "another authority", "no such file", "no TLS"],
)
def test_a_server_that_is_not_proved_is_for_a_person(
    server: Server, shell: Shell, wrong: dict[str, str], reason: str
) -> None:
    roots = {"another": server.other_authority, "missing": Path("/missing/authority.pem")}
    root = roots.get(wrong.get("root", ""))
    use(
        shell,
        server.url(host=wrong.get("host", "127.0.0.1"), mode=wrong.get("mode", "verify-full"), root=root),
    )

    ran = shell.json("book", "2026-11-24 10:00", *SAM)

    assert (ran.exit, ran.error["code"], ran.error["details"]["fault"]) == (3, "ledger-unusable", "server")
    assert reason in ran.error["message"]
    assert ran.error["message"].endswith("Nothing was booked.")
    assert "geheim" not in ran.out + ran.err
