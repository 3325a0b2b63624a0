"""How does a script run over a blocking connection, in a thread or a command?"""

from typing import Any

import redis
from redis.exceptions import NoScriptError, ResponseError

from crawlfleet_frontier import errors
from crawlfleet_frontier.calls import ScriptCall


def run(client: "redis.Redis", call: ScriptCall) -> bytes:
    """Run a script; raises an exception of `errors` where the store refuses, or Redis' own."""
    send: Any = client.execute_command
    try:
        try:
            reply = send("EVALSHA", *call.evalsha_arguments())
        except NoScriptError:
            reply = send("EVAL", *call.eval_arguments())
    except ResponseError as error:
        raise errors.from_reply(str(error)) or error from None
    return bytes(reply)
