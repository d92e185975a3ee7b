"""Options: the settings of the whole shop."""

import msgspec
import pytest

from given import NOON, Given
from taktledger.domain.errors import Invalid
from taktledger.domain.options import OptionFields, OptionsEdited, edit_options


def test_the_defaults() -> None:
    """The shop's time zone: default `UTC`. `part_report_limit`: default 100."""
    options = Given().shop.options
    assert (options.timezone, options.part_report_limit) == ("UTC", 100)


def test_an_edit_carries_only_what_changed() -> None:
    given = Given().when(edit_options, OptionFields(timezone="Europe/Berlin", part_report_limit=100))
    given.then(OptionsEdited(occurred_at=NOON + 1, fields=OptionFields(timezone="Europe/Berlin")))
    assert given.shop.options.timezone == "Europe/Berlin"
    given.when(edit_options, OptionFields(timezone="Europe/Berlin")).then()


@pytest.mark.parametrize(
    "name", ["Mars/Olympus", "Europe", "../../etc/passwd", "/etc/localtime", "a\0b", " ", "\ud800"]
)
def test_a_time_zone_is_an_iana_name(name: str) -> None:
    """The option `timezone` (IANA name): an invalid field is 400."""
    Given().when(edit_options, OptionFields(timezone=name, part_report_limit=5)).then_error(Invalid, "timezone")


@pytest.mark.parametrize("body", [{"part_report_limit": 0}, {"part_report_limit": -1}, {"part_report_limit": 1.5}])
def test_a_limit_is_a_positive_integer(body: dict[str, object]) -> None:
    """A fraction for an integer rejects the whole request; with a limit of 0 no cycle could ever count."""
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(body, OptionFields)
