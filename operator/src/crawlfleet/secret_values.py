"""Values of Kubernetes Secrets."""

import base64
import secrets

from crawlfleet.job import Body


def decode(secret: Body, key: str) -> str:
    """Return the text of one key; raises KeyError where it is missing, ValueError where it is no text."""
    return base64.b64decode((secret.get("data") or {})[key]).decode().strip()


def new_password() -> str:
    """Return a new random password that needs no escaping in a URL or in redis.conf."""
    return secrets.token_hex(24)
