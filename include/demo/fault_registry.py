"""The faults that can be injected, by name."""

from collections.abc import Callable
from dataclasses import dataclass

from include.demo.errors import DemoError
from include.demo.landed_day import LandedDay


@dataclass(frozen=True)
class Fault:
    """Damage to a landed day; `share` is the usual share of rows damaged, None when that has no meaning."""

    sentence: str
    damage: Callable[[LandedDay], str]
    share: float | None

    def share_or(self, wanted: float | None) -> float:
        """Return the share to damage; DemoError when `wanted` is not a share or cannot be chosen for this fault."""
        if wanted is None:
            return 1.0 if self.share is None else self.share
        if self.share is None:
            raise DemoError("no share: this fault is all or nothing", f"share {wanted}", "leave the share out")
        if not 0 < wanted <= 1:
            raise DemoError("a share above 0, up to 1", f"share {wanted}", "give 0.08 for 8 %")
        return wanted


FAULTS: dict[str, Fault] = {}


def fault(share: float | None = None) -> Callable[[Callable[[LandedDay], str]], Callable[[LandedDay], str]]:
    """Register a function as the fault of its name; its docstring documents the fault."""

    def register(damage: Callable[[LandedDay], str]) -> Callable[[LandedDay], str]:
        FAULTS[damage.__name__] = Fault((damage.__doc__ or "").strip(), damage, share)
        return damage

    return register


def find_fault(name: str) -> Fault:
    """Return a fault by name; DemoError listing the names when there is none."""
    if name not in FAULTS:
        raise DemoError(f"one of {', '.join(FAULTS)}", repr(name), "python -m include.demo.faults --list explains them")
    return FAULTS[name]
