"""Who vouches for whom in the cluster: an authority, and the certificates it issues.

Made with the `openssl` command, because Python's standard library reads certificates but makes none.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cluster.run import run

_DAYS = "3650"
_CONFIGURATION = "[req]\ndistinguished_name = subject\n[subject]\n"
_CURVE = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc")


@dataclass(frozen=True)
class Certificate:
    """A certificate and its private key, both PEM files."""

    certificate: Path
    key: Path


@dataclass(frozen=True)
class SigningPair:
    """Keys without a certificate, both PEM files."""

    private: Path
    public: Path


class Authority:
    """A certificate authority that lives in a directory of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.root = Certificate(directory / "ca.crt", directory / "ca.key")
        self._configuration = directory / "openssl.cnf"

    @classmethod
    def create(cls, directory: Path) -> Authority:
        """Make a new authority; whatever an older one left in the directory no longer counts."""
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)
        made = cls(directory)
        made._configuration.write_text(_CONFIGURATION)
        made._request(
            made.root,
            "/CN=crawlfleet-cluster",
            "basicConstraints=critical,CA:TRUE",
            "keyUsage=critical,keyCertSign,cRLSign,digitalSignature",
        )
        return made

    def issue(self, name: str, common_name: str, groups: Sequence[str] = (), hosts: Sequence[str] = ()) -> Certificate:
        """Issue a certificate for a user (`groups` become its Kubernetes groups) or for a server on `hosts`."""
        issued = Certificate(self.directory / f"{name}.crt", self.directory / f"{name}.key")
        extensions = ["basicConstraints=critical,CA:FALSE", "extendedKeyUsage=serverAuth,clientAuth"]
        if hosts:
            extensions.append("subjectAltName=" + ",".join(map(_alternative_name, hosts)))
        self._request(issued, _subject(common_name, groups), *extensions, issuer=self.root)
        return issued

    def signing_pair(self, name: str) -> SigningPair:
        """Make the keys that sign and verify service account tokens."""
        pair = SigningPair(self.directory / f"{name}.key", self.directory / f"{name}.pub")
        curve = ("-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256")
        run("openssl", "genpkey", *curve, "-out", pair.private)
        run("openssl", "pkey", "-in", pair.private, "-pubout", "-out", pair.public)
        return pair

    def _request(self, issued: Certificate, subject: str, *extensions: str, issuer: Certificate | None = None) -> None:
        by = ("-CA", issuer.certificate, "-CAkey", issuer.key) if issuer else ()
        added = [word for extension in extensions for word in ("-addext", extension)]
        files = ("-keyout", issued.key, "-out", issued.certificate)
        run(
            *("openssl", "req", "-x509", "-config", self._configuration, *_CURVE, "-days", _DAYS),
            *("-subj", subject, *added, *by, *files),
        )
        issued.key.chmod(0o600)


def _subject(common_name: str, groups: Sequence[str]) -> str:
    return "".join(f"/O={_escape(group)}" for group in groups) + f"/CN={_escape(common_name)}"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("/", "\\/").replace("+", "\\+")


def _alternative_name(host: str) -> str:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return f"DNS:{host}"
    return f"IP:{host}"
