"""The health check of containers says what it found."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from include.production.healthy import main

COMPONENTS = b'{"scheduler": {"status": "healthy"}, "triggerer": {"status": "unhealthy"}, "other": {"status": null}}'
ANSWERS = {"/health": (200, b"OK"), "/broken": (503, b""), "/monitor": (200, COMPONENTS)}


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = ANSWERS[self.path]
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quietly."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["/health"], 0, "healthy"),
        (["/broken"], 1, "503"),
        (["/monitor", "scheduler"], 0, "healthy"),
        (["/monitor", "triggerer"], 1, "unhealthy"),
        (["/monitor", "other"], 1, "None"),
    ],
)
def test_it_says_what_it_found(
    url: str, arguments: list[str], code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(url + arguments[0], *arguments[1:]) == code
    assert says in capsys.readouterr().out


def test_nobody_there_is_not_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("http://127.0.0.1:9/health") == 1
    assert "refused" in capsys.readouterr().out
