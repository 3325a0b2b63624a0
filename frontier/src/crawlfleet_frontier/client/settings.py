"""How does a worker want to work: its bounds and its patience."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Of one `FrontierClient`."""

    concurrency: int = 64
    """Connections that may be open at once."""
    ahead: int = 64
    """Slots and requests taken beyond them, so that a host's next moment finds its request here."""
    held: int = 512
    """Leases held at most, those in callbacks included."""
    open_seconds: float = 185.0
    """How long a socket may stay open: the worker's download time-out and five seconds."""
    horizon_seconds: float = 1.0
    """Hosts are taken up to so long before their moment; at most 2."""
    timeout_seconds: float = 5.0
    """A reply that takes longer breaks the connection, and the call is sent again over a new one."""
    beat_seconds: float = 1.0
    """Between two beats; a worker that is silent for the job's `silence_ms` (6 s) is taken for lost."""
    unsent_pushes: int = 10_000
    """With more waiting to be sent, no further request is handed out."""
    leave_seconds: float = 10.0
    """How long leaving may take where Redis does not answer."""
    memory_share: float = 0.85
    """Above this share of Redis' `maxmemory` nothing new is leased."""

    def __post_init__(self) -> None:
        """Refuse what cannot work, naming the field."""
        if self.concurrency < 1 or self.ahead < 0 or self.held < 1:
            raise ValueError("Settings: concurrency and held are at least 1, ahead at least 0")
        if not 0 < self.horizon_seconds <= 2:
            raise ValueError(f"Settings: horizon_seconds is {self.horizon_seconds}, it is above 0 and at most 2")
        if not 0 < self.open_seconds <= 3600:
            raise ValueError(f"Settings: open_seconds is {self.open_seconds}, it is above 0 and at most 3600")

    @property
    def slots(self) -> int:
        """Slots in hand at most."""
        return self.concurrency + self.ahead
