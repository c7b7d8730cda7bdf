"""A gRPC client of bytes: plays one scene against an address and fails where it sees something else than it should."""

import json
import queue
import sys

import grpc

PATIENCE = 60
Status = grpc.StatusCode


def unary(channel):
    assert call(channel, "Unary")(b"hello", timeout=PATIENCE) == b"hello"
    assert call(channel, "Unary")(b"", timeout=PATIENCE) == b""


def client_stream(channel):
    sent = [b"%d," % number for number in range(1000)]
    collect = channel.stream_unary("/test.Bytes/Collect")
    assert collect(iter(sent), timeout=PATIENCE) == b"".join(sent)
    assert collect(iter([]), timeout=PATIENCE) == b""


def server_stream(channel):
    expand = channel.unary_stream("/test.Bytes/Expand")
    assert list(expand(b"1000", timeout=PATIENCE)) == [b"%d" % number for number in range(1000)]
    assert list(expand(b"0", timeout=PATIENCE)) == []


def lock_step(channel):
    """Each message is sent when the answer to the one before is there: nothing on the way may wait for more."""
    to_send = queue.SimpleQueue()
    answers = channel.stream_stream("/test.Bytes/Chat")(iter(to_send.get, None), timeout=PATIENCE)
    for number in range(1000):
        to_send.put(b"%d" % number)
        assert next(answers) == b"heard %d" % number
    to_send.put(None)
    assert list(answers) == []
    assert answers.code() == Status.OK


def large(channel):
    message = bytes(range(256)) * (16 << 12)
    assert call(channel, "Unary")(message, timeout=PATIENCE) == message


def statuses(channel):
    error = failure(lambda: call(channel, "Fail")(b"", timeout=PATIENCE))
    assert (error.code(), error.details()) == (Status.FAILED_PRECONDITION, "not today: 100 % ü"), error
    trailers = dict(error.trailing_metadata())
    assert (trailers["reason"], trailers["detail-bin"]) == ("moon", bytes(range(256))), trailers

    late = channel.unary_stream("/test.Bytes/FailLate")(b"", timeout=PATIENCE)
    assert (next(late), next(late)) == (b"first", b"second")
    error = failure(lambda: next(late))
    assert (error.code(), error.details()) == (Status.DATA_LOSS, "the rest is lost"), error

    error = failure(lambda: call(channel, "Nothing")(b"", timeout=PATIENCE))
    assert (error.code(), error.details()) == (Status.UNIMPLEMENTED, "Method not found!"), error


def metadata(channel):
    said = (("x-word", "one"), ("x-bytes-bin", b"\0\xff"))
    answer, its = call(channel, "Metadata").with_call(b"", metadata=said, timeout=30)
    answer = json.loads(answer)
    assert answer["fields"]["x-word"] == "one", answer
    assert 0 < answer["remaining"] <= 30, answer
    assert dict(its.initial_metadata())["early"] == "bird"
    assert dict(its.trailing_metadata())["late"] == "owl"


def deadline(channel):
    call = channel.stream_stream("/test.Bytes/Wait")(iter([b"deadline"]), timeout=3)
    assert next(call) == b"waiting"
    assert failure(lambda: next(call)).code() == Status.DEADLINE_EXCEEDED


def cancel(channel):
    call = channel.stream_stream("/test.Bytes/Wait")(iter([b"cancel"]))
    assert next(call) == b"waiting"
    call.cancel()
    assert call.code() == Status.CANCELLED


def side_by_side(channel):
    calls = [call(channel, "Unary").future(b"%d" % number, timeout=PATIENCE) for number in range(200)]
    assert [call.result() for call in calls] == [b"%d" % number for number in range(200)]


def no_route(channel):
    error = failure(lambda: channel.unary_unary("/other.Service/Method")(b"x", timeout=PATIENCE))
    assert error.code() == Status.UNIMPLEMENTED, error
    assert error.details().startswith("There is nothing here. Request "), error
    # Also to a client that goes on sending.
    error = failure(lambda: channel.stream_unary("/other.Service/Method")(iter([b"x"] * 10), timeout=PATIENCE))
    assert error.details().startswith("There is nothing here. Request "), error


def no_upstream(channel):
    error = failure(lambda: call(channel, "Unary")(b"x", timeout=PATIENCE))
    assert error.code() == Status.UNAVAILABLE, error
    assert " Request " in error.details(), error


def call(channel, method):
    return channel.unary_unary(f"/test.Bytes/{method}")


def failure(attempt):
    try:
        answer = attempt()
    except grpc.RpcError as error:
        return error
    raise AssertionError(f"it did not fail: {answer!r}")


def main(scene, address, authority=None):
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    if authority is None:
        channel = grpc.insecure_channel(address, options)
    else:
        trusted = grpc.ssl_channel_credentials(open(authority, "rb").read())
        named = [*options, ("grpc.ssl_target_name_override", "site.example")]
        channel = grpc.secure_channel(address, trusted, named)
    with channel:
        globals()[scene](channel)


main(*sys.argv[1:])
