"""The sample is what the README shows, and it is valid. And what isn't."""

import shutil
from pathlib import Path

import pytest

import takt_adapters.opcua
from takt_adapters.builtin import installed_adapters
from takt_adapters.opcua.settings import (
    Alarm,
    Beat,
    HoldOutput,
    Number,
    OpcuaSettings,
    Text,
    Values,
)
from taktledger.config import ConfigError, load_config

PACKAGE = Path(takt_adapters.opcua.__file__).parent
README = (PACKAGE / "README.md").read_text()
OR_ELSE = ("user_certificate", "user_private_key")
"""In the sample they are a comment: it has a user name."""


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """The sample, and the files that it names."""
    for name in ("edge.der", "edge.pem", "password.txt", "user.der", "user.pem"):
        (tmp_path / name).touch()
    return Path(shutil.copy(PACKAGE / "sample.toml", tmp_path / "shop.toml"))


def test_the_readme_shows_the_sample() -> None:
    shown = README.split("<!-- sample.toml -->\n```toml\n")[1].split("```\n<!-- end of sample.toml -->")[0]
    assert shown == (PACKAGE / "sample.toml").read_text()


def test_the_sample_is_valid_and_uses_everything(shop: Path) -> None:
    (machine,) = load_config(shop, installed_adapters()).machines
    settings = machine.settings
    assert isinstance(settings, OpcuaSettings)
    assert all(getattr(settings, name) for name in OpcuaSettings.__struct_fields__ if name not in OR_ELSE)
    assert all(getattr(settings.values, name) for name in Values.__struct_fields__)
    assert settings.server_certificate == shop.parent / "mill-2.der"
    for name in OR_ELSE:
        assert f"# {name} = " in shop.read_text()


def test_the_readme_names_every_setting() -> None:
    for kind in (OpcuaSettings, Values, Number, Text, Alarm, Beat, HoldOutput):
        for name in kind.__struct_fields__:
            assert name in README, name


@pytest.mark.parametrize(
    ("old", "new", "error"),
    [
        ("opc.tcp://192.0.2.10:4840", "http://192.0.2.10:4840", 'url: expected "opc.tcp://HOST:PORT"'),
        ("opc.tcp://192.0.2.10:4840", "opc.tcp://192.0.2.10", 'url: expected "opc.tcp://HOST:PORT"'),
        ("opc.tcp://192", "opc.tcp://me:secret@192", "url: a user name belongs into user"),
        ('"Basic256Sha256"', '"Basic256"', 'security_policy: expected "Aes128_Sha256_RsaOaep", "Aes256'),
        ('"Basic256Sha256"', '"None"', "certificate: not without a security_policy"),
        ('certificate = "edge.der"', "", 'certificate: missing, security_policy = "Basic256Sha256" needs it'),
        ('"edge.pem"', '"other.pem"', "private_key: there is no file"),
        ('server_certificate = "mill-2.der"', "", "server_certificate: missing"),
        ('password_file = "password.txt"', "", "password_file: missing, it goes together with user"),
        ('# user_certificate = "user.der"', 'user_certificate = "user.der"', "user_private_key: missing"),
        ('"password.txt"', '"nothing.txt"', "password_file: there is no file"),
        ("ns=2;s=Counter", "ns=2;x=Counter", '[machine.opcua.values.part_count] node: expected a NodeId like "ns=2;s='),
        ("ns=2;i=1021", "ns=2;i=ten", "node: expected a NodeId like"),
        ("0:Objects/2:Machine/2:State", "0:Objects//2:State", "path: expected a browse path like"),
        ('path = "0:Objects/2:Machine/2:State"', "", "node: expected either node or path"),
        ("scale = 0.1", "scale = 0", "scale: 0 makes every value 0"),
        ('code = "1010"\ntype = "COOLANT"', "", "code: missing, an alarm needs a code or a type"),
        ('code = "1010"\ntype = "COOLANT"', 'code = "E-STOP"', "alarms: two have the same code and type"),
        ("off = 0", "off = 1", "off: expected another number than on, got 1"),
    ],
)
def test_what_is_wrong_is_found_before_anything_starts(shop: Path, old: str, new: str, error: str) -> None:
    text = shop.read_text()
    assert old in text
    shop.write_text(text.replace(old, new, 1))
    with pytest.raises(ConfigError) as found:
        load_config(shop, installed_adapters())
    assert error in str(found.value)
