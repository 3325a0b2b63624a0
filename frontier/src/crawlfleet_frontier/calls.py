"""What does a client send for one call of a script?

A builder (`store.calls`, `pace.calls`) makes a `ScriptCall`; any client, blocking or async, sends it with
`client.evalsha(*call.evalsha_arguments())`, and with `client.eval(*call.eval_arguments())` where the server answers
NOSCRIPT. The reply is one bulk string, for `packing.unpack`.
"""

from dataclasses import dataclass, replace

from crawlfleet_frontier import lua

Argument = bytes | str | int


@dataclass(frozen=True, slots=True)
class ScriptCall:
    """One call of one script of a store."""

    name: str
    package: lua.Package
    key: str
    """The store's `meta` key: KEYS[1]."""
    args: tuple[Argument, ...]
    """ARGV[1] is the packed array of arguments; numbered calls have the epoch and the number behind it."""
    more_keys: tuple[str, ...] = ()
    """KEYS[2]: the user's own start URL key, where the call touches it."""

    def numbered(self, epoch: str, number: int) -> "ScriptCall":
        """Return the call as the `number`-th of this epoch (1, 2, …); `push` also takes `("", 0)`."""
        return replace(self, args=(self.args[0], epoch, number))

    @property
    def text(self) -> str:
        """The script."""
        return lua.script(self.package, self.name)

    @property
    def sha1(self) -> str:
        """The script's name for EVALSHA."""
        return lua.sha1(self.package, self.name)

    def eval_arguments(self) -> tuple[Argument, ...]:
        """Return the arguments of Redis' EVAL: script, number of keys, keys, arguments."""
        return (self.text, *self._keys_and_args())

    def evalsha_arguments(self) -> tuple[Argument, ...]:
        """Return the arguments of Redis' EVALSHA: SHA-1, number of keys, keys, arguments."""
        return (self.sha1, *self._keys_and_args())

    def _keys_and_args(self) -> tuple[Argument, ...]:
        return (1 + len(self.more_keys), self.key, *self.more_keys, *self.args)
