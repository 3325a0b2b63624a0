"""Which colour stands for what, the same in both dashboards; the names are Grafana's."""

from typing import Final

NEUTRAL: Final = "text"

PHASES: Final = {
    "Pending": "#8e8e8e",
    "Running": "green",
    "Blocked": "orange",
    "Suspended": "yellow",
    "Complete": "blue",
    "Failed": "red",
}

STATUS_CLASSES: Final = {
    "1xx": "#8e8e8e",
    "2xx": "green",
    "3xx": "blue",
    "4xx": "orange",
    "5xx": "red",
    "other": "purple",
}

STATUSES: Final = {"true": "green", "false": "orange", "unknown": "#8e8e8e"}
"""Status of a condition. False is no alarm by itself: `Suspended` is false in a healthy job."""

PROGRESS: Final = {
    "Starting": "#8e8e8e",
    "Seeding": "light-blue",
    "Crawling": "green",
    "Idle": "light-green",
    "Suspended": "yellow",
    "Finished": "blue",
}
"""Reasons of the condition Progressing that are no fault; every other reason is red."""

SCALING: Final = {
    "WithinBounds": "green",
    "MaxReplicas": "yellow",
    "MinReplicas": "blue",
    "FirstWorker": "light-blue",
}
"""Reasons of the condition ScalingLimited; FrontierUnknown is red."""

ERROR_KINDS: Final = {
    "http_4xx": "orange",
    "http_5xx": "red",
    "timeout": "purple",
    "dns": "dark-purple",
    "connection": "light-purple",
    "tls": "dark-blue",
    "download": "blue",
    "spider": "yellow",
    "pipeline": "dark-yellow",
}

WORKERS: Final = {"wanted": "blue", "ready": "green"}
