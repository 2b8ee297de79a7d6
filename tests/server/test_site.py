"""The site: files as they are or compressed, cached by name, and nothing from outside its folder."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.server.conftest import Starter
from tests.server.harness import RunningServer, problem_name


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A small site."""
    root = tmp_path / "site"
    (root / "boot").mkdir(parents=True)
    (root / "flows").mkdir()
    (root / "index.html").write_text("<!doctype html><title>irenic</title>")
    (root / "boot" / "worker.mjs").write_text("export const one = 1;\n" * 100)
    (root / "boot" / "core.mjs").write_text("plain")
    (root / "boot" / "core.mjs.br").write_bytes(b"brotli")
    (root / "boot" / "core.mjs.gz").write_bytes(b"gzip")
    (root / "boot" / "core.mjs.zst").write_bytes(b"zstd")
    (root / "boot" / "library-0123456789abcdef.zip").write_bytes(b"zip")
    (root / "boot" / "core.wasm").write_bytes(bytes(range(256)) * 4096)
    (root / "boot" / "empty.css").write_bytes(b"")
    (tmp_path / "secret.txt").write_text("secret")
    (root / "link.txt").symlink_to(tmp_path / "secret.txt")
    return root


@pytest.fixture
def pages(site: Path, start_server: Starter) -> Iterator[httpx.Client]:
    """A client of a server with that site."""
    running: RunningServer = start_server(site=site)
    with running.client() as client:
        yield client


def test_the_start_page_is_served(pages: httpx.Client) -> None:
    """At the root, and asked for again each time."""
    response = pages.get("/")
    assert (response.status_code, response.text) == (200, "<!doctype html><title>irenic</title>")
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/boot/worker.mjs", "text/javascript; charset=utf-8"),
        ("/boot/core.wasm", "application/wasm"),
        ("/boot/empty.css", "text/css; charset=utf-8"),
        ("/boot/library-0123456789abcdef.zip", "application/zip"),
    ],
)
def test_files_have_the_types_that_browsers_insist_on(pages: httpx.Client, path: str, expected: str) -> None:
    """Modules and WebAssembly are refused with any other."""
    response = pages.get(path)
    assert response.headers["content-type"] == expected
    assert response.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("accepted", "encoding"),
    [
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, deflate, br", "br"),
        ("gzip", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("identity", None),
        ("", None),
    ],
)
def test_files_are_sent_as_they_were_compressed(pages: httpx.Client, accepted: str, encoding: str | None) -> None:
    """In the best way that the client takes; caches are told that it depends on it."""
    response, body = raw(pages, "/boot/core.mjs", accepted)
    assert response.headers.get("content-encoding") == encoding
    assert response.headers["content-type"] == "text/javascript; charset=utf-8"
    assert response.headers["vary"] == "accept-encoding"
    assert body == {"zstd": b"zstd", "br": b"brotli", "gzip": b"gzip", None: b"plain"}[encoding]
    assert int(response.headers["content-length"]) == len(body)


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_whoever_is_far_away_gets_what_is_smallest(pages: httpx.Client, header: str) -> None:
    """Who comes through a proxy on this machine may be anywhere."""
    response, body = raw(pages, "/boot/core.mjs", "br, zstd", **{header: "for=192.0.2.1"})
    assert (response.headers["content-encoding"], body) == ("br", b"brotli")


def raw(pages: httpx.Client, path: str, accepted: str, **headers: str) -> tuple[httpx.Response, bytes]:
    """Return an answer and its body as it was sent."""
    with pages.stream("GET", path, headers={"Accept-Encoding": accepted} | headers) as response:
        return response, b"".join(response.iter_raw())


def test_a_file_changed_after_it_was_compressed_is_sent_as_it_is(pages: httpx.Client, site: Path) -> None:
    """A stale copy is worse than a large one."""
    path = site / "boot" / "core.mjs"
    path.write_text("changed")
    later = path.stat().st_mtime + 10
    os.utime(path, (later, later))
    assert raw(pages, "/boot/core.mjs", "br")[1] == b"changed"


def test_files_named_by_their_hash_are_kept_for_ever(pages: httpx.Client) -> None:
    """By a hash in the name, or in the address."""
    for path in ("/boot/library-0123456789abcdef.zip", "/boot/worker.mjs?v=0123456789abcdef"):
        assert pages.get(path).headers["cache-control"] == "private, max-age=31536000, immutable"
    for path in ("/boot/worker.mjs", "/boot/worker.mjs?v=1", "/boot/worker.mjs?other=0123456789abcdef"):
        assert pages.get(path).headers["cache-control"] == "no-cache"


def test_files_that_are_known_are_not_sent_again(pages: httpx.Client) -> None:
    """The ETag differs by encoding."""
    etag = raw(pages, "/boot/core.mjs", "identity")[0].headers["etag"]
    again, body = raw(pages, "/boot/core.mjs", "identity", **{"If-None-Match": f'"x", W/{etag}'})
    assert (again.status_code, body, again.headers["etag"]) == (304, b"", etag)
    assert again.headers["cross-origin-resource-policy"] == "same-origin"
    other, body = raw(pages, "/boot/core.mjs", "gzip", **{"If-None-Match": etag})
    assert (other.status_code, body) == (200, b"gzip")


def test_a_part_of_a_file_can_be_asked_for(pages: httpx.Client) -> None:
    """A download that broke off goes on where it was."""
    whole = bytes(range(256)) * 4096
    path = "/boot/core.wasm"
    part = pages.get(path, headers={"Range": "bytes=1000-1999"})
    assert (part.status_code, part.content) == (206, whole[1000:2000])
    assert part.headers["content-range"] == f"bytes 1000-1999/{len(whole)}"
    rest = pages.get(path, headers={"Range": "bytes=1048000-"})
    assert (rest.status_code, rest.content) == (206, whole[1048000:])
    beyond = pages.get(path, headers={"Range": f"bytes={len(whole)}-"})
    assert (beyond.status_code, beyond.headers["content-range"]) == (416, f"bytes */{len(whole)}")
    changed = pages.get(path, headers={"Range": "bytes=0-1", "If-Range": '"another"'})
    assert (changed.status_code, changed.content) == (200, whole)
    odd = pages.get(path, headers={"Range": "bytes=0-1,4-5"})
    assert (odd.status_code, odd.content) == (200, whole)


@pytest.mark.parametrize(
    "path",
    [
        "/../secret.txt",
        "/boot/../../secret.txt",
        "/..%2fsecret.txt",
        "/%2e%2e/secret.txt",
        "/boot/%2e%2e/%2e%2e/secret.txt",
        "/..%5csecret.txt",
        "//etc/passwd",
        "/etc/passwd",
        "/link.txt",
        "/boot",
        "/boot/",
        "/boot//worker.mjs",
        "/index.html%00.txt",
        "/nothing",
    ],
)
def test_nothing_outside_the_site_is_served(pages: httpx.Client, path: str) -> None:
    """Whatever the path says, and wherever a link leads."""
    response = _raw_get(pages, path)
    assert response.status_code == 404
    assert problem_name(response) == "not-found"


def _raw_get(pages: httpx.Client, path: str) -> httpx.Response:
    """Send a path as it is, without the tidying up that clients do."""
    request = pages.build_request("GET", "/")
    request.url = request.url.copy_with(raw_path=path.encode())
    return pages.send(request)


def test_the_site_can_only_be_read(pages: httpx.Client) -> None:
    """HEAD tells what GET would send."""
    refused = pages.post("/index.html", headers={"Origin": str(pages.base_url).rstrip("/")})
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    head = pages.head("/boot/core.wasm")
    assert (head.status_code, head.content, head.headers["content-length"]) == (200, b"", str(256 * 4096))


def test_pages_are_isolated_and_may_load_only_their_own(pages: httpx.Client) -> None:
    """Every document and worker script says so."""
    for path in ("/", "/boot/worker.mjs", "/nothing"):
        headers = pages.get(path).headers
        assert headers["cross-origin-opener-policy"] == "same-origin"
        assert headers["cross-origin-embedder-policy"] == "require-corp"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert headers["referrer-policy"] == "same-origin"
        policy = directives(headers["content-security-policy"])
        assert policy["script-src"] == ["'self'", "'wasm-unsafe-eval'"]
        assert policy["connect-src"] == ["'self'"]
        assert policy["worker-src"] == (["'none'"] if path.endswith(".mjs") else ["'self'"])
        assert policy["frame-ancestors"] == policy["object-src"] == policy["base-uri"] == ["'none'"]
        assert "unsafe-inline" not in headers["content-security-policy"]


def directives(policy: str) -> dict[str, list[str]]:
    """Return a Content-Security-Policy by directive."""
    parts = [part.split() for part in policy.split(";")]
    return {part[0]: part[1:] for part in parts}


def test_a_worker_may_talk_to_the_hosts_that_its_flow_names(pages: httpx.Client, site: Path) -> None:
    """And to no others; what is no host is left out, because it would be part of a header."""

    def connect(flow: str) -> list[str]:
        policy = pages.get("/boot/worker.mjs", params={"flow": flow}).headers["content-security-policy"]
        return directives(policy)["connect-src"]

    def write(connect_list: object) -> None:
        path = site / "flows" / "download.json"
        path.write_text(json.dumps({"id": "download", "connect": connect_list}))

    assert connect("download") == ["'self'"]
    write(["https://example.org", "http://127.0.0.1:9000", "https://*.example.com", "evil; script-src *", 7, "*"])
    assert connect("download") == [
        "'self'",
        "https://example.org",
        "http://127.0.0.1:9000",
        "https://*.example.com",
        "https:",
    ]
    assert connect("other") == connect("../download") == ["'self'"]
