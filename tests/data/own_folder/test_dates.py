"""Days as tables write them: read where they can mean one day only, by the order that the column shows, or refused."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mammoscribe.data.own_folder.dates import DateOrder, OrderFound, date_of
from mammoscribe.support.errors import InputError

DAYS = st.dates(dt.date(1900, 1, 1), dt.date(2100, 1, 1))
TIMES = st.sampled_from(["", " 10:05", "T10:05:59", " 00:00:00", "T10:05:59.5Z", " 10:05 PM", ", 10:05 h"])
SPANISH = [
    "enero",
    "febrero",
    "marzo",
    "abril",
    "mayo",
    "junio",
    "julio",
    "agosto",
    "septiembre",
    "octubre",
    "noviembre",
    "diciembre",
]
PORTUGUESE = [
    "janeiro",
    "fevereiro",
    "março",
    "abril",
    "maio",
    "junho",
    "julho",
    "agosto",
    "setembro",
    "outubro",
    "novembro",
    "dezembro",
]


@given(DAYS, TIMES)
def test_a_day_is_read_in_every_form_that_can_mean_one_day_only(day, time):
    for form in (
        "%Y-%m-%d",
        "%Y/%m/%d",
        "%Y%m%d",
        "%d.%m.%Y",
        "%Y.%m.%d",
        "%d %b %Y",
        "%d-%B-%Y",
        "%B %d, %Y",
        "%d%b%Y",
    ):
        assert date_of(f"{day:{form}}{time}") == day
    assert date_of(f"{day.year}-{day.month}-{day.day}") == day
    assert date_of(f"{day.day} de {SPANISH[day.month - 1]} de {day.year}") == day
    assert date_of(f"{day.day} de {PORTUGUESE[day.month - 1]} de {day.year}") == day


@given(DAYS, st.sampled_from("/-"), TIMES)
def test_numbers_are_read_in_the_order_that_is_given(day, mark, time):
    assert date_of(f"{day.day}{mark}{day.month:02}{mark}{day.year}{time}", DateOrder.DMY) == day
    assert date_of(f"{day.month:02}{mark}{day.day}{mark}{day.year}{time}", DateOrder.MDY) == day
    if day.day > 12:
        assert date_of(f"{day.day}{mark}{day.month}{mark}{day.year}") == day


def test_no_text_is_no_day():
    assert date_of("") is None


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("01/02/2020", "can be two days"), ("1-2-2020", "can be two days"), ("20-01-02", "can be two days"), ("5/5/05", "two days"),
        ("2020-13-01", "the date"), ("31/02/2020", "the date"), ("soon", "the date"), ("2020-01-02 or later", "the date"),
        ("20200102123", "the date"), ("2020-0102", "the date"), ("32.01.2020", "the date"), ("jui 3 2020", "the date"),
        ("43832", "count of days (2020-01-02?)"), ("43832.5", "count of days"),
    ],
)  # fmt: skip
def test_another_form_is_refused(text, told):
    with pytest.raises(InputError) as error:
        date_of(text)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "day"), [("02.01.20", "2020-01-02"), ("2-Jan-69", "2069-01-02"), ("2-Jan-70", "1970-01-02")]
)
def test_a_year_of_two_digits_is_of_this_century_or_the_last(text, day):
    assert str(date_of(text)) == day


def order_of(*dates):
    found = OrderFound()
    for text in dates:
        found.note(text)
    return found.order("Date")


def test_one_date_that_can_only_be_read_in_one_order_shows_that_of_the_column():
    assert order_of("01/02/2020", "25/12/2020", "2020-01-02") is DateOrder.DMY
    assert order_of("01/02/2020", "12/25/2020") is DateOrder.MDY
    assert order_of("2020-01-02", "soon") is None


def test_dates_that_show_no_order_or_both_are_refused():
    with pytest.raises(InputError, match="such as '01/02/2020', can all be two days; expected report_date_order"):
        order_of("01/02/2020", "03/04/2020")
    with pytest.raises(InputError, match="of two orders, '25/12/2020' and '12/25/2020'"):
        order_of("25/12/2020", "12/25/2020", "01/02/2020")
