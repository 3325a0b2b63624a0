"""The two Grafana dashboards, *Fleet* and *Job*: what each panel asks of Prometheus, and pictures of it.

`fleet` and `job` describe the dashboards, `panels` holds the house style and `layout` puts panels on
Grafana's grid; `python -m tools.generate` writes them to `charts/crawlfleet/dashboards/`. `picture` draws
those files.
"""
