"""The sample is what the README shows, and it is valid."""

from pathlib import Path

import msgspec
import pytest

import takt_adapters.mtconnect
from takt_adapters.builtin import installed_adapters
from takt_adapters.mtconnect import MtconnectSettings
from takt_adapters.mtconnect.model import FIELDS
from taktledger.config import load_config

PACKAGE = Path(takt_adapters.mtconnect.__file__).parent
README = (PACKAGE / "README.md").read_text()


def test_the_readme_shows_the_sample() -> None:
    shown = README.split("<!-- sample.toml -->\n```toml\n")[1].split("```\n<!-- end of sample.toml -->")[0]
    assert shown == (PACKAGE / "sample.toml").read_text()


def test_the_sample_is_valid_and_uses_everything() -> None:
    (machine,) = load_config(PACKAGE / "sample.toml", installed_adapters()).machines
    settings = machine.settings
    assert isinstance(settings, MtconnectSettings)
    assert all(getattr(settings, name) for name in MtconnectSettings.__struct_fields__)


def test_the_readme_names_every_setting_and_every_data_item() -> None:
    for name in MtconnectSettings.__struct_fields__:
        assert name in README, name
    for field, kinds in FIELDS.items():
        assert f"`{field}`" in README, field
        for kind in kinds:
            assert f"`{kind.type}`" in README, kind.type


@pytest.mark.parametrize(
    "url",
    [
        "",
        "192.0.2.10",
        "ftp://host",
        "http://",
        "http://h:0",
        "http://h:x",
        "http://h:65536",
        "http://h/?a=1",
        "http://h?",
        "http://h#",
        "http://h h",
        "http://h\\x",
        "http://999.1.1.1",
        "http://[v1.x]",
        "http://xn--z--",
        "http://a\tb",
    ],
)
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises((msgspec.ValidationError, ValueError)):
        msgspec.convert({"url": url}, MtconnectSettings)
