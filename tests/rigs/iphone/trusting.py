"""Who trusts whom: keys, certificates and pair records, as lockdownd keeps them.

A pair record is made by the host: it signs a certificate for the device's public key with a root of its own. The phone
keeps the host's certificates under its HostID; TLS is between the two leaves.
"""

import datetime as dt
import functools
import ssl
import tempfile
import uuid
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

BUID = "30142955-444094379208051516"
"""Of the rig's usbmuxd."""


@functools.cache
def rig_key() -> rsa.RSAPrivateKey:
    """One key for all that the rig signs: making one is what takes longest to start."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_pem() -> bytes:
    return rig_key().private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())


def device_public_key() -> bytes:
    """As GetValue tells it: PEM, PKCS 1."""
    return rig_key().public_key().public_bytes(Encoding.PEM, PublicFormat.PKCS1)


def certificate(public: rsa.RSAPublicKey, *, root: bool) -> bytes:
    """A certificate as hosts make them for pairing: nobody's name in it."""
    nobody = x509.Name([])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(nobody)
        .issuer_name(nobody)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=3650))
        .add_extension(x509.BasicConstraints(ca=root, path_length=None), critical=True)
        .sign(rig_key(), hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM)


def pair_record(host_id: str, wifi: str) -> dict[str, Any]:
    """What a host keeps that has paired long ago."""
    return {
        "DeviceCertificate": certificate(rig_key().public_key(), root=False),
        "HostCertificate": certificate(rig_key().public_key(), root=False),
        "HostPrivateKey": private_pem(),
        "RootCertificate": certificate(rig_key().public_key(), root=True),
        "RootPrivateKey": private_pem(),
        "HostID": host_id,
        "SystemBUID": BUID,
        "WiFiMACAddress": wifi,
        "EscrowBag": uuid.UUID(host_id).bytes * 2,
    }


def new_host_id() -> str:
    return str(uuid.uuid4()).upper()


@dataclass(frozen=True)
class Host:
    """A host as the phone that trusts it knows it."""

    host_id: str
    buid: str
    certificates: frozenset[bytes]
    """DER, of its leaf and of its root: some hosts (libimobiledevice) speak under the one, some under the other."""
    escrow: bytes
    context: ssl.SSLContext
    """For TLS with it, the phone being the server."""

    @classmethod
    def of(cls, record: dict[str, Any]) -> "Host":
        """From a pair record; ValueError for one that no phone would take."""
        try:
            device, host, root = (
                loaded(record[f"{whose}Certificate"]) for whose in ("Device", "Host", "Root")
            )
            host_id, buid = str(record["HostID"]), str(record["SystemBUID"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"no {error}") from None
        ours = load_pem_public_key(device_public_key())
        if device.public_key() != ours:
            raise ValueError("the device's certificate is for another key")
        escrow = record.get("EscrowBag") or hashed(host_id)
        theirs = frozenset(one.public_bytes(Encoding.DER) for one in (host, root))
        return cls(host_id, buid, theirs, escrow, tls(record))


def loaded(pem: bytes) -> x509.Certificate:
    """A certificate; hosts number theirs 0, which the library warns of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return x509.load_pem_x509_certificate(pem)


def hashed(text: str) -> bytes:
    digest = hashes.Hash(hashes.SHA256())
    digest.update(text.encode())
    return digest.finalize()


def tls(record: dict[str, Any]) -> ssl.SSLContext:
    """The phone's end. TLS 1.2 at most, so that a host which is refused learns it within the handshake."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ALL:@SECLEVEL=0")
    with tempfile.TemporaryDirectory(prefix="trust-") as folder:
        path = Path(folder) / "device.pem"
        path.write_bytes(record["DeviceCertificate"] + b"\n" + private_pem())
        context.load_cert_chain(path)
    trusted = record["HostCertificate"] + b"\n" + record["RootCertificate"]
    context.load_verify_locations(cadata=trusted.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags = ssl.VERIFY_X509_PARTIAL_CHAIN
    return context
