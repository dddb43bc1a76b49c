"""Numbers with units, and sizes: "12 oz", "12oz" and "12 ounces" are one word."""

import re

_UNITS = {
    "oz": "oz ounce ounces",
    "lb": "lb lbs pound pounds",
    "g": "g gr gram grams gramm gramme grammes gramos",
    "kg": "kg kgs kilo kilos kilogram kilograms",
    "mg": "mg milligram milligrams",
    "mcg": "mcg microgram micrograms",
    "ml": "ml milliliter milliliters millilitre millilitres",
    "cl": "cl centiliter centilitre",
    "l": "l liter liters litre litres",
    "gal": "gal gallon gallons",
    "qt": "qt quart quarts",
    "pt": "pt pint pints",
    "inch": "in inch inches",
    "ft": "ft foot feet",
    "yd": "yd yds yard yards",
    "mm": "mm millimeter millimeters millimetre millimetres",
    "cm": "cm centimeter centimeters centimetre centimetres",
    "m": "m meter meters metre metres",
    "w": "w watt watts",
    "v": "v volt volts",
    "a": "a amp amps ampere",
    "mah": "mah",
    "hz": "hz hertz",
    "khz": "khz",
    "mhz": "mhz",
    "ghz": "ghz",
    "kb": "kb",
    "mb": "mb megabyte megabytes",
    "gb": "gb gigabyte gigabytes",
    "tb": "tb terabyte terabytes",
    "mp": "mp megapixel megapixels",
    "pack": "pack packs pk pks",
    "piece": "piece pieces pc pcs",
    "count": "count counts ct cnt",
    "year": "year years yr yrs",
    "month": "month months mo mos",
}
_UNIT_OF = {written: unit for unit, forms in _UNITS.items() for written in forms.split()}
_ONLY_ATTACHED = frozenset(("in", "a", "m"))  # alone they are words, or a size

_SIGNS = {'"': "inch", "\u201d": "inch", "\u2033": "inch", "''": "inch", "\u2032": "ft"}
_ATTACHED = re.compile(r"(\d+(?:\.\d+)?)([a-z]{1,11})")
_MEASURE = re.compile(r"([\d./]+)([a-z]*)")
_BIG = re.compile(r"(x{1,6})(l|s)|([1-9])x(l?)")
_X_LARGE = {"large": "l", "small": "s"}


def unit_of(word: str) -> str:
    """The unit that a word alone after a number stands for, "" for none."""
    return "" if word in _ONLY_ATTACHED else _UNIT_OF.get(word, "")


def sign_unit(sign: str) -> str:
    """The unit of a sign straight after a number, as in 12"."""
    return _SIGNS.get(sign, "")


def attached(word: str) -> tuple[str, str] | None:
    """The number and the unit of a word such as "12oz", None for any other."""
    match = _ATTACHED.fullmatch(word)
    unit = _UNIT_OF.get(match.group(2)) if match else None
    return (match.group(1), unit) if match and unit else None


def measure_of(word: str) -> tuple[str, str]:
    """The number and the unit of a measure as analysis writes it; two empty texts for any other word."""
    if not word[:1].isdigit():
        return "", ""
    match = _MEASURE.fullmatch(word)
    return (match.group(1), match.group(2)) if match else ("", "")


def size(word: str) -> str:
    """Sizes of clothes in one form: "xxl" is "2xl", "xl" stays; "" for what is none."""
    match = _BIG.fullmatch(word)
    if match is None:
        return ""
    times = len(match.group(1)) if match.group(1) else int(match.group(3))
    end = match.group(2) or "l"
    return f"x{end}" if times == 1 else f"{times}x{end}"


def spelled_size(first: str, second: str) -> str:
    """The size that "x" or "xx" and "large" or "small" name together, "" for other words."""
    end = _X_LARGE.get(second)
    return size(first + end) if end and set(first) == {"x"} else ""


def plain_number(digits: str) -> str:
    """A number without signs of thousands, its fraction after a point: "1,000" is "1000", "1,5" is "1.5"."""
    whole, sign, rest = digits.partition(",")
    if not sign:
        return digits
    return whole + rest if len(rest) == 3 else f"{whole}.{rest}"  # noqa: PLR2004 - thousands have three digits
