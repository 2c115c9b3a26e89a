"""Addresses of chat servers: what is one, where it leads, and whether that is this machine."""

import pytest

from mammoscribe.support.chat.endpoint import Endpoint, endpoint_of
from mammoscribe.support.errors import InputError, InvalidNoun


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://localhost:8000/v1", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/", "http://localhost:8000/v1"),
        ("http://localhost:8000/v1/chat/completions", "http://localhost:8000/v1"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("HTTPS://GPU-7.example.org/v1", "https://gpu-7.example.org:443/v1"),
        ("http://10.0.0.7/models/a/v1", "http://10.0.0.7:80/models/a/v1"),
    ],
)
def test_an_address_names_host_port_and_path(text, url):
    assert endpoint_of(text).url == url


@pytest.mark.parametrize(
    "text",
    [
        "", "localhost:8000/v1", "ftp://localhost/v1", "http://", "http:///v1", "http://localhost:port/v1",
        "http://localhost:99999/v1", "http://localhost:0/v1", "http://local host/v1", "http://localhost/v1?a=b",
        "http://localhost/v1#a", "http://localhost/v1\r\nX-Evil: 1", "http://[::1/v1", "http://l\u00f6cal/v1", "file:///etc/passwd",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text):
    with pytest.raises(InputError, match="http://localhost:8000/v1"):
        endpoint_of(text)


def test_a_password_in_an_address_is_refused_and_not_repeated():
    with pytest.raises(InputError, match="MAMMOSCRIBE_CHAT_KEY") as refused:
        endpoint_of("http://jane:s3cret@localhost:8000/v1")
    assert "s3cret" not in str(refused.value) and "jane" not in str(refused.value)


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST", "localhost.", "127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]
)
def test_loopback_is_this_machine(host):
    assert Endpoint(host, 8000).is_loopback


@pytest.mark.parametrize(
    "host",
    ["gpu-7", "10.0.0.1", "0.0.0.0", "128.0.0.1", "localhost.example.org", "::2", "::ffff:10.0.0.1", "127.0.0.1.example.org"],
)  # fmt: skip
def test_any_other_host_is_not_this_machine(host):
    assert not Endpoint(host, 8000).is_loopback


@pytest.mark.parametrize(("host", "port"), [("", 80), ("localhost", 0), ("localhost", 65536)])
def test_an_endpoint_has_a_host_and_a_port(host, port):
    with pytest.raises(InvalidNoun):
        Endpoint(host, port)
