"""Is only that cut off which was written after the leases were counted? (Seed 51: Redis had held writes back.)"""

import pytest

from benchmarks.chaos.faults.redis_process import all_written
from tests.servers.redis import redis_server


@pytest.mark.parametrize(("held_back", "all_there"), [(0, True), (1, False), (186_890, False)])
def test_a_file_that_lags_behind_is_waited_for(held_back, all_there):
    assert all_written({"aof_buffer_length": held_back}) is all_there


def test_a_real_redis_says_it():
    with redis_server(appendonly=True) as server, server.client() as client:
        client.set("a", "1")
        assert all_written(client.info("persistence"))
