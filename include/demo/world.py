"""Everything that changes from day to day, in one place."""

from dataclasses import dataclass

from include.demo.audience import Audience
from include.demo.catalogue import Catalogue
from include.demo.photo_service import PhotoService
from include.demo.viewing_memory import ViewingMemory


@dataclass(frozen=True)
class World:
    """A service with its users, its pictures, and what the users remember."""

    service: PhotoService
    audience: Audience
    catalogue: Catalogue
    memory: ViewingMemory

    @classmethod
    def of(cls, service: PhotoService) -> "World":
        """Return the world as the first day begins."""
        return cls(service, Audience(service), Catalogue(service), ViewingMemory())

    def wake(self, day: int) -> None:
        """Begin a day; days must be begun in order."""
        if day > 0:
            self.audience.wake(day)
        self.memory.make_room(len(self.audience))
