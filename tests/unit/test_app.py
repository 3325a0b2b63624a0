"""The process around the parts: its endpoints, its log, its exit code, and what is closed at the end."""

import asyncio
import json
import logging

import aiohttp
import pytest
from kubernetes.aio import client

from crawlfleet import __main__ as program
from crawlfleet import app
from crawlfleet.config import Config
from tests.servers.ports import free_port


async def fetch(port, path):
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}{path}") as answer:
        return answer.status, await answer.text()


@pytest.fixture
def config(monkeypatch):
    """Settings for a process on loopback whose API server is away."""
    configuration = client.Configuration()
    configuration.host = f"http://127.0.0.1:{free_port()}"

    async def load():
        return configuration

    monkeypatch.setattr(app, "load_configuration", load)
    return Config(
        bind_address="127.0.0.1",
        health_port=free_port(),
        metrics_port=free_port(),
        namespaces=("crawls",),
        concurrency=2,
    )


async def test_the_process_serves_while_it_watches_and_closes_at_the_end(config, monkeypatch):
    seen = {}

    async def operator(**given):
        seen.update(given)
        seen["before"] = await fetch(config.health_port, "/readyz")
        given["ready_flag"].set()
        seen["ready"] = await fetch(config.health_port, "/readyz")
        seen["healthy"] = await fetch(config.health_port, "/healthz")
        seen["metrics"] = await fetch(config.metrics_port, "/metrics")

    monkeypatch.setattr(app.kopf, "operator", operator)
    await app.run(config)
    assert seen["before"] == (503, "not yet\n")
    assert seen["ready"] == seen["healthy"] == (200, "ok\n")
    assert 'crawlfleet_operator_reconciles_total{result="failed"} 0.0' in seen["metrics"][1]
    assert "_created" not in seen["metrics"][1].replace("created_timestamp", "")
    assert (seen["clusterwide"], seen["namespaces"], seen["standalone"]) == (False, ("crawls",), True)
    with pytest.raises(aiohttp.ClientConnectorError):
        await fetch(config.health_port, "/healthz")


async def test_a_reconciler_that_ended_is_not_healthy(config, monkeypatch):
    async def ended(_):
        return

    seen = {}

    async def operator(**_):
        seen["healthy"] = await fetch(config.health_port, "/healthz")

    monkeypatch.setattr(app.Reconciler, "work", ended)
    monkeypatch.setattr(app.kopf, "operator", operator)
    await app.run(config)
    assert seen["healthy"][0] == 503


class Stubborn:
    """Stands for `Reconciler.work`: swallows the first cancellation, as a library does that lost a race with it."""

    def __init__(self):
        self.cancelled = 0

    async def __call__(self):
        while self.cancelled < 2:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                self.cancelled += 1
        raise asyncio.CancelledError


async def test_a_reconciler_that_swallows_a_cancellation_ends_too(config, monkeypatch):
    begun = []

    def work(_):
        begun.append(Stubborn())
        return begun[-1]()

    async def operator(**_):
        await asyncio.sleep(0)  # the reconcilers begin

    monkeypatch.setattr(app.Reconciler, "work", work)
    monkeypatch.setattr(app.kopf, "operator", operator)
    async with asyncio.timeout(20):
        await app.run(config)
    assert [each.cancelled for each in begun] == [2] * config.concurrency
    assert [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("reconcile-")] == []


@pytest.mark.parametrize("failure", [RuntimeError("the watch broke"), asyncio.CancelledError()])
async def test_the_reconcilers_end_with_a_watch_that_fails(config, monkeypatch, failure):
    async def operator(**_):
        await asyncio.sleep(0)
        raise failure

    monkeypatch.setattr(app.kopf, "operator", operator)
    with pytest.raises(type(failure)):
        await app.run(config)
    assert [task.get_name() for task in asyncio.all_tasks() if task.get_name().startswith("reconcile-")] == []


@pytest.fixture
def quiet_logging():
    """Take back what the program does to the root logger."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_a_bad_setting_ends_the_program_with_its_mend(monkeypatch, capsys):
    monkeypatch.setenv("CRAWLFLEET_LOG_FORMAT", "xml")
    assert program.main() == 2
    assert capsys.readouterr().err == "crawlfleet-operator: CRAWLFLEET_LOG_FORMAT='xml' must be one of plain, json\n"


@pytest.mark.usefixtures("quiet_logging")
def test_the_program_runs_to_its_end(monkeypatch):
    configs = []

    async def run(config):
        configs.append(config)

    monkeypatch.setattr(program, "run", run)
    monkeypatch.setenv("CRAWLFLEET_OPERATOR_CLASS", "blue")
    assert program.main() == 0
    assert configs[0].operator_class == "blue"


@pytest.mark.usefixtures("quiet_logging")
def test_a_log_of_json_lines(capsys):
    program.set_up_logging(Config(log_format="json"))
    try:
        raise KeyError("x")
    except KeyError:
        logging.getLogger("crawlfleet").exception("it %s", "failed")
    logging.getLogger("kopf.objects").info("chatter")
    (line,) = capsys.readouterr().err.splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["logger"], entry["message"]) == ("error", "crawlfleet", "it failed")
    assert "KeyError" in entry["exception"]
    assert entry["time"].endswith("Z")


@pytest.mark.usefixtures("quiet_logging")
def test_a_plain_log(capsys):
    program.set_up_logging(Config())
    logging.getLogger("crawlfleet").info("hello")
    assert capsys.readouterr().err.endswith(" INFO crawlfleet: hello\n")
