"""Readable titles for generated pictures."""

import numpy as np

from include.demo.arrays import Ints

_MOODS = (
    "Sleepy", "Curious", "Happy", "Tiny", "Proud", "Playful", "Hungry", "Shy", "Gentle", "Fluffy",
    "Brave", "Dreamy", "Cheeky", "Patient", "Elegant", "Wild",
)  # fmt: skip
_PLACES = {
    "cat": ("on the windowsill", "in a cardboard box", "behind the curtain", "on a warm keyboard"),
    "dog": ("on the beach", "under the kitchen table", "chasing autumn leaves", "in the first snow"),
    "bird": ("on a cherry branch", "at the feeder", "above the harbour", "in the reeds"),
    "rabbit": ("in the clover", "among the carrots", "by the old fence", "in tall grass"),
    "hedgehog": ("in the garden", "under fallen leaves", "in a teacup", "on the mossy path"),
    "horse": ("in the morning mist", "at the stable door", "by the river", "on the hill"),
    "fish": ("between the corals", "in the pond", "under a lily pad", "in clear water"),
    "reptile": ("on a warm stone", "in the ferns", "under the lamp", "on a branch"),
    "hamster": ("in a pile of hay", "with a sunflower seed", "in the wheel", "inside a mug"),
    "fox": ("at the edge of the wood", "in the snow", "under the moon", "in a field of barley"),
    "duck": ("in the rain", "on the village pond", "with six ducklings", "crossing the road"),
    "alpaca": ("on the mountain pass", "after the haircut", "in the farmyard", "with a striped scarf"),
}
_ANYWHERE = ("in the garden", "in the evening light", "after the rain", "on a quiet morning")


def write_titles(rng: np.random.Generator, names: tuple[str, ...], categories: Ints) -> list[str]:
    """Return one title per picture, such as "Sleepy hedgehog in the garden"; titles may repeat."""
    moods = rng.integers(len(_MOODS), size=len(categories))
    spots = rng.integers(len(_ANYWHERE), size=len(categories))
    return [
        f"{_MOODS[mood]} {names[category]} {_PLACES.get(names[category], _ANYWHERE)[spot]}"
        for mood, category, spot in zip(moods, categories, spots, strict=True)
    ]
