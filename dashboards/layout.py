"""Where panels stand on Grafana's grid of 24 columns, and what every dashboard of ours has in common."""

from collections.abc import Sequence

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as model

from dashboards.panels import DATASOURCE, PanelBuilder

COLUMNS = 24

Row = tuple[int, Sequence[PanelBuilder]]
"""Height in grid units (38 px each), and the panels from left to right, all of the same width."""


def dashboard(
    uid: str, title: str, description: str, variables: Sequence[builders.QueryVariable], rows: Sequence[Row]
) -> model.Dashboard:
    """Put the rows on the grid; raises ValueError for a row whose panels cannot share 24 columns evenly."""
    board = builders.Dashboard(title).uid(uid).description(description).tags(["crawlfleet"])
    board.timezone("browser").time("now-1h", "now").refresh("30s").readonly()
    board.tooltip(model.DashboardCursorSync.CROSSHAIR)
    board.with_variable(builders.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    for variable in variables:
        board.with_variable(variable)
    for number, (panel, place) in enumerate(_places(title, rows), start=1):
        board.with_panel(panel.id(number).grid_pos(place))
    return board.build()


def label_variable(name: str, label: str, query: str) -> builders.QueryVariable:
    """Return a variable whose values are the answer of `label_values(…)`."""
    variable = builders.QueryVariable(name).label(label).datasource(DATASOURCE).query(query)
    variable.refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
    return variable.sort(model.VariableSort.ALPHABETICAL_ASC)


def _places(title: str, rows: Sequence[Row]) -> list[tuple[PanelBuilder, model.GridPos]]:
    places, top = [], 0
    for height, panels in rows:
        width, rest = divmod(COLUMNS, len(panels))
        if rest:
            raise ValueError(
                f"{title}: {len(panels)} panels do not share {COLUMNS} columns evenly: use 1, 2, 3, 4, 6 or 8"
            )
        for position, panel in enumerate(panels):
            places.append((panel, model.GridPos(h=height, w=width, x=position * width, y=top)))
        top += height
    return places
