"""A certificate authority of one's own, as organisations have one.

Its certificates bear what RFC 5280 section 4.2.1 wants of an authority, key identifiers and key usage: from Python 3.13
on the default context is strict about them (ssl.VERIFY_X509_STRICT).
"""

from __future__ import annotations

import ipaddress
import ssl
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_ALWAYS = (datetime(2020, 1, 1, tzinfo=UTC), datetime(2099, 1, 1, tzinfo=UTC))


def private_authority(folder: Path, *names: str) -> tuple[Path, ssl.SSLContext]:
    """The authority's certificate as a bundle, and a server's context for 127.0.0.1 and the names that it vouches for."""
    bundle, pair = server_pair(folder, *names)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair)
    pair.unlink()
    return bundle, context


def server_pair(folder: Path, *names: str) -> tuple[Path, Path]:
    """The same as files: the authority's certificate, and the server's with its key."""
    authority, server = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The authority of this test")])
    root = builder(name, name, key=authority, by=authority, is_authority=True).sign(
        authority, hashes.SHA256()
    )
    leaf = (
        builder(x509.Name([]), name, key=server, by=authority)
        .add_extension(
            x509.SubjectAlternativeName(
                [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), *map(x509.DNSName, names)]
            ),
            critical=True,
        )
        .sign(authority, hashes.SHA256())
    )
    bundle, pair = folder / "authority.pem", folder / "server.pem"
    bundle.write_bytes(root.public_bytes(serialization.Encoding.PEM))
    pair.write_bytes(
        leaf.public_bytes(serialization.Encoding.PEM)
        + server.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return bundle, pair


def builder(
    subject: x509.Name,
    issuer: x509.Name,
    *,
    key: ec.EllipticCurvePrivateKey,
    by: ec.EllipticCurvePrivateKey,
    is_authority: bool = False,
) -> x509.CertificateBuilder:
    """A certificate of `key` that the key `by` is to sign: valid on any day a test may run."""
    public = key.public_key()
    made = (
        x509.CertificateBuilder(issuer, subject, public, x509.random_serial_number(), *_ALWAYS)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(by.public_key()), critical=False)
    )
    if not is_authority:
        return made
    uses = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False
    ) | {"encipher_only": False, "decipher_only": False}
    signs = x509.KeyUsage(digital_signature=True, key_cert_sign=True, crl_sign=True, **uses)
    return made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).add_extension(
        signs, critical=True
    )
