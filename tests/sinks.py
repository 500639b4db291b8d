"""A real mail server and a real webhook, as small as the standard library makes them: they keep what arrives."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any


class MailSink(socketserver.ThreadingTCPServer):
    """Speaks as much SMTP as smtplib needs."""

    allow_reuse_address = daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Smtp)
        self.mails: list[tuple[list[str], EmailMessage]] = []

    def connection(self) -> str:
        """The Airflow connection to it, as an environment variable holds it."""
        extra = {"from_email": "higawari@example.com", "disable_ssl": True, "disable_tls": True, "retry_limit": 0}
        return json.dumps({"conn_type": "smtp", "host": "127.0.0.1", "port": self.server_address[1], "extra": extra})


class WebhookSink(HTTPServer):
    """Answers every request with `status`."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Webhook)
        self.texts: list[str] = []
        self.pings: list[str] = []
        self.status = 200

    def connection(self, path: str = "/services/secret") -> str:
        """The Airflow connection to it: the URL is the password."""
        return json.dumps({"conn_type": "generic", "password": f"http://127.0.0.1:{self.server_port}{path}"})


@contextmanager
def listening(server: Any) -> Iterator[Any]:
    """Serve in a thread of its own."""
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


class _Smtp(socketserver.StreamRequestHandler):
    server: MailSink

    def handle(self) -> None:
        recipients: list[str] = []
        self._say("220 sink")
        while line := self.rfile.readline().decode().strip():
            command = line.split(":")[0].upper()
            if command == "RCPT TO":
                recipients.append(line.split("<")[1].split(">")[0])
            if command == "DATA":
                self._say("354 go on")
                self.server.mails.append((recipients, self._mail()))
            self._say("250 fine" if command != "QUIT" else "221 bye")

    def _mail(self) -> EmailMessage:
        lines = iter(self.rfile.readline, b".\r\n")
        return message_from_bytes(b"".join(lines), policy=policy.default)

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


class _Webhook(BaseHTTPRequestHandler):
    server: WebhookSink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.texts.append(json.loads(body)["text"])
        self._answer()

    def do_GET(self) -> None:
        self.server.pings.append(self.path)
        self._answer()

    def _answer(self) -> None:
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""
