"""Does an HTTPS (or HTTP) endpoint of the cluster answer as it should?"""

from __future__ import annotations

import ssl
import urllib.error
import urllib.request
from pathlib import Path

from cluster.certificates import Certificate

_TIMEOUT_SECONDS = 5


def answers(url: str, authority: Path | None = None, client: Certificate | None = None) -> bool:
    """Tell whether a GET gives a 2xx; refused connections, time-outs and error statuses are a plain no."""
    context = None
    if authority:
        context = ssl.create_default_context(cafile=str(authority))
        if client:
            context.load_cert_chain(client.certificate, client.key)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=_TIMEOUT_SECONDS) as response:
            return bool(200 <= response.status < 300)
    except (urllib.error.URLError, OSError):
        return False
