"""What request is meant by an entry of a start URL key: a plain URL, or scrapy-redis' JSON object."""

import json
from typing import Any

from scrapy import FormRequest, Request


def request_from_seed(seed: bytes) -> Request:
    """Make a request of a plain URL, or of a JSON object with url, method, meta and form fields.

    Like the seeds of Scrapy's own start() it passes the duplicate filter. Raises ValueError where the entry is neither.
    """
    text = seed.decode("utf-8").strip()
    fields = _json_object(text)
    if fields is None:
        return Request(text, dont_filter=True)
    if not isinstance(fields.get("url"), str):
        raise ValueError("the JSON object has no url; write {'url': 'https://…'}")
    url, meta = fields.pop("url"), fields.pop("meta", {})
    method = str(fields.pop("method", "GET")).upper()
    if fields:
        return FormRequest(url, method=method, formdata=fields, meta=meta, dont_filter=True)
    return Request(url, method=method, meta=meta, dont_filter=True)


def _json_object(text: str) -> dict[str, Any] | None:
    try:
        fields = json.loads(text)
    except ValueError:
        return None
    return fields if isinstance(fields, dict) else None
