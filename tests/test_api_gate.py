"""Who gets in, by which name and key, and the headers that every answer has."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from reportnlp_api import keys
from reportnlp_api.app import check_exposure
from reportnlp_api.keys import Keys, KeysError
from reportnlp_api.settings import Settings, SettingsError, read_settings
from tests.api_service import app_in, serving

REPORT = {"report": {"text": "No PE."}}
OPEN = ("/livez", "/readyz", "/docs", "/docs.css", "/openapi.json")
CLOSED = ("/v1/panels", "/v1/findings", "/v1/models", "/metrics", "/v1/nothing")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "keys.json"


def test_every_answer_has_the_security_headers(tmp_path: Path) -> None:
    with serving(app_in(tmp_path)) as client:
        answers = [client.get(path) for path in (*OPEN, *CLOSED, "/nowhere")]
        answers += [client.post("/v1/label", json=body) for body in (REPORT, {})]
        answers += [client.get("/livez", headers={"Host": "elsewhere.example"})]
    for answer in answers:
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert not any(name.lower().startswith("access-control") for name in answer.headers)
        if answer.url.path.startswith("/v1/"):
            assert answer.headers["Cache-Control"] == "no-store"


def test_pages_of_other_origins_get_no_leave(tmp_path: Path) -> None:
    with serving(app_in(tmp_path)) as client:
        asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
        answer = client.options("/v1/label", headers=asked)
        assert answer.status_code == 405
        assert not any(name.lower().startswith("access-control") for name in answer.headers)


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("9f1c2d3e-0000-4000-8000-123456789abc", True),
        ("0af7651916cd43dd8448eb211c80319c", True),
        ("ZZPATIENTZZ-ZZPATIENTZZ", False),
        ("abc", False),
        ("a" * 65, False),
    ],
)
def test_a_request_id_is_taken_over_when_it_can_hold_no_name(tmp_path: Path, given: str, taken: bool) -> None:
    with serving(app_in(tmp_path)) as client:
        answer = client.get("/livez", headers={"X-Request-ID": given})
        assert (answer.headers["X-Request-ID"] == given) is taken
        assert len(answer.headers["X-Request-ID"]) >= 32


@pytest.mark.parametrize("host", ["localhost", "localhost:80", "127.0.0.1:8000", "[::1]:8000", "me.example"])
def test_names_of_this_machine_are_let_in(tmp_path: Path, host: str) -> None:
    with serving(app_in(tmp_path, hosts=["me.example"])) as client:
        assert client.get("/v1/panels", headers={"Host": host}).status_code == 200


def test_beyond_this_machine_the_names_that_are_set_and_its_own_are_let_in(tmp_path: Path) -> None:
    with serving(app_in(tmp_path, host="0.0.0.0", without_keys=True, hosts=["me.example"])) as client:
        codes = {
            host: client.get("/v1/panels", headers={"Host": host}).status_code
            for host in ("me.example", "127.0.0.1:8000", "10.0.3.7:8000")
        }
        assert codes == {"me.example": 200, "127.0.0.1:8000": 200, "10.0.3.7:8000": 403}
        for probe in ("/livez", "/readyz"):
            assert client.get(probe, headers={"Host": "10.0.3.7:8000"}).status_code == 200
            assert client.head(probe, headers={"Host": "10.0.3.7:8000"}).status_code == 200


def test_places_that_are_not_there_are_told_before_anything_starts(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"job root .* is no folder"):
        app_in(tmp_path, job_roots=[tmp_path / "none"])
    with pytest.raises(SettingsError, match="there is no folder"):
        app_in(tmp_path, audit_file=tmp_path / "none" / "audit.jsonl")


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", ""])
def test_names_that_are_led_here_from_elsewhere_are_not(tmp_path: Path, host: str) -> None:
    with serving(app_in(tmp_path)) as client:
        answer = client.get("/v1/panels", headers={"Host": host})
        assert answer.status_code == 403
        assert answer.json()["type"] == "urn:reportnlp:problem:host-not-allowed"


def test_with_keys_only_their_owners_get_in(tmp_path: Path, file: Path) -> None:
    key = keys.add(file, "research")
    with serving(app_in(tmp_path, keys_file=file)) as client:
        for path in OPEN:
            assert client.get(path).status_code == 200
        for path in CLOSED:
            for wrong in ({}, bearer("rnlp_wrong"), {"Authorization": f"Basic {key}"}, {"X-API-Key": ""}):
                answer = client.get(path, headers=wrong)
                assert answer.status_code == 401
                assert answer.headers["WWW-Authenticate"] == "Bearer"
        assert client.post("/v1/label", json=REPORT).status_code == 401
        assert client.post("/v1/label", json=REPORT, headers=bearer(key)).status_code == 200
        assert client.post("/v1/label", json=REPORT, headers={"X-API-Key": key}).status_code == 200
    lines = [json.loads(line) for line in (tmp_path / "audit.jsonl").read_text("utf-8").splitlines()]
    assert [line["caller"] for line in lines if line["status"] == 200] == ["research"] * 2
    assert key not in (tmp_path / "audit.jsonl").read_text("utf-8")


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_each_key_has_its_own_quota(tmp_path: Path, file: Path) -> None:
    first, second = keys.add(file, "first"), keys.add(file, "second")
    with serving(app_in(tmp_path, keys_file=file, quota_per_minute=1)) as client:
        codes = [label(client, key) for key in (first, first, second, second)]
    assert codes == [200, 429, 200, 429]


def label(client: TestClient, key: str) -> int:
    return client.post("/v1/label", json=REPORT, headers=bearer(key)).status_code


def test_keys_are_kept_as_hashes_and_for_their_owner_alone(file: Path) -> None:
    key = keys.add(file, "research")
    other = keys.add(file, "clinic")
    assert key != other and len(key) > 40
    assert key not in file.read_text("utf-8") and other not in file.read_text("utf-8")
    assert file.stat().st_mode & 0o777 == 0o600
    known = Keys(file)
    assert (known.owner(key), known.owner(other), known.owner(key[:-1])) == ("research", "clinic", None)


def test_a_revoked_key_is_refused_without_a_restart(file: Path) -> None:
    now = 0.0
    key = keys.add(file, "research")
    known = Keys(file, lambda: now)
    keys.revoke(file, "research")
    assert known.owner(key) == "research"
    now = 1.0
    assert known.owner(key) is None
    new = keys.add(file, "research")
    now = 2.0
    assert known.owner(new) == "research"


@pytest.mark.parametrize("broken", ["", "{}x", '{"keys": 1}', None])
def test_where_the_keys_cannot_be_read_nobody_gets_in(
    file: Path, broken: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    key = keys.add(file, "research")
    known = Keys(file, lambda: now)
    if broken is None:
        file.unlink()
    else:
        file.write_text(broken)
    now = 1.0
    assert known.owner(key) is None
    assert "No key is known until it is mended" in caplog.text
    with pytest.raises(KeysError, match="reportnlp serve keys add NAME --file"):
        Keys(file)


def test_mistakes_with_keys_are_told_with_the_mend(file: Path) -> None:
    with pytest.raises(KeysError, match="cannot be called 'a b'"):
        keys.add(file, "a b")
    keys.add(file, "research")
    with pytest.raises(KeysError, match="a key 'research' already"):
        keys.add(file, "research")
    with pytest.raises(KeysError, match=r"no key 'reserch'\. There are: research\."):
        keys.revoke(file, "reserch")
    with pytest.raises(KeysError, match="cannot be written"):
        keys.add(file.parent / "gone" / "keys.json", "research")


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.2", "example.org"])
def test_listening_beyond_this_machine_needs_keys(host: str, file: Path) -> None:
    with pytest.raises(SettingsError, match=r"reportnlp serve keys add NAME .* --without-keys"):
        check_exposure(Settings(host=host))
    check_exposure(Settings(host=host, keys_file=file))
    check_exposure(Settings(host=host, without_keys=True))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "localhost", "::1"])
def test_listening_to_this_machine_needs_none(host: str) -> None:
    check_exposure(Settings(host=host))


def test_settings_come_from_the_environment_and_what_is_given_goes_before(tmp_path: Path) -> None:
    environment = {
        "REPORTNLP_PORT": "8080",
        "REPORTNLP_PANEL": "head_ct",
        "REPORTNLP_MODEL_ROOTS": f"{tmp_path}:/models",
        "REPORTNLP_SERVICE_HOST": "10.0.0.1",
        "REPORTNLP_PORT_8000_TCP_PORT": "8000",
        "REPORTNLP_HOST": "tcp://10.0.0.1:8000",
        "REPORTNLP_DEBUG": "1",
        "REPORTNLP_DATA_DIR": str(tmp_path),
    }
    settings = read_settings(environment, panel="pe", method=None)
    assert (settings.port, settings.panel, settings.method) == (8080, "pe", "auto")
    assert settings.model_roots == (tmp_path, Path("/models"))
    assert settings.jobs_url == f"sqlite:///{tmp_path}/jobs.sqlite"


def test_a_variable_that_no_setting_has_is_told(caplog: pytest.LogCaptureFixture) -> None:
    read_settings({"REPORTNLP_COLOUR": "secret", "REPORTNLP_DEBUG": "1"})
    assert "REPORTNLP_COLOUR" in caplog.text
    assert "secret" not in caplog.text and "DEBUG" not in caplog.text


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("REPORTNLP_PROT", "8080", "Did you mean REPORTNLP_PORT?"),
        ("REPORTNLP_QUEUE_TOKEN", "1", "Did you mean REPORTNLP_QUEUE_TOKENS?"),
        ("REPORTNLP_KEYS", "5", "Did you mean REPORTNLP_KEYS_FILE?"),
        ("REPORTNLP_QUOTA", "5", "Did you mean REPORTNLP_QUOTA_PER_MINUTE?"),
        (
            "REPORTNLP_PORT",
            "abc",
            r"REPORTNLP_PORT\) was given as 'abc'. It should be a valid integer\.$",
        ),
        ("REPORTNLP_WORKERS", "-1", "It should be greater than or equal to 0."),
    ],
)
def test_a_wrong_setting_is_told_with_the_mend(variable: str, value: str, message: str) -> None:
    with pytest.raises(SettingsError, match=message):
        read_settings({variable: value})
