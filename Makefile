# Two commands are enough: `make run` and `make test`. The others are parts of them.
.DEFAULT_GOAL := help
.PHONY: help run build install clients test check lint binaries types golden calls-table settings test-rust test-clients test-e2e test-miniprogram test-bridge interop fuzz bench quality screenshots

CARGO := cargo
NPM_CI := npm ci --no-audit --no-fund --loglevel=error
ARGS ?=
# Where `make install` puts the command: /usr/local for root, ~/.local for others.
PREFIX ?= $(if $(filter 0,$(shell id -u)),/usr/local,$(HOME)/.local)

help: ## This list
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 20

run: ## Build, start with the demo, print where to click
	@scripts/need run
	@$(MAKE) --no-print-directory build
	@target/release/tring serve --demo $(ARGS)

build: clients ## Build the clients and the release binary
	@echo "== server (the first build takes a quarter of an hour on two cores)"
	$(CARGO) build --release --locked -p tring
	@scripts/separate-symbols target/release/tring

install: build ## Put the command `tring` on the PATH (PREFIX=/usr/local, or ~/.local for ordinary users)
	install -d "$(DESTDIR)$(PREFIX)/bin"
	install -m 755 target/release/tring "$(DESTDIR)$(PREFIX)/bin/tring"
	@# Where a backtrace looks for the symbols.
	@[ ! -e target/release/tring.debug ] || install -D -m 644 target/release/tring.debug "$(DESTDIR)$(PREFIX)/bin/.debug/tring.debug"
	@case ":$$PATH:" in *":$(PREFIX)/bin:"*) ;; *) echo "$(PREFIX)/bin is not on your PATH: add it, or name the command as $(PREFIX)/bin/tring" ;; esac

clients/node_modules: clients/package-lock.json
	cd clients && $(NPM_CI)
	@touch $@

clients: clients/node_modules ## Build the TypeScript clients into clients/dist
	@echo "== clients"
	cd clients && npm run --silent build

test: ## Everything that a contributor needs
	@scripts/need test
	@$(MAKE) --no-print-directory lint test-clients test-rust test-e2e
	@scripts/namespaces && scripts/firefox && echo "all tests passed" || echo "all other tests passed"

lint: clients e2e/node_modules e2e/miniprogram/node_modules ## Formatting, clippy and the TypeScript linter with warnings denied, generated types, types of the e2e tests, the fuzz targets compile
	cd clients && npm run --silent lint
	$(CARGO) fmt --all --check
	$(CARGO) fmt --manifest-path fuzz/Cargo.toml --check
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings
	$(CARGO) check --locked --manifest-path fuzz/Cargo.toml --target-dir target --no-default-features
	cd e2e && npm run --silent check

check: lint test-clients ## What a change needs at once: lint and unit tests, a minute or two when it is built
	$(CARGO) test --quiet --locked --workspace --lib --bins

types: ## Write clients/core/src/protocol.ts from crates/protocol
	TRING_WRITE_TYPES=1 $(CARGO) test -q -p tring-protocol --lib typescript

golden: ## Write examples of new messages into crates/protocol/golden; those that are there stay as they are
	TRING_WRITE_GOLDEN=1 $(CARGO) test -q -p tring-protocol --lib golden::

calls-table: ## Write the table of docs/calls.md from crates/calls/src/table.rs
	TRING_WRITE_DOCS=1 $(CARGO) test -q -p tring-calls --lib the_documentation_has_the_table

settings: ## Write crates/server/tring.toml and the tables of docs/settings*.md from crates/server/src/config/table.rs
	TRING_WRITE_SETTINGS=1 $(CARGO) test -q -p tring-server --lib written_from_the_settings

test-clients: clients ## Unit tests of the TypeScript clients
	cd clients && npm test --silent

interop: ## Other people's UserSig libraries, for the tests of crates/usersig
	e2e/usersig/prepare.sh

# nextest gives each test a process of its own, runs those of all crates side by side and ends one that hangs
# (.config/nextest.toml). It runs no doctests. `cargo test` runs the same tests without it: to build it takes some minutes on
# two cores, more than one run gains, so it is not fetched (`cargo install --locked cargo-nextest`, once).
# Who starves others of connections and files, or floods a log: the machine alone. `.config/nextest.toml` has them too.
ALONE := rude_addresses:: rtmp_strangers:: log_lines::

test-rust: clients interop ## Unit, property, network-namespace and bad-input tests of the crates
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	  set -ex; $(CARGO) nextest run --locked --workspace; $(CARGO) test --locked --workspace --doc; \
	else \
	  set -ex; $(CARGO) test --locked --workspace -- $(addprefix --skip ,$(ALONE)); \
	  $(CARGO) test --locked --workspace --test it -- --test-threads=1 $(ALONE); \
	fi

e2e/node_modules: e2e/package-lock.json
	cd e2e && $(NPM_CI)
	@touch $@

# With the features that `cargo test --workspace` has: its dependencies are compiled once for both. Without `--examples` cargo leaves out
# what only tests ask for, and builds str0m, the media crate and the server a second time.
binaries: clients
	$(CARGO) build --locked --workspace --bin tring --bin tring-lab --examples

test-e2e: binaries e2e/node_modules e2e/miniprogram/node_modules ## Calls between real browsers and simulated phones, judged by what they hear and see; ARGS="--suite=bridge" for a part
	cd e2e && exec node run.js $(ARGS)

e2e/miniprogram/node_modules: e2e/miniprogram/package-lock.json e2e/miniprogram/simulate/package-lock.json
	cd e2e/miniprogram && $(NPM_CI)
	cd e2e/miniprogram/simulate && $(NPM_CI)
	@touch $@

test-miniprogram: binaries e2e/node_modules e2e/miniprogram/node_modules ## Calls between simulated phones with the guide's own page
	cd e2e && exec node run.js --suite=miniprogram $(ARGS)

fuzz: ## Every parser of the network on arbitrary bytes, 60 s each (SECONDS_EACH); ARGS="streams demux" for some
	@scripts/fuzz $(ARGS)

test-bridge: binaries e2e/node_modules e2e/miniprogram/node_modules ## Calls between a simulated phone and a real browser
	cd e2e && exec node run.js --suite=bridge $(ARGS)

bench: clients ## The table of bench/README.md
	@scripts/need bench || echo "what is missing is named in the table, and the rest measured"
	$(CARGO) build --release --locked -p tring -p tring-bench
	target/release/tring-bench $(ARGS)

quality: clients e2e/node_modules ## The tables of docs/quality.md: calls across bad networks (about eight minutes)
	$(CARGO) build --release --locked -p tring -p tring-lab
	cd e2e && exec env TRING_BIN=$(CURDIR)/target/release/tring TRING_LAB_BIN=$(CURDIR)/target/release/tring-lab node quality/run.js $(ARGS)

screenshots: binaries e2e/node_modules ## The demo in each state, into e2e/out
	cd e2e && exec node screenshots.js
