# Two commands do everything on a fresh machine: `make run` and `make test`. The steps themselves are in tools/.
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
.PHONY: help setup build run test test-build bench lint fmt clean

# A Rust installed a minute ago is not on the PATH of the shell it was installed from.
export PATH := $(PATH):$(HOME)/.cargo/bin
# Scripts and tests look for what was built in ./target; somebody's shared target directory must not move it.
export CARGO_TARGET_DIR := $(CURDIR)/target

WASM := --target wasm32-wasip1

help: ## List the commands
	@sed -n 's/^\([a-z-]*\):.*## /make \1|/p' $(MAKEFILE_LIST) | while IFS='|' read -r name what; do \
		printf '  %-16s %s\n' "$$name" "$$what"; \
	done

setup: ## Check for what is needed and fetch the rest (Rust pieces, Envoy)
	@tools/setup.sh

build: setup ## Build target/release/ditto-gateway and the wasm filter
	@cargo build --locked --release -p ditto-gateway
	@cargo build --locked --release -p ditto-filter $(WASM)

# exec: the signal of a Ctrl-C goes to the program itself, which ends its children; no shell is left waiting in between.
run: build ## Start the gateway on a fresh set-up with a simulated provider (Ctrl-C ends it)
	@cargo build --locked --release -p ditto-tests --bin quickstart
	@ENVOY_BIN=$$(tools/fetch-envoy.py) && export ENVOY_BIN && exec target/release/quickstart

test: ## Check formatting and lints, build, and run every test
	@tools/test.sh

test-build: ## Build what the tests start; then `cargo test` runs single ones
	@tools/test.sh build

bench: build ## Measure the gateway against bare Envoy and an empty filter (ARGS=--quick: roughly)
	@cargo build --locked --release -p ditto-empty-filter $(WASM)
	@cargo build --locked --release -p ditto-bench
	@ENVOY_BIN=$$(tools/fetch-envoy.py) && REDIS_BIN=$$(tools/setup-redis.sh) && export ENVOY_BIN REDIS_BIN && \
		exec target/release/ditto-bench $(ARGS)

lint: setup ## Check formatting and lints only
	@tools/test.sh lint

fmt: ## Format the Rust code
	@cargo fmt --all

clean: ## Remove what was built (fetched tools in .tools stay)
	@cargo clean --quiet
