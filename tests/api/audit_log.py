"""What did a user ask of the API server? Read from the control plane's audit log."""

import json
from dataclasses import dataclass
from pathlib import Path

MUTATING = frozenset({"create", "update", "patch", "delete", "deletecollection"})
APART = frozenset({"events", "leases"})
"""Events and renewals of Leases are counted apart: they are no change of anything."""


@dataclass(frozen=True)
class Request:
    """One request that the API server has answered."""

    user: str
    verb: str
    resource: str
    """With its subresource: `crawljobs/status`."""
    namespace: str
    name: str
    code: int

    @property
    def is_change(self) -> bool:
        """Whether it asked for a change of anything, allowed or not; of Events and Leases too."""
        return self.verb in MUTATING

    @property
    def is_write(self) -> bool:
        """Whether it asked for a change, allowed or not; Events and Leases apart."""
        return self.is_change and self.resource.partition("/")[0] not in APART

    def __str__(self) -> str:
        return f"{self.verb} {self.resource} {self.namespace}/{self.name}: {self.code}"


class AuditLog:
    """The audit log of a control plane; `mark()` is a place in it, `since` a mark taken before."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def mark(self) -> int:
        """Return the present end."""
        return self._file.stat().st_size

    def read(self, user: str, since: int = 0) -> tuple[list[Request], int]:
        """Return the answered requests of a user, oldest first, and the mark to read on from."""
        found: list[Request] = []
        with self._file.open("rb") as log:
            end = log.seek(since)
            for line in log:
                if not line.endswith(b"\n"):
                    break  # the rest of it is still to be written
                end += len(line)
                request = _request(json.loads(line)) if user.encode() in line else None
                if request is not None and request.user == user:
                    found.append(request)
        return found, end

    def writes(self, user: str, since: int = 0) -> list[Request]:
        """Return the mutating requests of a user, Events and Leases apart."""
        return [request for request in self.read(user, since)[0] if request.is_write]

    def changes(self, user: str, since: int = 0) -> list[Request]:
        """Return the mutating requests of a user, Events and Leases included."""
        return [request for request in self.read(user, since)[0] if request.is_change]

    def refusals(self, user: str, since: int = 0) -> list[Request]:
        """Return what a user was not allowed to do."""
        return [request for request in self.read(user, since)[0] if request.code == 403]


def _request(entry: dict[str, object]) -> Request | None:
    if entry["stage"] != "ResponseComplete":
        return None
    about: dict[str, str] = entry.get("objectRef") or {}  # type: ignore[assignment]
    answer: dict[str, int] = entry.get("responseStatus") or {}  # type: ignore[assignment]
    who: dict[str, str] = entry["user"]  # type: ignore[assignment]
    parts = [about.get("resource", ""), about.get("subresource", "")]
    return Request(
        user=who["username"],
        verb=str(entry["verb"]),
        resource="/".join(part for part in parts if part),
        namespace=about.get("namespace", ""),
        name=about.get("name", ""),
        code=int(answer.get("code", 0)),
    )
