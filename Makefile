# Crawlfleet: one entry for every habit. `make help` lists them.
# CLUSTER=current uses the cluster of your current kubeconfig instead of the bundled one (REGISTRY=host:port names where to push images).
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
CLUSTER ?= bundled
export CLUSTER REGISTRY REGISTRY_PLAIN_HTTP PYTHONDONTWRITEBYTECODE=1
PY := .venv/bin/python

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-z0-9%-]+:.*## / {printf "  \033[1m%-16s\033[0m %s\n", $$1, $$2} /^##@ / {printf "\n%s\n", substr($$0, 5)}' $(MAKEFILE_LIST)

##@ The two commands
.PHONY: demo test
demo: .venv/.done ## A real cluster, the chart, a CrawlJob over real pages: progress, results in out/demo
	@$(PY) -m demo run

test: .venv/.done ## Lint, types, layers and all tests but the node-level ones
	@tests/run quick

##@ Tests
.PHONY: unit frontier contract api chart worker e2e bench-frontier bench-worker bench-fleet chaos mutants scrapy-suite lint fmt
unit frontier contract worker: .venv/.done ## One room of the tests: unit, frontier, contract, api, chart, worker
	@$(PY) -m pytest tests/$@

api: .venv/.done
	@$(PY) -m cluster tools control-plane && $(PY) -m pytest tests/api

chart: .venv/.done
	@$(PY) -m cluster tools control-plane helm kubeconform && $(PY) -m pytest tests/chart

e2e: .venv/.done ## The tests on the bundled node: chart, crawls, kills, blocked jobs, Prometheus
	@tests/run node

worker-scrapy-%: .venv/.done ## The worker's tests on another Scrapy: worker-scrapy-2.18.0
	@tools/with-scrapy $* -q

bench-frontier: .venv/.done ## What the frontier costs Redis, beside scrapy-redis: benchmarks/out/frontier.json
	@$(PY) -m benchmarks.frontier

bench-worker: .venv/.done ## What a page costs a worker, 3 inputs by 4 spiders, beside its peers: benchmarks/out/worker.json
	@$(PY) -m benchmarks.worker

bench-fleet: .venv/.done ## What 1, 2, 4 workers on one frontier do, and what bounds them: benchmarks/out/fleet.json
	@$(PY) -m benchmarks.fleet

chaos: .venv/.done ## Crawls with seeded faults, judged at the site: benchmarks/out/chaos.json (SEEDS=n: only the first n)
	@$(PY) -m benchmarks.chaos

mutants: .venv/.done ## Break each guard on purpose; its named test must go red
	@$(PY) -m tests.mutants

scrapy-suite: .venv/.done ## Scrapy's own tests of what the fast paths replace, without and with them (5 min)
	@$(PY) -m tests.upstream

lint: .venv/.done ## Ruff, mypy (strict), import-linter
	@tests/run lint

fmt: .venv/.done ## Format and mend what ruff can
	@.venv/bin/ruff format . && .venv/bin/ruff check --fix .

##@ The bundled cluster (or CLUSTER=current)
.PHONY: cluster-up cluster-down images demo-clean
cluster-up: .venv/.done ## A real Kubernetes node on this machine; .cluster/kubeconfig, .cluster/bin/kubectl
	@$(PY) -m cluster up

cluster-down: .venv/.done ## Take the node away, and whatever a killed run left behind
	@$(PY) -m cluster down

images: .venv/.done ## Build the images and load them into the node (CLUSTER=current: push them to REGISTRY)
	@$(PY) -m cluster images

demo-clean: .venv/.done ## Take the demo away; the cluster stays
	@$(PY) -m demo clean

##@ Generated files and locks
.PHONY: generate dashboards lock
evidence-%: .venv/.done ## Run a long measurement once and keep its JSON: evidence-NAME (see docs/evidence.md)
	@$(PY) -m benchmarks.evidence $*

generate: .venv/.done ## CRD reference, chart CRDs, chart values reference, dashboards' JSON
	@$(PY) -m tools.generate

dashboards: .venv/.done ## A crawl on the node, drawn by Grafana's own panels into docs/images
	@$(PY) -m demo pictures

lock: .venv/.done ## Resolve the lock files again (hashes, no addresses)
	@tools/lock

.venv/.done: requirements/dev.txt pyproject.toml
	@tools/venv
