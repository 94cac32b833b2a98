# make app: install what the page needs, open it.    make test: install the rest, check and test everything.
# make bench: measure times and memory, beside a baseline.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: app test test-quick lint format bench teachers clean

app: $(VENV)/app.installed
	$(BIN)/python app.py

test: lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

test-quick: $(VENV)/dev.installed
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not browser"

lint: $(VENV)/dev.installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(VENV)/dev.installed
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/dev.installed
	$(BIN)/python -m bench.speed
	$(BIN)/python -m bench.found
	$(BIN)/python -m bench.load
	$(BIN)/python -m bench.collection
	$(BIN)/python -m bench.dashboard
	$(BIN)/python -m bench.live

# Models that the recipes start from or are taught by, from the project's history: commit:folder, and what they are called.
teachers:
	@set -e; for each in a762f3e:agr/weights=plain a318ea1:agr/weights=third d3fdde2:agr/weights=fourth \
		71a537f:agr/weights=eighth; do \
		folder=runs/teachers/$${each#*=}; mkdir -p $$folder; \
		for file in model.safetensors config.json; do git show $${each%=*}/$$file > $$folder/$$file; done; \
	done

clean:
	rm -rf $(VENV) build *.egg-info .mypy_cache .ruff_cache .pytest_cache

# Made anew when the requirements change; the stamp is written only after everything was installed.
$(VENV)/app.installed: requirements.txt
	$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements.txt
	touch $@

$(VENV)/dev.installed: requirements.txt requirements-dev.txt
	$(BIN)/python -m pip --version > /dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --disable-pip-version-check -r requirements-dev.txt
	touch $@ $(VENV)/app.installed
