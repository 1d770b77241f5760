"""Values that rules compare: numbers, moments, days and years, spans of time, words, and what cannot be read.

Follows XML Schema 1.1 part 2. A day (``xsd:date``), a month or a year is a stretch of time, so "until 31 December"
holds until that day is over. Two values that cannot be compared for certain compare to None, which is neither yes nor
no.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation


@dataclass(frozen=True)
class Period:
    """A day, a month or a year: from ``start`` up to, not including, ``end``; ``text`` as it was written."""

    text: str
    start: datetime
    end: datetime


@dataclass(frozen=True)
class Span:
    """A length of time: ``months`` and ``seconds`` are kept apart, since a month has no fixed length."""

    text: str
    months: int
    seconds: Decimal


@dataclass(frozen=True)
class Unreadable:
    """Something that claims to be of a type and is not."""

    text: str
    datatype: str


Scalar = str | int | float | bool | Decimal | datetime | Period | Span | Unreadable
Value = Scalar | tuple[Scalar, ...]

XSD = "http://www.w3.org/2001/XMLSchema#"
_WHOLE = frozenset(
    [
        "integer",
        "int",
        "long",
        "short",
        "byte",
        "nonNegativeInteger",
        "positiveInteger",
        "nonPositiveInteger",
        "negativeInteger",
        "unsignedInt",
        "unsignedLong",
        "unsignedShort",
        "unsignedByte",
    ]
)
_ZONE = r"(Z|[+-]\d\d:\d\d)?"
_DATE = re.compile(rf"(\d{{4}})-(\d\d)-(\d\d){_ZONE}")
_MONTH = re.compile(rf"(\d{{4}})-(\d\d){_ZONE}")
_YEAR = re.compile(rf"(\d{{4}}){_ZONE}")
_SPAN = re.compile(
    r"(-)?P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)D)?(T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?",
)


def read(text: str, datatype: str) -> Scalar:
    """Read a literal of a type of XML Schema; an unknown type gives its text, a false claim ``Unreadable``.

    A moment without a zone counts as UTC: a rule must mean the same on every machine.
    """
    name = datatype.removeprefix(XSD) if datatype.startswith(XSD) else ""
    text = text.strip() if name and name != "string" else text
    reader = _READERS.get(name) or (_whole if name in _WHOLE else None)
    if reader is None:
        return text
    try:
        return reader(text)
    except (ValueError, InvalidOperation, OverflowError):
        return Unreadable(text, datatype)


def typed(value: Scalar) -> tuple[str, str] | None:
    """Return text and XML Schema type of a value that is no plain word; the other way round from ``read``."""
    match value:
        case bool():
            return ("true" if value else "false"), "boolean"
        case int():
            return str(value), "integer"
        case Decimal():
            return str(value), "decimal"
        case float():
            return repr(value), "double"
        case datetime():
            return _moment_text(value), "dateTime"
        case Period():
            return value.text, {10: "date", 7: "gYearMonth", 4: "gYear"}.get(
                len(re.sub(r"Z$|[+-]\d\d:\d\d$", "", value.text)), "date"
            )
        case Span():
            return value.text, "duration"
        case Unreadable():
            return value.text, value.datatype.removeprefix(XSD)
    return None


def same(a: Scalar, b: Scalar) -> bool | None:
    """Say whether two values are the same; None when they are of kinds that cannot be compared."""
    if isinstance(a, Unreadable) or isinstance(b, Unreadable):
        return None
    if isinstance(a, str) and isinstance(b, str):
        return a == b
    if isinstance(a, bool) or isinstance(b, bool):
        return a == b if isinstance(a, bool) and isinstance(b, bool) else None
    if isinstance(a, Period) and isinstance(b, Period):
        return (a.start, a.end) == (b.start, b.end)
    first, second = (b, a) if isinstance(a, Period) else (a, b)
    if isinstance(second, Period):
        return second.start <= first < second.end if isinstance(first, datetime) and first.tzinfo else None
    if isinstance(a, Span) and isinstance(b, Span):
        return (a.months, a.seconds) == (b.months, b.seconds)
    pair = _comparable(a, b)
    return None if pair is None else pair[0] == pair[1]


def ordered(operator: str, a: Scalar, b: Scalar) -> bool | None:
    """Say whether ``a`` is lt, lteq, gt or gteq ``b``; None when that cannot be told."""
    if isinstance(b, Period) and isinstance(a, datetime):
        return _ORDER[operator](a, _edge(operator, b)) if a.tzinfo else None
    if isinstance(a, Period) and isinstance(b, datetime):
        return None if not b.tzinfo else _all_of(operator, a, b)
    if isinstance(a, Period) and isinstance(b, Period):
        return _ORDER[operator](a.start, b.start) if a.end - a.start == b.end - b.start else None
    if isinstance(a, Span) and isinstance(b, Span):
        return _spans(operator, a, b)
    pair = _comparable(a, b)
    return None if pair is None else _ORDER[operator](*pair)


def bounds(value: Scalar) -> tuple[float, float] | None:
    """Return where a value begins and ends on the line of its kind; None for what has no order."""
    match value:
        case bool() | str() | Unreadable():
            return None
        case datetime():
            return (value.timestamp(), value.timestamp()) if value.tzinfo else None
        case Period():
            return value.start.timestamp(), value.end.timestamp()
        case Span():
            seconds = float(value.seconds)
            return value.months * _SHORT + seconds, value.months * _LONG + seconds
    return float(value), float(value)


def kind(value: Scalar) -> str:
    """Name the line on which a value lies: number, moment, span, truth or word."""
    match value:
        case bool():
            return "truth"
        case str() | Unreadable():
            return "word"
        case datetime() | Period():
            return "moment"
        case Span():
            return "span"
    return "number"


_SHORT, _LONG = 28 * 86400.0, 31 * 86400.0
_ORDER: Mapping[str, Callable[[object, object], bool]] = {
    "lt": lambda a, b: a < b,  # type: ignore[operator]  # only called with two of one kind
    "lteq": lambda a, b: a <= b,  # type: ignore[operator]
    "gt": lambda a, b: a > b,  # type: ignore[operator]
    "gteq": lambda a, b: a >= b,  # type: ignore[operator]
}


def _edge(operator: str, period: Period) -> datetime:
    """The moment that a comparison with a whole day means: before it begins, until it is over."""
    if operator == "lteq":
        return period.end - timedelta(microseconds=1)
    if operator == "gt":
        return period.end - timedelta(microseconds=1)
    return period.start


def _all_of(operator: str, a: Period, b: datetime) -> bool | None:
    """Compare a whole day with a moment: certain only when the whole day lies on one side."""
    ends = {_ORDER[operator](moment, b) for moment in (a.start, a.end - timedelta(microseconds=1))}
    return ends.pop() if len(ends) == 1 else None


def _spans(operator: str, a: Span, b: Span) -> bool | None:
    """Compare lengths as XML Schema does: by their shortest and longest reading, which must agree."""
    low, high = bounds(a), bounds(b)
    if low is None or high is None:
        return None
    if a.months == b.months:
        return _ORDER[operator](a.seconds, b.seconds)
    answers = {_ORDER[operator](x, y) for x in low for y in high}
    return answers.pop() if len(answers) == 1 else None


def _comparable(a: Scalar, b: Scalar) -> tuple[object, object] | None:
    if isinstance(a, datetime) and isinstance(b, datetime):
        return (a, b) if a.tzinfo and b.tzinfo else None
    numbers = (int, float, Decimal)
    if isinstance(a, bool) or isinstance(b, bool) or not isinstance(a, numbers) or not isinstance(b, numbers):
        return None
    if isinstance(a, float) or isinstance(b, float):
        return float(a), float(b)
    return a, b


def _whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?\d+", text):
        raise ValueError(text)
    return int(text)


def _decimal(text: str) -> Decimal:
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)", text):
        raise ValueError(text)
    return Decimal(text)


def _double(text: str) -> float:
    if not re.fullmatch(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?", text):
        raise ValueError(text)
    return float(text)


def _boolean(text: str) -> bool:
    return {"true": True, "1": True, "false": False, "0": False}[text] if text in _TRUTHS else _refuse(text)


_TRUTHS = ("true", "1", "false", "0")


def _refuse(text: str) -> bool:
    raise ValueError(text)


def _moment(text: str) -> datetime:
    if not re.fullmatch(rf"\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?{_ZONE}", text):
        raise ValueError(text)
    fraction = re.search(r"\.(\d+)", text)
    if fraction and len(fraction[1]) > 6:
        text = text.replace(fraction[0], "." + fraction[1][:6])
    read_ = datetime.fromisoformat(text)
    return read_ if read_.tzinfo else read_.replace(tzinfo=UTC)


def _zone(text: str | None) -> str:
    return text or "+00:00"


def _date(text: str) -> Period:
    found = _DATE.fullmatch(text)
    if not found:
        raise ValueError(text)
    start = datetime.fromisoformat(f"{found[1]}-{found[2]}-{found[3]}T00:00:00{_zone(found[4])}")
    return Period(text, start, start + timedelta(days=1))


def _month(text: str) -> Period:
    found = _MONTH.fullmatch(text)
    if not found:
        raise ValueError(text)
    start = datetime.fromisoformat(f"{found[1]}-{found[2]}-01T00:00:00{_zone(found[3])}")
    return Period(text, start, start.replace(year=start.year + start.month // 12, month=start.month % 12 + 1))


def _year(text: str) -> Period:
    found = _YEAR.fullmatch(text)
    if not found:
        raise ValueError(text)
    start = datetime.fromisoformat(f"{found[1]}-01-01T00:00:00{_zone(found[2])}")
    return Period(text, start, start.replace(year=start.year + 1))


def _span(text: str) -> Span:
    found = _SPAN.fullmatch(text)
    if not found or not any(found.group(n) for n in (2, 3, 4, 6, 7, 8)) or found[5] == "T":
        raise ValueError(text)
    years, months, days, hours, minutes = (int(found.group(n) or 0) for n in (2, 3, 4, 6, 7))
    sign = -1 if found[1] else 1
    seconds = Decimal(days * 86400 + hours * 3600 + minutes * 60) + Decimal(found[8] or 0)
    return Span(text, sign * (years * 12 + months), sign * seconds)


def _moment_text(at: datetime) -> str:
    text = at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{at.microsecond:06d}".rstrip("0") if at.microsecond else "") + "Z"


_READERS: Mapping[str, Callable[[str], Scalar]] = {
    "dateTime": _moment,
    "dateTimeStamp": _moment,
    "date": _date,
    "gYearMonth": _month,
    "gYear": _year,
    "duration": _span,
    "dayTimeDuration": _span,
    "yearMonthDuration": _span,
    "boolean": _boolean,
    "decimal": _decimal,
    "double": _double,
    "float": _double,
}
