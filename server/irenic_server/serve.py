"""Running the server: a port, one printed address, and an orderly end."""

import errno
import gc
import signal
import socket
import ssl
import time
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack, closing, suppress
from types import FrameType
from urllib.parse import quote

import uvicorn
from sqlalchemy.exc import SQLAlchemyError

from irenic.model.errors import IrenicError
from irenic_server.app import App, create_app
from irenic_server.database import Database
from irenic_server.failures import is_for_good, problem_of
from irenic_server.ownership import Ownership
from irenic_server.protocol import configured_protocol
from irenic_server.requests import InterruptRequest
from irenic_server.schema import prepare_schema
from irenic_server.settings import Settings

BACKLOG = 2048

DATABASE_SECONDS = 1.0

YOUNG_OBJECTS = 10_000
"""New objects after which the garbage collector looks at them: a few for every request of a busy second."""

Announce = Callable[[str], None]


class ServeError(IrenicError):
    """A server that cannot start."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, app: App, started: Callable[[], None]) -> None:
        super().__init__(config)
        self._app = app
        self._tell_started = started
        self.failed = False
        app.on_failure = self._fail

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._tell_started()

    def _fail(self) -> None:
        self.failed = True
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Ask what runs here to stop, each time harder; the server ends when it has."""
        runs = self._app.services.runs
        name = signal.Signals(sig).name.lower()
        if runs is None or not runs.running:
            super().handle_exit(sig, frame)
            return
        runs.interrupt_all(InterruptRequest(source=name))
        self._captured_signals.append(sig)
        self.should_exit = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        # What runs here may take its time to stop; until then everybody can look at it, interrupt it, and store.
        await self._app.services.end_runs()
        self._app.services.drain()
        await super().shutdown(sockets)


def serve(settings: Settings, *, announce: Announce, open_browser: bool = False) -> None:
    """Serve until SIGINT or SIGTERM.

    :param announce: told what a person should see: the address, and where it is not the one that was asked for.
    :raises IrenicError: if the server cannot start.
    """
    _check_files(settings)
    with ExitStack() as stack:
        app = create_app(settings)
        ownership: Ownership | None = None
        if app.services.database.path is not None:
            ownership = Ownership(app.services.database.path)
            stack.callback(ownership.release)
        listener = stack.enter_context(closing(listen(settings, announce)))
        wait_for_database(app.services.database, announce)

        def started() -> None:
            _settle_memory()
            base = _base(settings, listener.getsockname()[1])
            address = f"{base}/?token={quote(settings.token.get_secret_value(), safe='')}"
            if ownership is not None:
                ownership.announce(base)
            announce(address)
            if app.origins is not None:
                port = listener.getsockname()[1]
                for name, own in app.origins.addresses(settings.scheme, port, settings.prefix):
                    announce(f"  {name}: {own}?{address.rpartition('?')[2]}")
            if open_browser:
                webbrowser.open(address)

        server = make_server(app, started)
        # Uvicorn drains, and then raises the signal again that it was ended by.
        with suppress(KeyboardInterrupt):
            server.run(sockets=[listener])
        if server.failed:
            raise ServeError("the server could not go on, and its log says why. What was acknowledged is stored.")


def _check_files(settings: Settings) -> None:
    """Check what is only opened later, where no person would hear of it.

    :raises ServeError: if something is missing or broken.
    """
    site = settings.site
    if site is not None and not (site / "index.html").is_file():
        raise ServeError(f"There is no built site in {site}: it has no index.html. Give its folder by --site.")
    if settings.tls_key is not None and settings.tls_certificate is None:
        raise ServeError("--tls-key is given without --tls-certificate. HTTPS needs both.")
    if settings.tls_certificate is None:
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(settings.tls_certificate, settings.tls_key)
    except FileNotFoundError:
        paths = [path for path in (settings.tls_certificate, settings.tls_key) if path and not path.is_file()]
        raise ServeError(f"There is no file {' and no file '.join(map(str, paths))} for HTTPS.") from None
    except OSError as error:
        why = error.reason if isinstance(error, ssl.SSLError) and error.reason else error.strerror
        raise ServeError(
            f"{settings.tls_certificate} and its key cannot be used for HTTPS: {why}. Both have to be PEM, and belong "
            "together."
        ) from None


def _settle_memory() -> None:
    """Keep the garbage collector from looking at what was loaded at the start, which holds up requests for 50 ms."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])


def wait_for_database(database: Database, announce: Announce) -> None:
    """Prepare the schema, as soon as the database can be reached.

    :raises ServeError: if it never will be.
    """
    said = False
    while True:
        try:
            prepare_schema(database)
        except SQLAlchemyError as error:
            why = " ".join(str(getattr(error, "orig", None) or error).split()).rstrip(".?")
            problem = problem_of(error)
            if problem is None or problem.name != "unavailable" or database.is_sqlite or is_for_good(error):
                raise ServeError(f"the database cannot be used: {why}. Nothing was changed.") from error
            if not said:
                announce(f"The database cannot be reached: {why}. It is tried again every second.")
            said = True
            time.sleep(DATABASE_SECONDS)
        else:
            return


def make_server(app: App, started: Callable[[], None]) -> "_Server":
    """Return a server that is ready to run.

    :param started: called when it answers requests.
    """
    settings = app.services.settings
    config = uvicorn.Config(
        app,
        loop="auto",
        http=configured_protocol(settings.limits, app.shortcut, app.services.connections),
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_keep_alive=30,
        timeout_graceful_shutdown=int(settings.drain_seconds),
        backlog=BACKLOG,
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
        ssl_version=ssl.PROTOCOL_TLS_SERVER,
    )
    return _Server(config, app, started)


def listen(settings: Settings, announce: Announce) -> socket.socket:
    """Return a socket that listens on the wished port, or on a free one where it is taken and that is allowed.

    :raises ServeError: if there is none.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return _bind(family, settings.host, settings.port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise ServeError(f"Cannot listen on {settings.host}:{settings.port}: {error.strerror}.") from None
        if settings.strict_port:
            raise ServeError(
                f"Port {settings.port} is taken by another program. Stop that one, choose another port by --port, or "
                "leave out --strict-port for a free one."
            ) from None
    listener = _bind(family, settings.host, 0)
    announce(f"Port {settings.port} is taken by another program; this server is on port {listener.getsockname()[1]}:")
    return listener


def _bind(family: socket.AddressFamily, host: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        # Two programs may bind one port with this option; only one may listen.
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _base(settings: Settings, port: int) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    if host in ("0.0.0.0", "[::]"):
        host = "127.0.0.1"
    return f"{settings.scheme}://{host}:{port}{settings.prefix}"
