#!/usr/bin/env python3
"""Sends a transport stream through xg2g's job socket and writes what comes back.

    remux.py IN OUT [SOCKET]        - stands for standard input and output

Writing and reading go on at once: who writes all before it reads waits for itself.
"""
import json
import shutil
import socket
import sys
import threading


def remux(source, sink, path, **order):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(path)

        def send():
            try:
                if order:
                    connection.sendall(json.dumps(order).encode() + b"\n")
                while piece := source.read(65536):
                    connection.sendall(piece)
                connection.shutdown(socket.SHUT_WR)  # the end of the stream: what is inside comes out
            except OSError:
                pass  # the other side has said why

        sender = threading.Thread(target=send, daemon=True)
        sender.start()
        with connection.makefile("rb") as answer:
            first = answer.peek(1)[:1]
            if first == b"{":  # a stream begins with 0x47, a refusal with this
                raise RuntimeError(json.loads(answer.readline())["error"]["message"])
            shutil.copyfileobj(answer, sink)


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    incoming = sys.stdin.buffer if sys.argv[1] == "-" else open(sys.argv[1], "rb")
    outgoing = sys.stdout.buffer if sys.argv[2] == "-" else open(sys.argv[2], "wb")
    place = sys.argv[3] if len(sys.argv) == 4 else "/run/xg2g/remux.sock"
    try:
        remux(incoming, outgoing, place, audio="aac", bitrate="192k")
    except (OSError, RuntimeError) as error:
        sys.exit(f"remux.py: {error}")
