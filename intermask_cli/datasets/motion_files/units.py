"""Units of length by the names that people type."""

from __future__ import annotations

from intermask_cli.errors import InputError
from intermask_cli.motion.body_check import METRES_PER_UNIT

#: Canonical name -> other spellings; compared in lower case.
_SPELLINGS = {
    "m": ("metre", "metres", "meter", "meters"),
    "cm": ("centimetre", "centimetres", "centimeter", "centimeters"),
    "mm": ("millimetre", "millimetres", "millimeter", "millimeters"),
    "inch": ("in", "inches", '"'),
    "foot": ("ft", "feet", "'"),
    "cmu": (),
}
#: Canonical name -> metres.
METRES = METRES_PER_UNIT
#: Which spelling is the plural.
_PLURAL = {"m": 1, "cm": 1, "mm": 1, "inch": 1, "foot": 1}
_NAMES = {spelling: unit for unit in METRES for spelling in (unit, *_SPELLINGS[unit])}


def metres_per_unit(text: str) -> float:
    """Metres per unit of a name or of a number; InputError for anything else."""
    name = text.strip().lower()
    if name in _NAMES:
        return METRES[_NAMES[name]]
    try:
        factor = float(name)
    except ValueError:
        factor = 0.0
    if not 1e-6 <= factor <= 1e6:
        raise InputError(f"units {text!r}; accepted: {', '.join(METRES)}, or metres per unit as a number")
    return factor


def unit_name(metres: float) -> str:
    """The name of a unit of this length for the report."""
    for name, length in METRES.items():
        if abs(metres / length - 1) < 1e-4:
            return (_SPELLINGS[name] or ("units of the CMU library",))[_PLURAL.get(name, 0)]
    return f"units of {metres:g} m"
