"""A gRPC server of bytes: every kind of call, errors, and what a server is told by its client."""

import json
import sys
import threading
from concurrent import futures

import grpc


def unary(request, context):
    return request


def collect(requests, context):
    return b"".join(requests)


def expand(request, context):
    for number in range(int(request)):
        yield b"%d" % number


def chat(requests, context):
    for request in requests:
        yield b"heard " + request


def fail(request, context):
    context.set_trailing_metadata((("reason", "moon"), ("detail-bin", bytes(range(256)))))
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "not today: 100 % ü")


def fail_late(request, context):
    yield b"first"
    yield b"second"
    context.abort(grpc.StatusCode.DATA_LOSS, "the rest is lost")


def metadata(request, context):
    context.send_initial_metadata((("early", "bird"),))
    context.set_trailing_metadata((("late", "owl"),))
    said = {key: value for key, value in context.invocation_metadata() if isinstance(value, str)}
    return json.dumps({"fields": said, "remaining": context.time_remaining()}).encode()


def wait(requests, context):
    scene, over = next(requests).decode(), threading.Event()
    # Nothing is run after the `yield` where the call is given up at that moment; a callback always is.
    context.add_callback(lambda: say(f"{scene} was given up"))
    context.add_callback(over.set)
    yield b"waiting"
    over.wait()


def say(line):
    print(line, flush=True)


def main(key=None, certificate=None):
    kinds = {
        "Unary": grpc.unary_unary_rpc_method_handler(unary),
        "Collect": grpc.stream_unary_rpc_method_handler(collect),
        "Expand": grpc.unary_stream_rpc_method_handler(expand),
        "Chat": grpc.stream_stream_rpc_method_handler(chat),
        "Fail": grpc.unary_unary_rpc_method_handler(fail),
        "FailLate": grpc.unary_stream_rpc_method_handler(fail_late),
        "Metadata": grpc.unary_unary_rpc_method_handler(metadata),
        "Wait": grpc.stream_stream_rpc_method_handler(wait),
    }
    server = grpc.server(futures.ThreadPoolExecutor(16), options=[("grpc.max_receive_message_length", -1)])
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("test.Bytes", kinds),))
    if key is None:
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        pair = (open(key, "rb").read(), open(certificate, "rb").read())
        port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([pair]))
    server.start()
    say(f"listening on 127.0.0.1:{port}")
    sys.stdin.read()
    server.stop(None)


main(*sys.argv[1:])
