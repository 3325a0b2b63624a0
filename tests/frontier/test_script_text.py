"""Does a script have the text that it should: its libraries once, in blocks, without what it does not use?"""

import re

import pytest

from crawlfleet_frontier import lua
from tests.servers.redis import redis_server

SCRIPTS = [(package, name) for package in ("store", "pace") for name in lua.script_names(package)]


@pytest.fixture(scope="module")
def client():
    with redis_server() as server, server.client() as connected:
        yield connected


@pytest.mark.parametrize(("package", "name"), SCRIPTS)
def test_redis_takes_each_script_under_its_name(client, package, name):
    assert client.script_load(lua.script(package, name)) == lua.sha1(package, name)


@pytest.mark.parametrize(("package", "name"), SCRIPTS)
def test_a_script_has_each_library_once_and_begins_with_its_flags(package, name):
    text = lua.script(package, name)
    blocks = re.findall(r"^local (\w+) do$", text, re.MULTILINE)
    assert len(blocks) == len(set(blocks))
    assert text.count(lua.BLOCK_END) == len(blocks)
    assert text.startswith("#!lua")
    assert "--@include" not in text


@pytest.mark.parametrize(("package", "name"), SCRIPTS)
def test_every_function_of_a_script_is_used_in_it(package, name):
    text = lua.script(package, name)
    code = re.sub(r"--.*", "", text)
    libraries = re.findall(r"^local (\w+) do$", text, re.MULTILINE)
    for function in lua.FUNCTION.finditer(text):
        library, _, member = function["name"].partition("_")
        is_member = library in libraries and f"{member} = {function['name']}" in code
        used = f"{library}.{member}" if is_member else function["name"]
        assert len(re.findall(rf"(?<![\w.]){re.escape(used)}(?!\w)", code)) > (not is_member), used


def test_what_a_script_does_not_need_is_left_out():
    assert "function input_word" in lua.script("store", "seed")
    assert "function input_word" not in lua.script("store", "push")
    assert "function queues_take" not in lua.script("store", "push")


def test_a_library_is_a_table_that_is_made_of_its_functions_at_once():
    text = lua.script("store", "seed")
    assert "function store." not in text
    assert re.search(r"^store = \{\n  prefix = [^\n]*\nkey = store_key, .*\}\nend  -- of", text, re.MULTILINE)
