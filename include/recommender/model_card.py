"""A challenger's model card, as Markdown and as one HTML page: what it learnt from, how good it is, and for whom."""

from __future__ import annotations

import html
from typing import TYPE_CHECKING

from include.recommender.model_card_evidence import card_evidence
from include.recommender.model_card_plots import (
    contributions_plot,
    sample_plot,
    segments_plot,
    sources_plot,
    weeks_plot,
)
from include.recommender.model_card_tables import (
    MOST_GROUPS,
    differences_table,
    features_table,
    groups_table,
    metrics_table,
    parameters_table,
    recall_of_all,
    sources_of,
    table,
)
from include.recommender.model_card_words import (
    CONTENDERS,
    METRICS,
    SURFACES_IN_WORDS,
    data,
    decision_sentence,
    left_out,
    limits,
    rules,
    summary,
)
from include.recommender.templates import filled
from include.retraining.registry import CARD_PAGE

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import date

    from markdown_it.renderer import RendererHTML
    from markdown_it.token import Token

    from include.recommender.model_card_drawing import Plot
    from include.recommender.model_card_evidence import CardEvidence
    from include.recommender.settings import RecommenderSettings
    from include.retraining.workspace import Workspace

FOLDER, PAGE_NAME = CARD_PAGE.split("/")


def model_card(
    workspace: Workspace[RecommenderSettings],
    settings: RecommenderSettings,
    as_of_date: date,
    surface: str,
    decision: Mapping[str, str],
) -> dict[str, str]:
    """The card's files by artifact path. `settings` are those the run chose, `decision` that of decide_and_record."""
    return card_files(card_evidence(workspace, settings, as_of_date, surface, decision))


def card_files(evidence: CardEvidence) -> dict[str, str]:
    """`model_card.md` with its pictures beside it, and `model_card.html`, which needs nothing but itself."""
    plots = plots_of(evidence)
    text = markdown_of(evidence, plots)
    title = f"Model card: {evidence.surface}, {evidence.as_of_date}"
    page = filled("model_card.html.j2", title=title, body=html_of(text, plots))
    pictures = {f"{name}.svg": plot.svg for name, plot in plots.items()}
    files = {"model_card.md": text, PAGE_NAME: page, **pictures}
    return {f"{FOLDER}/{name}": content for name, content in files.items()}


def plots_of(evidence: CardEvidence) -> dict[str, Plot]:
    """The pictures for which there is something to show, by name."""
    metric, plots = METRICS[evidence.promotion.metric][0], {}
    if evidence.weeks:
        weeks = {CONTENDERS.get(name, name): evidence.weekly(name) for name in evidence.contenders}
        plots["weeks_plot"] = weeks_plot(weeks, metric)
    if evidence.groups:
        shown = dict(list(evidence.groups.items())[:MOST_GROUPS])
        plots["segments_plot"] = segments_plot(shown, metric, CONTENDERS[evidence.incumbent])
    if evidence.contributions.added.size:
        plots["contributions_plot"] = contributions_plot(evidence.contributions, evidence.importances)
        plots["sample_plot"] = sample_plot(evidence.contributions)
    if sources := sources_of(evidence):
        plots["sources_plot"] = sources_plot(sources)
    return plots


def markdown_of(evidence: CardEvidence, plots: Mapping[str, Plot]) -> str:
    """The card's text; pictures are links to files beside it."""
    names = ("weeks_plot", "segments_plot", "contributions_plot", "sample_plot", "sources_plot")
    pictures = {name: f"![{_alt(plots[name])}]({name}.svg)" if name in plots else "" for name in names}
    return filled(
        "model_card.md.j2",
        surface=evidence.surface,
        as_of_date=evidence.as_of_date,
        model=evidence.model.label,
        about=SURFACES_IN_WORDS[evidence.surface],
        summary=summary(evidence),
        decision=decision_sentence(evidence),
        reasons=evidence.reasons,
        rules=rules(evidence),
        metrics=metrics_table(evidence),
        differences=differences_table(evidence),
        groups=groups_table(evidence),
        groups_left_out=max(len(evidence.groups) - MOST_GROUPS, 0),
        limits=limits(evidence),
        data=table(["what", "in this run"], data(evidence)),
        parameters=parameters_table(evidence),
        features=features_table(evidence),
        left_out=left_out(evidence),
        sampled=f"{len(evidence.contributions.added):,}",
        recall=recall_of_all(evidence),
        **pictures,
    )


def html_of(markdown: str, plots: Mapping[str, Plot]) -> str:
    """The text as HTML with its pictures inside; HTML in the text, as a category may be called, stays text."""
    from markdown_it import MarkdownIt

    def picture(_: RendererHTML, tokens: Sequence[Token], at: int, *_others: object) -> str:
        plot = plots[str(tokens[at].attrs["src"]).removesuffix(".svg")]
        # Without the XML head, which is for files.
        svg = plot.svg[plot.svg.index("<svg") :]
        return f'<span class="plot" role="img" aria-label="{html.escape(plot.alt)}">{svg}</span>'

    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    parser.add_render_rule("image", picture)
    rendered: str = parser.render(markdown)
    return rendered.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")


def _alt(plot: Plot) -> str:
    return plot.alt.replace("[", "(").replace("]", ")")
