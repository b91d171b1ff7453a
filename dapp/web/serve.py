"""The web interface on a port of this machine, until it is told to stop."""

from __future__ import annotations

import socket
import threading

import uvicorn

from dapp.web.app import create_app
from dapp.web.backend import Backend
from dapp.web.settings import WebSettings
from ml.errors import QuorateError

STOP_S = 2


class WebFailed(QuorateError):
    """The web interface cannot be served there."""

    code = "web-failed"
    default_fix = "Name a free port with --port."


class WebServer:
    """One server; `url` is what to open, `app` what answers there."""

    def __init__(self, web: WebSettings, backend: Backend | None = None) -> None:
        """Takes the port. Raises WebFailed, and what connecting raises."""
        self._socket = _listening(web.host, web.port)
        self.url = web.site
        try:
            self.app = create_app(web, backend)
        except BaseException:
            self._socket.close()
            raise
        config = uvicorn.Config(
            self.app,
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=STOP_S,
            h11_max_incomplete_event_size=16_384,
        )
        self._server = uvicorn.Server(config)

    def serve(self) -> None:
        """Answer until `stop`, or until an exception comes up here: a signal's, say. Then end in order."""
        # an event, for in Python 3.11 a signal during Thread.join makes it take its thread for ended
        ended = threading.Event()

        def run() -> None:
            try:
                self._server.run([self._socket])
            finally:
                ended.set()

        threading.Thread(target=run, name="quorate-web", daemon=True).start()
        try:
            ended.wait()
        finally:
            self.stop()
            ended.wait(2 * STOP_S)
            self._socket.close()

    def stop(self) -> None:
        """End within STOP_S and a little; from any thread."""
        self._server.should_exit = True


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    made = socket.socket(family, socket.SOCK_STREAM)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind((host, port))
        made.listen(512)
    except OSError as error:
        made.close()
        raise WebFailed(f"cannot listen on {host} port {port}: {error.strerror or error}") from error
    return made
