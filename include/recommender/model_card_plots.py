"""The pictures of a model card, each with a sentence for those who cannot see it. No colour says anything alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from include.recommender.model_card_drawing import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    axes_for,
    bars_of,
    in_percent,
    legend,
    styled,
    swarm,
    whiskers,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

    from include.recommender.contributions import Contributions
    from include.retraining.promotion.paired_bootstrap import Interval

BARS, DOTS_OF, DOTS = 15, 12, 400
# A rank correlation nearer to 0 than this has no direction worth a word.
NO_DIRECTION = 0.2


@styled
def segments_plot(differences: Mapping[str, Interval], metric: str, versus: str) -> tuple[Figure, str]:
    """Dot and whisker of the difference in each group of people."""
    figure, axes = axes_for(len(differences))
    kinds = {"better": ("o", BLUE, True), "worse": ("v", ORANGE, True), "not sure": ("o", GREY, False)}
    found = {name: _kind(interval) for name, interval in differences.items()}
    for kind, (marker, colour, filled) in kinds.items():
        at = [place for place, name in enumerate(differences) if found[name] == kind]
        chosen = [list(differences.values())[place] for place in at]
        whiskers(axes, at, chosen, marker, colour, colour if filled else "white", kind)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.margins(y=0.02)
    axes.set_yticks(range(len(differences)), [f"{name} ({of.users:,})" for name, of in differences.items()])
    axes.set_xlabel(f"{metric}, the new ranker minus {versus}")
    axes.invert_yaxis()
    legend(figure)
    counts = ", ".join(f"{kind} in {list(found.values()).count(kind)}" for kind in kinds)
    return figure, f"The new ranker against {versus} in {len(found)} groups of people: {counts}."


@styled
def weeks_plot(weeks: Mapping[str, Mapping[str, Interval]], metric: str) -> tuple[Figure, str]:
    """A line per contender: its metric in each week. `weeks` are by contender, then by first day of the week."""
    figure, axes = axes_for(6)
    names = sorted({week for found in weeks.values() for week in found})
    looks = [("o", "-", BLUE), ("s", "--", ORANGE), ("^", ":", GREEN), ("D", "-.", GREY)]
    for shift, ((contender, found), (marker, line, colour)) in enumerate(zip(weeks.items(), looks, strict=False)):
        x = np.array([names.index(week) for week in found]) + (shift - 1) * 0.06
        means, errors = bars_of(list(found.values()))
        axes.errorbar(
            x, means, errors, marker=marker, linestyle=line, color=colour, capsize=3, markersize=5, label=contender
        )
    axes.set_xticks(range(len(names)), names)
    axes.set_xlim(-0.4, max(len(names) - 0.6, 0.4))
    axes.set_ylabel(metric)
    axes.set_xlabel("week that begins on")
    legend(figure, 2)
    last = "; ".join(f"{contender} {found[max(found)].mean:.3f}" for contender, found in weeks.items() if found)
    return figure, f"{metric} in each of {len(names)} weeks. In the latest: {last}."


@styled
def contributions_plot(contributions: Contributions, importances: Mapping[str, float]) -> tuple[Figure, str]:
    """Bars of the mean size of each feature's contribution, marks of its share of what was gained in training."""
    sizes = dict(list(contributions.mean_absolute().items())[:BARS])
    total = sum(contributions.mean_absolute().values()) or 1.0
    figure, axes = axes_for(len(sizes))
    axes.barh(list(sizes), [size / total for size in sizes.values()], color=BLUE, label="share of all contributions")
    shares = [importances.get(name, 0.0) for name in sizes]
    axes.plot(
        shares, range(len(sizes)), "D", color=ORANGE, markeredgecolor="white", label="share of the gain in training"
    )
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_xlabel("how much of the score comes from the feature")
    in_percent(axes)
    legend(figure)
    largest = ", ".join(f"{name} {size / total:.0%}" for name, size in list(sizes.items())[:3])
    return figure, f"The {len(sizes)} features that move scores most. The first three: {largest}."


@styled
def sample_plot(contributions: Contributions) -> tuple[Figure, str]:
    """One mark per sampled row and feature: where it moved the score, and whether its value was low or high."""
    names = list(contributions.mean_absolute())[:DOTS_OF]
    figure, axes = axes_for(len(names) * 1.3)
    rows = np.unique(np.linspace(0, len(contributions.added) - 1, DOTS).astype(int))
    for place, name in enumerate(names):
        column = contributions.feature_names.index(name)
        swarm(axes, place, contributions.added[rows, column], contributions.features[rows, column])
    axes.axvline(0, color="black", linewidth=0.8)
    axes.margins(y=0.01)
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.set_xlabel("contribution to the score (SHAP value): to the right it lifts an item")
    legend(figure)
    alt = f"How {len(names)} features moved the scores of {len(rows)} sampled items; most at the top: {names[0]}."
    return figure, f"{alt} {_directions(contributions, names[:3])}"


@styled
def sources_plot(recalls: Mapping[str, tuple[float, float]]) -> tuple[Figure, str]:
    """Bars of what each source found of what was wanted, and what it alone found. `recalls`: (all, alone)."""
    figure, axes = axes_for(len(recalls))
    shared = [both - alone for both, alone in recalls.values()]
    alone = [alone for _, alone in recalls.values()]
    axes.barh(list(recalls), alone, color=ORANGE, hatch="///", edgecolor="white", label="this source alone")
    axes.barh(list(recalls), shared, left=alone, color=BLUE, label="other sources too")
    axes.margins(y=0.01)
    axes.invert_yaxis()
    axes.set_xlabel("share of what people then wanted that the source proposed")
    in_percent(axes)
    legend(figure)
    best = ", ".join(f"{name} {both:.0%}" for name, (both, _) in list(recalls.items())[:3])
    return figure, f"Share of wanted items that each of {len(recalls)} sources proposed. Most: {best}."


def _kind(interval: Interval) -> str:
    if interval.low > 0:
        return "better"
    return "worse" if interval.high < 0 else "not sure"


def _directions(contributions: Contributions, names: list[str]) -> str:
    """Whether high values lift or lower, by the sign of the rank correlation; nothing where neither is so."""
    from scipy.stats import rankdata

    found = []
    for name in names:
        column = contributions.feature_names.index(name)
        known = ~np.isnan(contributions.features[:, column])
        values, added = (rankdata(of[known, column]) for of in (contributions.features, contributions.added))
        slope = np.corrcoef(values, added)[0, 1] if len(values) and np.ptp(values) and np.ptp(added) else 0.0
        if abs(slope) > NO_DIRECTION:
            found.append(f"high {name} {'lifts' if slope > 0 else 'lowers'}")
    return f"{'; '.join(found).capitalize()}." if found else ""
