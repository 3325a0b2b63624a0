"""What our panels look like: one function for each kind, each with unit, description and axis from zero.

Only kinds that `@grafana/ui` can draw by itself are used, so that the committed dashboards can be looked at
without a Grafana server (see `picture`). The state timeline is not among them: `bands` says the same with a
stacked time series, a band for each state.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grafana_foundation_sdk.builders import bargauge, prometheus, stat, table, timeseries
from grafana_foundation_sdk.builders import common as common_builders
from grafana_foundation_sdk.builders import dashboard as dashboard_builders
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.colors import NEUTRAL

DATASOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")

PanelBuilder = timeseries.Panel | stat.Panel | bargauge.Panel | table.Panel


@dataclass(frozen=True, slots=True)
class Query:
    """One question to Prometheus; `legend` is Grafana's (`{{label}}` for a label's value)."""

    expr: str
    legend: str = ""


def lines(
    title: str,
    description: str,
    queries: Sequence[Query],
    unit: str,
    *,
    colors: Mapping[str, str] | None = None,
    stacked: bool = False,
    stepped: bool = False,
    decimals: int | None = None,
) -> PanelBuilder:
    """Show curves over time.

    `colors` goes by legend text, `stacked` is for shares of a whole, `stepped` for counts of things.
    """
    panel = _timeseries(title, description, queries, colors or {}).unit(unit).min(0)
    alone = 8 if len(queries) == 1 else 0
    panel.fill_opacity(60 if stacked else alone).line_width(0 if stacked else 2)
    panel.legend(_legend())
    if decimals is not None:
        panel.decimals(decimals)
    if stacked:
        _stack(panel)
    if stepped:
        panel.line_interpolation(common.LineInterpolation.STEP_AFTER)
    return panel


def bands(title: str, description: str, query: Query, colors: Mapping[str, str], other: str = "red") -> PanelBuilder:
    """Show which state held when: a band in the colour of the state (series of the value 1).

    A state that `colors` does not name gets the colour `other`.
    """
    panel = _timeseries(title, description, [query], {"/.*/": other, **colors}).min(0).max(1).decimals(0)
    panel.override_by_field_type("number", [model.DynamicConfigValue("custom.axisPlacement", "hidden")])
    return _as_blocks(panel).axis_grid_show(False).legend(_legend())


def counts(title: str, description: str, query: Query, colors: Mapping[str, str]) -> PanelBuilder:
    """Show how many things were in which state, stacked: the height is the number of all."""
    panel = _timeseries(title, description, [query], colors).unit("none").min(0).decimals(0)
    return _stack(_as_blocks(panel)).legend(_legend())


def number(
    title: str,
    description: str,
    expr: str,
    unit: str = "none",
    *,
    decimals: int | None = None,
    warn_above: float | None = None,
    color: str = NEUTRAL,
) -> PanelBuilder:
    """Show one number at the end of the time range, red above `warn_above`."""
    panel = _stat(title, description, Query(expr)).unit(unit)
    panel.color_mode(common.BigValueColorMode.VALUE).text_mode(common.BigValueTextMode.VALUE)
    steps = [model.Threshold(color=color)]
    if warn_above is not None:
        steps.append(model.Threshold(value=warn_above, color="red"))
    panel.thresholds(dashboard_builders.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps))
    return panel if decimals is None else panel.decimals(decimals)


def word(title: str, description: str, query: Query, colors: Mapping[str, str]) -> PanelBuilder:
    """Show the name of the series that is there, e.g. the phase, on the colour of that name."""
    panel = _stat(title, description, query).text_mode(common.BigValueTextMode.NAME)
    panel.color_mode(common.BigValueColorMode.BACKGROUND_SOLID)
    for name, color in colors.items():
        panel.override_by_name(name, [_fixed(color)])
    return panel


def bars(
    title: str,
    description: str,
    query: Query,
    unit: str = "short",
    colors: Mapping[str, str] | None = None,
    *,
    decimals: int | None = None,
) -> PanelBuilder:
    """Show a horizontal bar for each series: totals side by side at the end of the time range."""
    panel = bargauge.Panel().title(title).description(description).datasource(DATASOURCE).unit(unit).min(0)
    panel.with_target(_target(query, "A", instant=True)).orientation(common.VizOrientation.HORIZONTAL)
    panel.display_mode(common.BarGaugeDisplayMode.BASIC).value_mode(common.BarGaugeValueMode.TEXT)
    panel.show_unfilled(False).reduce_options(_last()).max_viz_height(32)
    panel.color_scheme(_palette())
    _paint(panel, colors or {})
    return panel if decimals is None else panel.decimals(decimals)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of `rows`: its query, heading and unit; `width` in pixels, None for the rest."""

    expr: str
    title: str
    unit: str = "short"
    width: int | None = 110


def rows(
    title: str,
    description: str,
    keys: Mapping[str, str],
    words: tuple[str, Mapping[str, str]],
    columns: Sequence[Column],
    largest: str | None = None,
) -> PanelBuilder:
    """Show a table with one row for each value of the labels `keys` (label → heading).

    The first column's query carries one more label that is shown as text: `words` names it, with a colour for
    each value. The other columns show their numbers. `largest` names the column whose largest come first.
    """
    panel = table.Panel().title(title).description(description).datasource(DATASOURCE)
    for position, column in enumerate(columns):
        reference = chr(ord("A") + position)
        target = _target(Query(column.expr), reference, instant=True).format(PromQueryFormat.TABLE)
        panel.with_target(target)
        if position:
            panel.override_by_name(column.title, _column_look(column))
    label, colors = words
    first = columns[0]
    renamed = {**keys, label: first.title}
    renamed |= {f"Value #{chr(ord('A') + place)}": column.title for place, column in enumerate(columns) if place}
    panel.with_transformation(model.DataTransformerConfig(id_val="merge", options={}))
    organize = {
        "excludeByName": {"Time": True, "Value #A": True, "Value": len(columns) == 1},
        "indexByName": {name: place for place, name in enumerate(renamed)},
        "renameByName": renamed,
    }
    panel.with_transformation(model.DataTransformerConfig(id_val="organize", options=organize))
    panel.override_by_name(first.title, _word_look(first, colors))
    if largest is not None:
        panel.sort_by([common_builders.TableSortByFieldState().display_name(largest).desc(True)])
    return panel.show_header(True).cell_height(common.TableCellHeight.SM)


def _column_look(column: Column) -> list[model.DynamicConfigValue]:
    look = [model.DynamicConfigValue(id_val="unit", value=column.unit)]
    if column.width is not None:
        look.append(model.DynamicConfigValue(id_val="custom.width", value=column.width))
    return look


def _word_look(column: Column, colors: Mapping[str, str]) -> list[model.DynamicConfigValue]:
    options = {word: {"color": color, "index": place} for place, (word, color) in enumerate(colors.items())}
    look = [
        model.DynamicConfigValue(id_val="mappings", value=[{"type": "value", "options": options}]),
        model.DynamicConfigValue(id_val="custom.cellOptions", value={"type": "color-text"}),
    ]
    if column.width is not None:
        look.append(model.DynamicConfigValue(id_val="custom.width", value=column.width))
    return look


def _timeseries(title: str, description: str, queries: Sequence[Query], colors: Mapping[str, str]) -> timeseries.Panel:
    panel = timeseries.Panel().title(title).description(description).datasource(DATASOURCE)
    for position, query in enumerate(queries):
        panel.with_target(_target(query, chr(ord("A") + position), instant=False))
    panel.draw_style(common.GraphDrawStyle.LINE).show_points(common.VisibilityMode.NEVER)
    panel.tooltip(common_builders.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI))
    panel.color_scheme(_palette())
    _paint(panel, colors)
    return panel


def _paint(panel: PanelBuilder, colors: Mapping[str, str]) -> None:
    """Give series their colours by name; a name between slashes is a regular expression."""
    for name, color in colors.items():
        override = panel.override_by_regexp if name.startswith("/") else panel.override_by_name
        override(name, [_fixed(color)])


def _as_blocks(panel: timeseries.Panel) -> timeseries.Panel:
    """Draw a bar for each step, without gaps: a line would reach on to where its state comes back."""
    panel.draw_style(common.GraphDrawStyle.BARS).bar_alignment(common.BarAlignment.AFTER)
    return panel.bar_width_factor(1).bar_max_width(1000).fill_opacity(75).line_width(0)


def _stack(panel: timeseries.Panel) -> timeseries.Panel:
    return panel.stacking(common_builders.StackingConfig().mode(common.StackingMode.NORMAL).group("A"))


def _stat(title: str, description: str, query: Query) -> stat.Panel:
    panel = stat.Panel().title(title).description(description).datasource(DATASOURCE)
    panel.with_target(_target(query, "A", instant=True)).reduce_options(_last())
    return panel.graph_mode(common.BigValueGraphMode.NONE)


def _target(query: Query, reference: str, *, instant: bool) -> prometheus.Dataquery:
    target = prometheus.Dataquery().expr(query.expr).ref_id(reference).legend_format(query.legend)
    target.datasource(DATASOURCE)
    return target.instant() if instant else target.range()


def _legend() -> common_builders.VizLegendOptions:
    legend = common_builders.VizLegendOptions().show_legend(True).placement(common.LegendPlacement.BOTTOM)
    return legend.display_mode(common.LegendDisplayMode.LIST).calcs([])


def _last() -> common_builders.ReduceDataOptions:
    return common_builders.ReduceDataOptions().calcs(["lastNotNull"]).values(False).fields("")


def _palette() -> dashboard_builders.FieldColor:
    return dashboard_builders.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC)


def _fixed(color: str) -> model.DynamicConfigValue:
    value: dict[str, Any] = {"mode": "fixed", "fixedColor": color}
    return model.DynamicConfigValue(id_val="color", value=value)
