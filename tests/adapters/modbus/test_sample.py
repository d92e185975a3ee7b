"""The sample is what the README shows, and it is valid."""

from pathlib import Path

import takt_adapters.modbus
from adapters.certificates import Authority
from takt_adapters.builtin import installed_adapters
from takt_adapters.modbus.settings import Alarm, Heartbeat, HoldOutput, ModbusSettings, Number, Text, Values
from takt_adapters.modbus.tls import Tls
from taktledger.config import load_config

PACKAGE = Path(takt_adapters.modbus.__file__).parent
README = (PACKAGE / "README.md").read_text()


def test_the_readme_shows_the_sample() -> None:
    shown = README.split("<!-- sample.toml -->\n```toml\n")[1].split("```\n<!-- end of sample.toml -->")[0]
    assert shown == (PACKAGE / "sample.toml").read_text()


def test_the_sample_is_valid_and_uses_everything(tmp_path: Path) -> None:
    sample = tmp_path / "sample.toml"
    sample.write_bytes((PACKAGE / "sample.toml").read_bytes())
    certificate, private_key = Authority(tmp_path, "plant-ca").issue("edge")
    assert (certificate.name, private_key.name) == ("edge.pem", "edge-key.pem")
    (machine,) = load_config(sample, installed_adapters()).machines
    settings = machine.settings
    assert isinstance(settings, ModbusSettings)
    assert all(getattr(settings, name) for name in ModbusSettings.__struct_fields__)
    assert all(getattr(settings.tls, name) for name in Tls.__struct_fields__)
    assert all(getattr(settings.values, name) for name in Values.__struct_fields__)


def test_the_readme_names_every_setting() -> None:
    for kind in (ModbusSettings, Tls, Values, Number, Text, Alarm, Heartbeat, HoldOutput):
        for name in kind.__struct_fields__:
            assert name in README, name
