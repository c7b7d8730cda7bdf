"""What a policy is told and what it says, in plain Python: nothing here needs the gateway or WebAssembly.

A hook that returns `None` lets what it looked at pass as it is.
"""

import json
import struct
from dataclasses import dataclass, field
from enum import Enum

try:
    from wit_world.imports import clock as _clock, log as _log, random as _random
except ImportError:
    # In tests.
    _clock = _log = _random = None


@dataclass
class BodyInterest:
    """How the bodies of one direction are wanted: see `body-interest` of the contract."""

    max_bytes: int
    content_types: list
    chunked: bool = False
    edit: bool = False
    refuse_others: bool = True
    max_piece: int = 64 * 1024


@dataclass
class Interest:
    """Everything the policy will read, write and reach; what it needs not, is left out."""

    request_read: list = field(default_factory=list)
    request_write: list = field(default_factory=list)
    response_read: list = field(default_factory=list)
    response_write: list = field(default_factory=list)
    attributes_read: list = field(default_factory=list)
    attributes_write: list = field(default_factory=list)
    # Columns of records.
    records_read: list = field(default_factory=list)
    records_write: list = field(default_factory=list)
    may_respond: bool = False
    may_set_target: bool = False
    may_set_status: bool = False
    request_body: BodyInterest | None = None
    response_body: BodyInterest | None = None
    # Hooks that, configured so, have nothing to do: they are not called.
    idle_on_request: bool = False
    idle_on_response: bool = False
    # Keys to verify with, to sign with and to seal with.
    keys: list = field(default_factory=list)
    signs: list = field(default_factory=list)
    seals: list = field(default_factory=list)
    # Names of stores it reads, and of those it writes too.
    stores_read: list = field(default_factory=list)
    stores_write: list = field(default_factory=list)
    egress: list = field(default_factory=list)
    limiters: list = field(default_factory=list)
    # Whether it asks whose key something is.
    consumers: bool = False

    def powers(self) -> list:
        """A word for each, as the contract has them; those on bodies are apart."""
        named = {
            "request-read": self.request_read,
            "request-write": self.request_write,
            "response-read": self.response_read,
            "response-write": self.response_write,
            "attribute-read": self.attributes_read,
            "attribute-write": self.attributes_write,
            "record-read": self.records_read,
            "record-write": self.records_write,
            "key": self.keys,
            "sign": self.signs,
            "seal": self.seals,
            "egress": self.egress,
            "limiter": self.limiters,
        }
        words = [f"{kind}:{name}" for kind, names in named.items() for name in names]
        words += [f"store:{name}:read" for name in self.stores_read] + [f"store:{name}:write" for name in self.stores_write]
        plain = {
            "respond": self.may_respond,
            "target": self.may_set_target,
            "status": self.may_set_status,
            "consumers": self.consumers,
        }
        return words + [word for word, wanted in plain.items() if wanted]


class Faults(Exception):
    """What is wrong with a configuration: pairs of a path, such as `rules[2].name`, and what to write instead."""

    def __init__(self, faults: list):
        super().__init__(faults)
        self.faults = faults


class Head:
    """The facts, attributes and fields a hook is told; those it did not declare, or was not granted, are absent.

    Names are compared without regard to case.
    """

    def __init__(self, packed: bytes):
        self.entries = list(_unpack(packed))

    @staticmethod
    def of(fields: dict) -> "Head":
        """One for tests."""
        return Head(pack(fields.items()))

    def all(self, name: str) -> list:
        """The values of a field, of a fact (`:path`) or of an attribute (`@auth.sub`), in their order."""
        return [value for known, value in self.entries if _folded(known) == _folded(name)]

    def text(self, name: str) -> str | None:
        """The value, if there is exactly one and it is UTF-8."""
        values = self.all(name)
        try:
            return values[0].decode() if len(values) == 1 else None
        except UnicodeDecodeError:
            return None


class Records:
    """Exchanges that ended lately, column by column. What they have in common is there once."""

    def __init__(self, count: int, columns: dict):
        """Of each column the distinct values, and for each exchange which of them it has, counted from 1; 0 for none."""
        self.count, self._columns, self._written = count, columns, set()

    @staticmethod
    def of(count: int, columns: dict) -> "Records":
        """Some for tests: of each column what each exchange has in it, or `None`."""
        records = Records(count, {})
        for name, values in columns.items():
            records.write(name, values)
        records._written.clear()
        return records

    def values(self, name: str) -> list:
        """What each exchange has in a column; `None` where it has nothing."""
        values, of = self._columns.get(name, ([], [0] * self.count))
        return [values[at - 1] if at else None for at in of]

    def write(self, name: str, values: list) -> None:
        """Write a column: a text, or `None`, for each exchange."""
        known = {value: at for at, value in enumerate(dict.fromkeys(it for it in values if it is not None), 1)}
        self._columns[name] = (list(known), [known.get(value, 0) for value in values])
        self._written.add(name)

    def rewrite(self, name: str, change) -> None:
        """Put what `change` makes of each distinct value in its place; it is called once for each. A column that is
        not there stays so."""
        if name not in self._columns:
            return
        values, of = self._columns[name]
        changed = [change(value) for value in values]
        self.write(name, [changed[at - 1] if at else None for at in of])

    def written(self) -> dict:
        return {name: self._columns[name] for name in self._written}


class Edits:
    """Changes of a head. All of them are made or, if one is not allowed, none."""

    def __init__(self):
        self.changes = []
        self.target = self.status = self.state = None

    def set(self, name: str, value) -> "Edits":
        return self._change("=", name, value)

    def append(self, name: str, value) -> "Edits":
        return self._change("+", name, value)

    def remove(self, name: str) -> "Edits":
        return self._change("-", name, b"")

    def attribute(self, name: str, value) -> "Edits":
        return self._change("@", name, value)

    def set_target(self, target: str) -> "Edits":
        self.target = target
        return self

    def set_status(self, status: int) -> "Edits":
        self.status = status
        return self

    def carry(self, state: bytes) -> "Edits":
        """What later hooks of this policy are told on the same exchange."""
        self.state = state
        return self

    def packed(self) -> bytes:
        return pack((kind + name, value) for kind, name, value in self.changes)

    def _change(self, kind: str, name: str, value) -> "Edits":
        self.changes.append((kind, name, _bytes(value)))
        return self


@dataclass
class Response:
    """A complete answer. `fields` is a list of pairs, `[("content-type", "text/plain")]`; `body` is bytes or a text."""

    status: int
    fields: list = field(default_factory=list)
    body: bytes | str = b""

    @staticmethod
    def problem(status: int, title: str, detail: str) -> "Response":
        """An error answer (RFC 9457): `title` names the kind of error, `detail` this occurrence of it."""
        body = json.dumps({"title": title, "status": status, "detail": detail})
        return Response(status, [("content-type", "application/problem+json")], body)


class Failure(Enum):
    """Why no decision was possible."""

    BAD_INPUT = "BAD_INPUT"
    DEPENDENCY = "DEPENDENCY"
    INTERNAL = "INTERNAL"


@dataclass
class Splice:
    """Other bytes in place of some of a body."""

    offset: int
    remove: int
    insert: bytes


def log(level: str, message: str) -> None:
    """A line in the gateway's log; `level` is debug, info, warn or error."""
    if _log:
        _log.write(_log.Level[level.upper()], message)


def unix_ms() -> int:
    """The time of day. `time` and `datetime` of Python have no clock here."""
    if _clock:
        return _clock.unix_ms()
    import time

    return time.time_ns() // 1_000_000


def random_bytes(count: int) -> bytes:
    """Fit for keys. `random`, `secrets` and `uuid` of Python give the same again and again here, or nothing."""
    if _random:
        return _random.bytes(count)
    import os

    return os.urandom(count)


def pack(fields) -> bytes:
    """Named values in the one flat list the contract has for them."""
    packed = bytearray()
    for name, value in fields:
        name, value = name.encode(), _bytes(value)
        packed += struct.pack("<HI", len(name), len(value)) + name + value
    return bytes(packed)


def _unpack(packed: bytes):
    at = 0
    while at < len(packed):
        name, value = struct.unpack_from("<HI", packed, at)
        at += 6
        yield packed[at : at + name].decode(), packed[at + name : at + name + value]
        at += name + value


def _folded(name: str) -> bytes:
    # Of bytes `lower` changes letters of ASCII only.
    return name.encode().lower()


def _bytes(value) -> bytes:
    return value.encode() if isinstance(value, str) else bytes(value)
