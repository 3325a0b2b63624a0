"""The operator's own settings: what is taken, and what a refused one says."""

import pytest

from crawlfleet.config import Config, ConfigError, read_config


def test_defaults():
    assert read_config({}) == Config()
    assert read_config({"CRAWLFLEET_REDIS_IMAGE": "", "CRAWLFLEET_RESYNC_SECONDS": ""}) == Config()


def test_every_variable():
    config = read_config(
        {
            "CRAWLFLEET_OPERATOR_CLASS": "blue",
            "CRAWLFLEET_REDIS_IMAGE": "valkey:8",
            "CRAWLFLEET_REDIS_RESOURCES": '{"limits": {"memory": "1Gi"}}',
            "CRAWLFLEET_WATCH_NAMESPACES": "a, b,,",
            "CRAWLFLEET_RESYNC_SECONDS": "30.5",
            "CRAWLFLEET_LOG_LEVEL": "debug",
            "CRAWLFLEET_LOG_FORMAT": "json",
            "CRAWLFLEET_HEALTH_PORT": "9000",
            "CRAWLFLEET_METRICS_PORT": "9001",
            "CRAWLFLEET_BIND_ADDRESS": "127.0.0.1",
        }
    )
    assert config == Config(
        operator_class="blue",
        redis_image="valkey:8",
        redis_resources={"limits": {"memory": "1Gi"}},
        namespaces=("a", "b"),
        resync_seconds=30.5,
        log_level="DEBUG",
        log_format="json",
        health_port=9000,
        metrics_port=9001,
        bind_address="127.0.0.1",
    )


@pytest.mark.parametrize(
    ("name", "value", "mend"),
    [
        ("CRAWLFLEET_RESYNC_SECONDS", "often", "no number above 0; leave it out for 300"),
        ("CRAWLFLEET_RESYNC_SECONDS", "0", "no number above 0"),
        ("CRAWLFLEET_RESYNC_SECONDS", "-1", "no number above 0"),
        ("CRAWLFLEET_RESYNC_SECONDS", "nan", "no number above 0"),
        ("CRAWLFLEET_RESYNC_SECONDS", "inf", "no number above 0"),
        ("CRAWLFLEET_HEALTH_PORT", "99999", "no TCP port; leave it out for 8080"),
        ("CRAWLFLEET_METRICS_PORT", "80.5", "no TCP port; leave it out for 8081"),
        ("CRAWLFLEET_LOG_LEVEL", "loud", "must be one of INFO, DEBUG, WARNING, ERROR"),
        ("CRAWLFLEET_LOG_FORMAT", "xml", "must be one of plain, json"),
        ("CRAWLFLEET_REDIS_RESOURCES", "{", "is no JSON"),
        ("CRAWLFLEET_REDIS_RESOURCES", "[]", 'must be a JSON object such as {"limits"'),
        ("CRAWLFLEET_REDIS_RESOURCES", '{"limits": {"memory": "1GB"}}', "write it as 512Mi or 1Gi"),
        ("CRAWLFLEET_REDIS_RESOURCES", '{"limits": [1]}', "limits.memory"),
    ],
)
def test_a_refused_value_names_the_variable_and_the_mend(name, value, mend):
    with pytest.raises(ConfigError) as refused:
        read_config({name: value})
    assert name in str(refused.value)
    assert mend in str(refused.value)
