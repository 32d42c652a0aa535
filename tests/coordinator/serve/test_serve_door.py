"""The door of the page: no other name or site, nobody without the token, nothing too large, and all of it answered."""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from servedrun import TOKEN, Client, ServedRun, served
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from coordinator.serve import address, live
from coordinator.serve.guard import BODY_MAX
from firmware_sim.errors import BadInput


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    run = ServedRun(Path(f"/dev/shm/pd-{os.getpid()}"), tmp_path_factory.mktemp("door"))
    with served(run) as found:
        yield found
    run.remove()
    run.runtime.path.parent.rmdir()


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1", "localhost.evil.example", ""])
def test_a_host_that_is_no_name_of_ours_is_refused(client: Client, host: str) -> None:
    assert client.error("/", Host=host)[0] == 421


def test_a_request_with_two_hosts_is_refused(client: Client) -> None:
    ours = f"Host: 127.0.0.1:{client.port}\r\n"
    assert raw(client, f"GET / HTTP/1.1\r\n{ours}Host: evil.example\r\n\r\n".encode()).split()[1] in (b"421", b"400")


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST"])
def test_the_names_of_loopback_are_answered(client: Client, name: str) -> None:
    assert client.ask("/", Host=f"{name}:{client.port}")[0] == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "https://127.0.0.1:{port}", "http://127.0.0.1:1"])
def test_another_origin_is_refused_even_with_the_token(client: Client, origin: str) -> None:
    assert client.error("/api/run", Origin=origin.format(port=client.port))[0] == 403


def test_our_own_origin_is_welcome(client: Client) -> None:
    assert client.ask("/api/run", Origin=f"http://localhost:{client.port}")[0] == 200


def test_a_browser_that_says_another_site_asks_is_refused(client: Client) -> None:
    assert client.error("/api/run", Sec_Fetch_Site="cross-site")[0] == 403


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer wrong", f"Basic {TOKEN}", f"Bearer {TOKEN}x", "Bearer \xe4"])
@pytest.mark.parametrize("path", ["/api/run", "/api/nowhere", "/metrics"])
def test_everything_but_the_page_itself_needs_the_token(client: Client, path: str, given: str) -> None:
    status, headers, data = client.ask(path, Authorization=given)
    assert (status, headers["www-authenticate"]) == (401, "Bearer")
    assert TOKEN.encode() not in data


def test_an_action_without_the_token_is_refused(client: Client) -> None:
    assert client.error("/api/actions", {"do": "pause"}, Authorization="Bearer wrong")[0] == 401


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/api/run", "/nowhere"])
def test_every_answer_allows_scripts_of_ours_only(client: Client, path: str) -> None:
    _, headers, _ = client.ask(path)
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_page_needs_nothing_from_elsewhere() -> None:
    static = Path(address.__file__).parent / "static"
    for path in [*static.glob("*.html"), *static.glob("*.js"), *static.glob("*.css")]:
        text = path.read_text().replace("http://www.w3.org/", "")  # the name of SVG, which nobody fetches
        assert "http://" not in text, path.name
        assert "https://" not in text, path.name


def test_a_body_that_is_too_large_is_refused_unread(client: Client) -> None:
    assert client.error("/api/actions", raw=b"x" * (BODY_MAX + 1))[0] == 413


def test_a_body_without_a_length_is_counted_while_it_comes(client: Client) -> None:
    head = f"POST /api/actions HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nAuthorization: Bearer {TOKEN}\r\n"
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    answer = raw(client, head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 20 + b"0\r\n\r\n")
    assert answer.split()[1] == b"413"


@pytest.mark.parametrize("data", [b"", b"{", b"null", b"[]", b"{}", b'{"do":"kill"}', b'{"do":"dance"}', b"\xff\xfe"])
def test_what_is_no_action_is_told_so(client: Client, data: bytes) -> None:
    status, error = client.error("/api/actions", raw=data or b" ")
    assert status == 400
    assert "no action" in error


def test_deeply_nested_json_is_told_so(client: Client) -> None:
    assert client.error("/api/actions", raw=b"[" * 60_000)[0] == 400


@pytest.mark.parametrize("path", ["/api/cells/x", "/api/cells/1e3", "/api/events?after=%00", "/api/cells/" + "9" * 400])
def test_numbers_that_are_none_are_told_so(client: Client, path: str) -> None:
    assert client.error(path)[0] == 400


def test_cells_that_are_not_there_are_told_so(client: Client) -> None:
    assert client.error("/api/cells/20") == (404, "there is no cell 20: this run has 0 to 19")
    assert client.error("/api/cells/-1")[0] == 404


def test_an_unknown_path_and_a_wrong_method_are_answered(client: Client) -> None:
    assert client.error("/nowhere")[0] == 404
    assert client.error("/api/run", method="DELETE")[0] == 405


@pytest.mark.parametrize(
    "path", ["/static/../guard.py", "/static/%2e%2e/guard.py", "/static/..%2fguard.py", "/static//etc/passwd"]
)
def test_no_file_but_the_pages_own_is_given(client: Client, path: str) -> None:
    assert client.ask(path)[0] == 404


def test_what_is_no_http_is_answered_and_the_server_goes_on(client: Client) -> None:
    assert raw(client, b"\x16\x03\x01 this is no HTTP\r\n\r\n").split()[1] == b"400"
    assert client.ask("/")[0] == 200


def test_a_head_without_end_is_cut_off(client: Client) -> None:
    head = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{client.port}\r\nX: ".encode() + b"x" * 100_000
    assert raw(client, head)[:12] in (b"HTTP/1.1 400", b"HTTP/1.1 431")


def test_a_viewer_with_the_wrong_token_is_turned_away(client: Client) -> None:
    with connect(f"ws://127.0.0.1:{client.port}/live") as line:
        line.send(json.dumps({"token": "wrong"}))
        with pytest.raises(ConnectionClosed) as closed:
            line.recv(20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == live.BAD_TOKEN


@pytest.mark.parametrize("words", ["", "{", "[]", '{"token":1}', b"\x00"])
def test_a_viewer_that_talks_nonsense_is_turned_away(client: Client, words: str | bytes) -> None:
    with connect(f"ws://127.0.0.1:{client.port}/live") as line:
        line.send(words)
        with pytest.raises(ConnectionClosed) as closed:
            line.recv(20)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == live.MALFORMED


def test_a_viewer_that_talks_too_much_is_turned_away(client: Client) -> None:
    with connect(f"ws://127.0.0.1:{client.port}/live") as line:
        line.send("x" * (live.MESSAGE_MAX + 1))
        with pytest.raises(ConnectionClosed):
            line.recv(20)


def test_a_page_of_another_site_cannot_open_the_line(client: Client) -> None:
    with pytest.raises(InvalidStatus), connect(f"ws://127.0.0.1:{client.port}/live", origin="http://evil.example"):  # type: ignore[arg-type]
        pass


def test_the_token_is_in_the_fragment_which_browsers_send_to_nobody() -> None:
    listening = address.Address(port=0).bind()
    with listening:
        url = address.url(listening, "secret")
    before, _, fragment = url.partition("#")
    assert fragment == "secret"
    assert "secret" not in before
    assert before.startswith("http://127.0.0.1:")


def test_no_two_runs_share_a_token() -> None:
    assert address.new_token() != address.new_token()
    assert len(address.new_token()) >= 32


@pytest.mark.parametrize("text", ["example.org:80", "127.0.0.1:x", "127.0.0.1:70000", "1.2.3", "[::1"])
def test_an_address_that_is_none_is_bad_input(text: str) -> None:
    with pytest.raises(BadInput, match="--listen"):
        address.parse(text).bind()


def test_addresses_are_read() -> None:
    assert address.parse("") == address.Address("127.0.0.1", None)
    assert address.parse("localhost:81") == address.Address("127.0.0.1", 81)
    assert address.parse("[::1]:82") == address.Address("::1", 82)
    assert address.parse("0.0.0.0") == address.Address("0.0.0.0", None)
    assert not address.parse("0.0.0.0").loopback


def test_a_port_that_is_taken_is_bad_input_and_the_default_gives_way() -> None:
    with address.Address(port=0).bind() as taken:
        port = taken.getsockname()[1]
        with pytest.raises(BadInput, match=str(port)):
            address.Address(port=port).bind()
    with address.Address().bind() as one, address.Address().bind() as other:
        assert one.getsockname() != other.getsockname()


def raw(client: Client, data: bytes) -> bytes:
    """The first bytes that come back for these."""
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as line:
        try:
            line.sendall(data)
            return line.recv(4096)
        except ConnectionError as error:
            raise http.client.HTTPException("cut off without an answer") from error
