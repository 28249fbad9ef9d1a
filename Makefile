# Copyright 2026 bharnet_ros maintainers
# SPDX-License-Identifier: Apache-2.0
# Everything a newcomer or a CI machine calls. `make` alone lists it.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# The Python to set up with: the default one, or else the newest supported one.
SUPPORTED := import sys; sys.exit(not (3, 10) <= sys.version_info[:2] <= (3, 12))
PYTHON ?= $(shell for python in python3 python3.12 python3.11 python3.10; do \
	"$$python" -c '$(SUPPORTED)' 2>/dev/null && echo "$$python" && exit; done; echo python3)

# Speed of the demo: 1 is as it was recorded.
SPEED ?= 1
# A rosbag2 with a pose topic, to be played instead of the recording that ships.
BAG ?=
# What really happens in BAG: CSV, ELAN or VIA; without it, a topic of the bag.
LABELS ?=
# A video to be played into the camera's topic, instead of the clips.
VIDEO ?=
# A folder of recordings to train on, instead of where the tool looks.
DATA ?=
# More arguments for the tool behind a target, as in: make test ARGS="-k window"
ARGS ?=

ENVIRONMENT := source tools/ros_env.sh &&
CHECKED := bharnet bharnet_ros bharnet_train examples launch scripts test tools setup.py $(wildcard benchmarks)

.PHONY: help setup demo replay test lint format train bench docs clean

help: ## this list
	@echo "make <target>, where <target> is"
	@sed -nE 's/^([a-z]+):.*## (.*)/  \1\t\2/p' $(MAKEFILE_LIST) | expand -t 12

setup: ## make .venv and build the messages; a second call costs seconds
	@command -v $(PYTHON) >/dev/null || { echo "setup failed: there is no $(PYTHON)." >&2; \
	echo "to cure it:   \`sudo apt-get install -y python3-venv\`, or PYTHON=<your python>" >&2; exit 1; }
	@$(PYTHON) tools/setup_environment.py

demo: setup ## play recorded people into the node, then clips into the camera's; SPEED=5, BAG=path, VIDEO=path
	@$(if $(VIDEO),,$(ENVIRONMENT) python -m bharnet_ros.demo --speed "$(SPEED)" $(if $(BAG),--bag "$(BAG)") $(ARGS))
	@$(if $(BAG),,$(ENVIRONMENT) python -m bharnet_ros.demo.camera $(if $(VIDEO),--video "$(VIDEO)"))

replay: setup ## judge the node by a recording; BAG=path, LABELS=file, SPEED=5
	@test -n "$(BAG)" || { echo "replay: which recording? make replay BAG=demo/signs" >&2; exit 2; }
	@$(ENVIRONMENT) python -m bharnet_ros.replay "$(BAG)" --speed "$(SPEED)" $(if $(LABELS),--labels "$(LABELS)") $(ARGS)

test: setup lint ## linters, type checker, all tests
	@$(ENVIRONMENT) python -m pytest $(ARGS)

lint: setup ## ruff and mypy
	@$(ENVIRONMENT) ruff check --quiet $(CHECKED)
	@$(ENVIRONMENT) ruff format --check --quiet $(CHECKED)
	@$(ENVIRONMENT) mypy --no-error-summary

format: setup ## let ruff format and repair
	@$(ENVIRONMENT) ruff check --fix --quiet $(CHECKED)
	@$(ENVIRONMENT) ruff format --quiet $(CHECKED)

train: setup ## train the model that ships; DATA=folder of recordings, ARGS="--seed 1"
	@$(ENVIRONMENT) bharnet train --config config/train/robot_words.yaml $(if $(DATA),--data "$(DATA)") $(ARGS)

bench: setup ## measure latency
	@$(ENVIRONMENT) for script in benchmarks/*.py; do python "$$script" $(ARGS); done

docs: setup ## build the documentation site into build/site; a broken link fails
	@$(ENVIRONMENT) python -m pip install --quiet -r requirements/docs.txt
	@$(ENVIRONMENT) NO_MKDOCS_2_WARNING=1 python -m mkdocs build --strict --quiet

clean: ## remove what was built and installed, nothing else
	@rm -rf .venv build install log .setup.lock *.egg-info
	@rm -rf .mypy_cache .pytest_cache .ruff_cache .hypothesis
