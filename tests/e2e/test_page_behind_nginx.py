"""The page below a path of a proxy: a real nginx, configured as docs/server.md says."""

import re
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, expect
from tests.e2e.flow_page import FlowPage
from tests.e2e.origin import Origin
from tests.e2e.server_process import ServerProcess, running_server
from tests.e2e.slow_download import begin_slow_download

from tooling.paths import ROOT
from tooling.system import find_nginx

NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{}}
http {{
    access_log off;
    gzip on;
    gzip_proxied any;
    gzip_types application/json;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{port};
        {location}
    }}
}}
"""
"""What surrounds a location; answers are compressed, so that their ETags are weak."""
OTHER_PROXY = "proxy_pass http://127.0.0.1:8000;"


def as_documented() -> str:
    """Return the location of the docs."""
    (block,) = re.findall(r"```nginx\n(.*?)```", (ROOT / "docs" / "server.md").read_text(), re.DOTALL)
    assert OTHER_PROXY in block
    return str(block)


def without_the_prefix(location: str) -> str:
    """Return the location as one that takes the prefix off."""
    return re.sub(r"(proxy_pass http://[^;/]+);", r"\1/;", location)


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running_nginx(nginx: Path, location: str, server: ServerProcess, folder: Path) -> Iterator[ServerProcess]:
    """Run nginx before a server until the block ends; what is returned has its address."""
    port = free_port()
    location = location.replace(OTHER_PROXY.removesuffix(";"), f"proxy_pass http://127.0.0.1:{server.port}")
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=port, location=location))
    with subprocess.Popen([nginx, "-p", str(folder), "-c", str(configuration)]) as process:
        try:
            yield ServerProcess(server.process, f"http://127.0.0.1:{port}/irenic/?token={server.token}")
        finally:
            process.terminate()


@pytest.mark.parametrize("location", [as_documented, lambda: without_the_prefix(as_documented())], ids=["kept", "off"])
def test_the_page_works_below_a_path_of_nginx(
    context: BrowserContext, site: Path, tmp_path: Path, origin: Origin, location: Callable[[], str]
) -> None:
    """It boots, runs, hears of an interrupt from elsewhere, and comes back after a reload and without the server."""
    nginx = find_nginx()
    if nginx is None:
        pytest.skip("nginx is not installed: apt-get install nginx-light")
    options = ["--prefix", "/irenic", "--trusted-proxy", "127.0.0.1"]
    with (
        running_server(site, tmp_path / "irenic.sqlite3", options=options) as server,
        running_nginx(nginx, location(), server, tmp_path) as proxy,
    ):
        tab = FlowPage(context.new_page(), proxy)
        tab.page.goto(f"{proxy.address}?token={proxy.token}", wait_until="commit")  # without its slash
        tab.awake()
        download = begin_slow_download(tab, origin)
        (running,) = tab.api("/executions")["items"]
        asked = tab.page.request.post(
            f"{proxy.address}/api/v1/executions/{running['id']}/interrupt",
            data={"source": "elsewhere"},
            headers={"Origin": proxy.address.removesuffix("/irenic")},
        )
        assert asked.json() == {"reply": "requested"}
        expect(tab.status).to_have_text("Stopping")
        download.release()
        tab.ends("Interrupted")
        tab.reload()
        tab.awake()
        expect(tab.status).to_have_text("Interrupted")
        tab.press("resume")
        tab.preview()
        tab.confirm()
        tab.ends("Done")
        tab.until_kept()
        assert tab.complaints == []
        server.end()
        tab.reload()
        tab.awake()
        expect(tab.status).to_have_text("Done")
