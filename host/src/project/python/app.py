"""Between the contract and the policy: the classes that componentize-py looks for. Nothing here is for an author to change."""

import io
import json
import sys

import lockgate
from componentize_py_types import Err
from lockgate import Edits, Failure, Response
from policy import Policy
from wit_world import exports
from wit_world.exports import lifecycle
from wit_world.imports import types

try:
    from wit_world.exports import body_phase
except ImportError:
    # The world does not export it.
    body_phase = None
try:
    from wit_world.exports import observer
except ImportError:
    # Nor that.
    observer = None


class _Lines(io.TextIOBase):
    """What is printed is in the gateway's log."""

    def __init__(self, level: str):
        self.level, self.begun = level, ""

    def write(self, text: str) -> int:
        *lines, self.begun = (self.begun + text).split("\n")
        for line in lines:
            lockgate.log(self.level, line)
        return len(text)


sys.stdout, sys.stderr = _Lines("info"), _Lines("error")

def _told(hook):
    """Say in the log what nobody caught: `traceback` would look for files. Then the call ends, as a trap."""

    def called(*given):
        try:
            return hook(*given)
        except Err:
            raise
        except Exception as error:
            places, trace = [], error.__traceback__.tb_next
            while trace:
                places.append(f"{trace.tb_frame.f_code.co_name}, line {trace.tb_lineno}")
                trace = trace.tb_next
            lockgate.log("error", f"{type(error).__name__}: {error} ({' > '.join(places)})")
            raise

    return called


# Hooks, the classes of those who export them here, and what the world calls these.
_HOOKS = [
    ("on_request", "RequestPhase", "request-phase"),
    ("on_response", "ResponsePhase", "response-phase"),
    ("on_body", "BodyPhase", "body-phase"),
    ("on_chunk", "BodyPhase", "body-phase"),
    ("respond", "Responder", "responder"),
    ("on_records", "Observer", "observer"),
]


def _never_called():
    """Hooks that are written and that the world does not export: a guard among them would guard nothing."""
    for hook, exported, interface in _HOOKS:
        if hasattr(Policy, hook) and not hasattr(exports, exported):
            export = f"export lockgate:policy/{interface}@0.1.0;"
            yield lifecycle.ConfigError("", f"`{hook}` would never be called: add `{export}` to wit/world.wit")


def _never_written():
    """Hooks that the world exports and nobody wrote: each call would end as a trap."""
    for interface in dict.fromkeys(interface for _, _, interface in _HOOKS):
        own = [(hook, exported) for hook, exported, of in _HOOKS if of == interface]
        hooks = [hook for hook, _ in own]
        if hasattr(exports, own[0][1]) and not any(hasattr(Policy, hook) for hook in hooks):
            export = f"export lockgate:policy/{interface}@0.1.0;"
            names = " or ".join(f"`{hook}`" for hook in hooks)
            yield lifecycle.ConfigError("", f"{names} is not written: write it in policy.py, or take `{export}` out of wit/world.wit")


_policy = None


class Lifecycle:
    @_told
    def configure(self, config_json):
        global _policy
        if faults := [*_never_called(), *_never_written()]:
            raise Err(faults)
        try:
            _policy = Policy(json.loads(config_json))
        except lockgate.Faults as refused:
            raise Err([lifecycle.ConfigError(path, message) for path, message in refused.faults])
        wanted = _policy.interest()
        hooks = lifecycle.HeadHooks
        idle = hooks(0)
        idle |= hooks.REQUEST if wanted.idle_on_request else hooks(0)
        idle |= hooks.RESPONSE if wanted.idle_on_response else hooks(0)
        return lifecycle.Interest(wanted.powers(), _body(wanted.request_body), _body(wanted.response_body), idle)


class RequestPhase:
    @_told
    def on_request(self, head):
        return _verdict(_policy.on_request(lockgate.Head(head)))


class ResponsePhase:
    @_told
    def on_response(self, head, state):
        return _verdict(_policy.on_response(lockgate.Head(head), state or b""))


class BodyPhase:
    @_told
    def on_body(self, direction, body, state):
        said = _policy.on_body(direction.name.lower(), body, state or b"")
        if said is None:
            return body_phase.BodyVerdict_Pass()
        if isinstance(said, Response):
            return body_phase.BodyVerdict_Respond(_response(said))
        if isinstance(said, Failure):
            return body_phase.BodyVerdict_Fail(types.Failure[said.value])
        bytes_, head = said if isinstance(said, tuple) else (said, None)
        return body_phase.BodyVerdict_Edit(body_phase.BodyEdits(_change(bytes_), head and _edits(head)))

    @_told
    def on_chunk(self, direction, chunk, last, state):
        said = _policy.on_chunk(direction.name.lower(), chunk, last, state or b"")
        if said is None:
            return body_phase.ChunkVerdict_Pass()
        if isinstance(said, Response):
            return body_phase.ChunkVerdict_Respond(_response(said))
        if isinstance(said, Failure):
            return body_phase.ChunkVerdict_Fail(types.Failure[said.value])
        bytes_, carried, hold = (*said, None, 0)[:3] if isinstance(said, tuple) else (said, None, 0)
        return body_phase.ChunkVerdict_Edit(body_phase.ChunkEdits(_change(bytes_), carried, hold or 0))


class Responder:
    @_told
    def respond(self, head, body):
        said = _policy.respond(lockgate.Head(head), body)
        if isinstance(said, Failure):
            raise Err(types.Failure[said.value])
        return _response(said)


class Observer:
    @_told
    def on_records(self, count, columns):
        records = lockgate.Records(count, {it.name: (_texts(it), it.of) for it in columns})
        said = _policy.on_records(records)
        if isinstance(said, Failure):
            raise Err(types.Failure[said.value])
        return [_column(name, values, of) for name, (values, of) in records.written().items()]


def _texts(column):
    begins = [0, *column.ends]
    return [column.values[begin:end].decode() for begin, end in zip(begins, column.ends)]


def _column(name, values, of):
    ends, packed = [], b""
    for value in values:
        packed += value.encode()
        ends.append(len(packed))
    return observer.Column(name, packed, ends, of)


def _verdict(said):
    if said is None:
        return types.Verdict_Pass()
    if isinstance(said, Edits):
        return types.Verdict_Edit(_edits(said))
    if isinstance(said, Response):
        return types.Verdict_Respond(_response(said))
    return types.Verdict_Fail(types.Failure[said.value])


def _change(said):
    if said is None:
        return body_phase.Change_Keep()
    if isinstance(said, list):
        pieces = [body_phase.Splice(it.offset, it.remove, len(it.insert)) for it in said]
        return body_phase.Change_Splice(body_phase.Splices(pieces, b"".join(it.insert for it in said)))
    return body_phase.Change_Replace(bytes(said))


def _edits(edits):
    return types.Edits(edits.packed(), edits.target, edits.status, edits.state)


def _response(response):
    body = response.body
    fields = lockgate.pack(response.fields)
    return types.Response(response.status, fields, body.encode() if isinstance(body, str) else bytes(body))


def _body(wanted):
    if wanted is None:
        return None
    mode = lifecycle.BodyMode.CHUNKED if wanted.chunked else lifecycle.BodyMode.BUFFERED
    access = lifecycle.BodyAccess.EDIT if wanted.edit else lifecycle.BodyAccess.INSPECT
    other = lifecycle.OtherTypes.REFUSE if wanted.refuse_others else lifecycle.OtherTypes.PASS
    return lifecycle.BodyInterest(mode, access, wanted.max_bytes, wanted.max_piece, wanted.content_types, other)
