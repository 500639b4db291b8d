"""What users like: a share for each kind of picture, drifting from week to week."""

import numpy as np

from include.demo.arrays import Floats, Ints


def kind_prior(kinds: int) -> Floats:
    """Return how common each kind is overall, falling gently with its position; sums to 1."""
    weights = 1 / np.sqrt(np.arange(1, kinds + 1))
    shares: Floats = weights / weights.sum()
    return shares


class Taste:
    """Logistic-normal shares over kinds (categories or hidden styles), one row per user."""

    def __init__(self, prior: Floats, strength: float, weekly_drift: float) -> None:
        """Start without users; `strength` is the standard deviation of the log shares."""
        self._log_prior = np.log(prior)
        self._strength = strength
        self._keep = np.sqrt(1 - weekly_drift)
        self._renew = np.sqrt(weekly_drift)
        self._leaning = np.empty((0, len(prior)))
        self._refresh()

    def welcome(self, rng: np.random.Generator, count: int) -> None:
        """Add users with fresh tastes."""
        fresh = rng.standard_normal((count, len(self._log_prior)))
        self._leaning = np.concatenate([self._leaning, fresh])
        self._refresh()

    def drift(self, rng: np.random.Generator) -> None:
        """Move every taste one week on; how strong tastes are overall does not change."""
        self._leaning = self._keep * self._leaning + self._renew * rng.standard_normal(self._leaning.shape)
        self._refresh()

    def turn(self, users: Ints) -> None:
        """Turn tastes around: what these users liked most they like least. What all users like together stays alike."""
        self._leaning[users] *= -1
        self._refresh()

    def pick(self, rng: np.random.Generator, users: Ints) -> Ints:
        """Draw one kind per entry of `users`."""
        draws = rng.random(len(users))
        kinds: Ints = (draws[:, None] > self._cumulative[users, :-1]).sum(axis=1)
        return kinds

    def liking(self, users: Ints, kinds: Ints) -> Floats:
        """Return how much each user likes each kind, relative to the user's favourite (0 to 1)."""
        relative: Floats = self._relative[users, kinds]
        return relative

    def _refresh(self) -> None:
        logits = self._log_prior + self._strength * self._leaning
        self._relative = np.exp(logits - logits.max(axis=1, keepdims=True))
        cumulative = self._relative.cumsum(axis=1)
        self._cumulative = cumulative / cumulative[:, -1:]
