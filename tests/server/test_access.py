"""Access: who is let in, by what, and what is kept out."""

import httpx
import pytest
from pydantic import ValidationError
from tests.server.conftest import Starter
from tests.server.harness import TOKEN, Execution, problem_name

from irenic_server.settings import Limits, Settings

OPEN = ["/livez", "/readyz"]
CLOSED = ["/", "/flows/index.json", "/api/v1/executions", "/api/openapi.json", "/metrics", "/v1/traces"]


@pytest.fixture
def nobody(start_server: Starter) -> httpx.Client:
    """A client without a token."""
    return start_server().client(token=None)


@pytest.mark.parametrize("path", CLOSED)
def test_without_a_token_nothing_is_told(nobody: httpx.Client, path: str) -> None:
    """Neither of the API nor of the site."""
    with nobody:
        response = nobody.get(path)
        assert (response.status_code, problem_name(response)) == (401, "unauthenticated")
        assert response.headers["www-authenticate"] == "Bearer"
        wrong = nobody.get(path, headers={"Authorization": f"Bearer {TOKEN}x"})
        assert (wrong.status_code, problem_name(wrong)) == (401, "unauthenticated")


@pytest.mark.parametrize("path", OPEN)
def test_health_is_told_to_everybody(nobody: httpx.Client, path: str) -> None:
    """Also under a name that is not the server's own, as probes have it."""
    with nobody:
        assert nobody.get(path, headers={"Host": "10.1.2.3:8000"}).status_code == 200


def test_the_printed_address_sets_a_cookie(nobody: httpx.Client) -> None:
    """And leads on to the same address without the token."""
    with nobody:
        answer = nobody.get("/api-is-not-this", params={"flow": "download", "token": TOKEN, "tab": "graph"})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/api-is-not-this?flow=download&tab=graph"
        cookie = answer.headers["set-cookie"]
        name = f"irenic_token_{nobody.base_url.port}"
        assert cookie.startswith(f"{name}={TOKEN}; ")
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert nobody.get("/api/v1/executions").status_code == 200


@pytest.mark.parametrize("path", ["//evil.example/", "/\\evil.example/", "/%2f%2fevil.example", "/a%0d%0aSet-Cookie:x"])
def test_the_way_on_stays_on_this_server(nobody: httpx.Client, path: str) -> None:
    """Whatever the address says."""
    with nobody:
        request = nobody.build_request("GET", "/")
        request.url = request.url.copy_with(raw_path=f"{path}?token={TOKEN}".encode())
        answer = nobody.send(request)
        assert answer.status_code == 303
        location = answer.headers["location"]
        assert location.startswith("/")
        assert not location.startswith(("//", "/\\"))


def test_a_wrong_token_in_the_address_sets_no_cookie(nobody: httpx.Client) -> None:
    """A person gets a page that says what to do, with no script in it."""
    with nobody:
        answer = nobody.get("/", params={"token": "<script>"}, headers={"Accept": "text/html,*/*"})
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "<form" in answer.text
        assert "<script" not in answer.text


def test_a_cookie_without_a_port_is_taken_too(nobody: httpx.Client) -> None:
    """As behind a proxy."""
    with nobody:
        assert nobody.get("/api/v1/executions", headers={"Cookie": f"irenic_token={TOKEN}"}).status_code == 200
        assert nobody.get("/api/v1/executions", headers={"Cookie": 'irenic_token="; ="=,'}).status_code == 401


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "localhost.", ""])
def test_other_host_names_are_refused(client: httpx.Client, host: str) -> None:
    """A page whose name was made to lead here (DNS rebinding) gets nothing."""
    response = client.get("/api/v1/executions", headers={"Host": host})
    assert (response.status_code, problem_name(response)) == (421, "unknown-host")


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:99", "localhost:8000", "LOCALHOST", "[::1]:8000", "127.1.2.3"]
)
def test_loopback_names_are_taken(client: httpx.Client, host: str) -> None:
    """With any port, because there may be a tunnel."""
    assert client.get("/api/v1/executions", headers={"Host": host}).status_code == 200


def test_further_names_can_be_allowed(start_server: Starter) -> None:
    """For a server behind a proxy."""
    with start_server(allowed_hosts=("irenic.example",)).client() as client:
        assert client.get("/api/v1/executions", headers={"Host": "irenic.example"}).status_code == 200
        assert client.get("/api/v1/executions", headers={"Host": "other.example"}).status_code == 421


def test_a_page_of_another_site_can_do_nothing(nobody: httpx.Client) -> None:
    """A browser sends the cookie by itself; the origin tells whose request it is."""
    own = str(nobody.base_url).rstrip("/")
    with nobody:
        nobody.get("/", params={"token": TOKEN})
        path = "/api/v1/interrupt"
        for headers in (
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": own.replace("http:", "ftp:")},
            {"Origin": f"http://127.0.0.1:{(nobody.base_url.port or 0) + 1}"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
            {},
        ):
            response = nobody.post(path, headers=headers)
            assert (response.status_code, problem_name(response)) == (403, "foreign-origin")
        for headers in ({"Origin": own}, {"Sec-Fetch-Site": "same-origin"}):
            assert nobody.post(path, headers=headers).status_code == 200


def test_a_page_of_another_site_cannot_read_the_api(client: httpx.Client) -> None:
    """It may link to the site, as any page may."""
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        response = client.get("/api/v1/executions", headers=headers)
        assert (response.status_code, problem_name(response)) == (403, "foreign-origin")
        assert client.get("/", headers=headers).status_code == 404


def test_a_token_in_a_header_needs_no_origin(client: httpx.Client) -> None:
    """No page can send it without knowing it; but a page of another site is refused all the same."""
    assert client.post("/api/v1/interrupt").status_code == 200
    assert client.post("/api/v1/interrupt", headers={"Origin": "https://evil.example"}).status_code == 403


def test_the_api_may_not_be_framed_or_sniffed(client: httpx.Client) -> None:
    """Nor read by a page that is not isolated with it."""
    headers = client.get("/api/v1/executions").headers
    assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["cache-control"] == "no-store"
    assert "access-control-allow-origin" not in headers
    assert "server" not in headers


def test_the_site_says_that_there_is_an_api(client: httpx.Client) -> None:
    """By which a page knows it from the same files behind another web server."""
    assert client.get("/index.html").headers["x-irenic-api"] == "/api/v1"


def test_requests_are_numbered(client: httpx.Client) -> None:
    """By the client, if its number is harmless, or by the server."""
    assert client.get("/livez", headers={"X-Request-Id": "mine-0001"}).headers["x-request-id"] == "mine-0001"
    first, second = (client.get("/livez", headers={"X-Request-Id": "a b"}).headers["x-request-id"] for _ in range(2))
    assert len({first, second, "a b"}) == 3


def test_too_many_requests_are_told_when_to_come_back(start_server: Starter) -> None:
    """Each token has a rate of its own; the site and health do not count."""
    with start_server(limits=Limits(rate=0.01, rate_burst=3)).client() as client:
        statuses = [client.get("/api/v1/executions").status_code for _ in range(4)]
        assert statuses == [200, 200, 200, 429]
        refused = client.get("/api/v1/executions")
        assert problem_name(refused) == "too-many-requests"
        assert int(refused.headers["retry-after"]) >= 1
        assert client.get("/livez").status_code == 200


def test_guessing_tokens_is_slowed_down(start_server: Starter) -> None:
    """By address; whoever has a token is not kept out by others' guesses."""
    server = start_server(limits=Limits(failures_rate=0.01, failures_burst=5))
    with server.client(token="guess") as guesser, server.client() as client:
        statuses = [guesser.get("/api/v1/executions").status_code for _ in range(7)]
        assert statuses == [401] * 5 + [429] * 2
        assert client.get("/api/v1/executions").status_code == 200


def test_a_server_below_a_prefix(start_server: Starter) -> None:
    """Whether the proxy takes the prefix off or leaves it on."""
    server = start_server(prefix="/irenic/", allowed_hosts=("example.org",))
    with server.client(Host="example.org") as client:
        for prefix in ("", "/irenic"):
            assert client.get(f"{prefix}/api/v1/executions").status_code == 200
        assert client.get("/irenicx/api/v1/executions").status_code == 404
        answer = client.get("/irenic/", params={"token": TOKEN})
        assert answer.headers["location"] == "/irenic/"
        assert "Path=/irenic;" in answer.headers["set-cookie"]
        execution = Execution(client)
        execution.path = f"/irenic{execution.path}"
        assert execution.create().status_code == 201
        assert execution.append(execution.event(0)).status_code == 200


@pytest.mark.parametrize("prefix", ["/a b", "a;b", "x/../y?z", "é"])
def test_a_prefix_that_is_no_path_is_refused(prefix: str) -> None:
    """It would be part of the cookie and of addresses."""
    with pytest.raises(ValidationError, match="is no path"):
        Settings(database="x", prefix=prefix)


def test_the_path_of_a_prefix_without_its_slash_leads_to_the_one_with_it(start_server: Starter) -> None:
    """The page asks for what lies below it; the query comes along."""
    with start_server(prefix="/irenic").client() as client:
        answer = client.get("/irenic", params={"flow": "x"})
        assert (answer.status_code, answer.headers["location"]) == (308, "/irenic/?flow=x")
