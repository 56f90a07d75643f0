"""Who answers on a port, told from what comes back."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator

import pytest
from ansible.module_utils.timescaledb_sandbox import probe

HOST = "127.0.0.1"
AUTHENTICATION_OK = b"R\0\0\0\x08\0\0\0\0"
KEY = b"K" + struct.pack("!iii", 12, 4711, 0)
READY = b"Z\0\0\0\5I"
ERROR = b"SFATAL\0C53300\0Mone at a time\0\0"


@pytest.fixture
def answer_with() -> Iterator[Callable[[bytes], int]]:
    """Start a server that says the given bytes to its first client and closes; returns its port."""
    listener = socket.create_server((HOST, 0))

    def serve(said: bytes) -> None:
        client, _ = listener.accept()
        with client:
            client.recv(1000)
            client.sendall(said)

    def start(said: bytes) -> int:
        threading.Thread(target=serve, args=(said,), daemon=True).start()
        return int(listener.getsockname()[1])

    yield start
    listener.close()


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        pytest.param(AUTHENTICATION_OK + KEY + READY, probe.Answer(pid=4711), id="a-session"),
        pytest.param(
            b"E" + struct.pack("!i", len(ERROR) + 4) + ERROR, probe.Answer(0, "53300", "one at a time"), id="held"
        ),
        pytest.param(b"R\0\0\0\x0c\0\0\0\5salt", probe.Answer(0, "28000", "a password is asked for"), id="password"),
    ],
)
def test_an_answer_is_understood(answer_with: Callable[[bytes], int], said: bytes, answer: probe.Answer) -> None:
    assert probe.ask(HOST, answer_with(said), "aetherlens", 5) == answer


@pytest.mark.parametrize(
    "said", [b"", b"E", b"HTTP/1.1 400 Bad Request\r\n", AUTHENTICATION_OK, b"R\0\0\0\4", b"K\0\0\0\5x", b"\xff" * 100]
)
def test_anything_else_is_no_answer(answer_with: Callable[[bytes], int], said: bytes) -> None:
    with pytest.raises(probe.NoAnswerError):
        probe.ask(HOST, answer_with(said), "aetherlens", 5)


def test_silence_is_no_answer() -> None:
    with socket.create_server((HOST, 0)) as listener, pytest.raises(probe.NoAnswerError, match="timed out"):
        probe.ask(HOST, listener.getsockname()[1], "aetherlens", 0.1)


def test_nobody_is_no_answer() -> None:
    with socket.create_server((HOST, 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(probe.NoAnswerError, match="refused"):
        probe.ask(HOST, port, "aetherlens", 5)
    assert probe.port_is_free(HOST, port)


def test_a_port_that_has_a_listener_is_not_free() -> None:
    with socket.create_server((HOST, 0)) as listener:
        assert not probe.port_is_free(HOST, listener.getsockname()[1])
