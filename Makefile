# Everything a user or a developer types. `make help` lists it.

GO     ?= go
CADDY  := bin/caddy
TOOLS  := bin/tools
export CGO_ENABLED ?= 0

.DEFAULT_GOAL := help

.PHONY: help
help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: build
build: ## Build bin/caddy: Caddy with Fairway plugged in
	$(GO) build -buildvcs=auto -trimpath -tags nobadger,nomysql,nopgx -ldflags '-s -w' -o $(CADDY) ./cmd/caddy

.PHONY: run
run: build ## Serve the three sites on this machine (Ctrl-C stops)
	@scripts/run

.PHONY: test
test: build packages tools ## Run every test, installing the Debian packages they need
	CGO_ENABLED=1 scripts/test

.PHONY: soak
soak: build packages tools ## Run the long tests, then each fuzz target for FUZZTIME (10m)
	CGO_ENABLED=1 scripts/soak

.PHONY: lint
lint: $(TOOLS)/golangci-lint ## Run the linters
	$(TOOLS)/golangci-lint run ./...

.PHONY: bench
bench: build packages ## Measure beside Apache, nginx, HAProxy and stock Caddy, in one run
	$(GO) run ./bench

.PHONY: clean
clean: ## Remove what was built, and the data of make run
	rm -rf bin .fairway

.PHONY: packages
packages:
	@scripts/packages

.PHONY: tools
tools: $(TOOLS)/pebble $(TOOLS)/pebble-challtestsrv $(TOOLS)/stripe-mock

# Tools live in a module of their own, so that users of the plugin do not inherit them.
$(TOOLS)/golangci-lint: tools/go.mod tools/go.sum
	$(GO) build -C tools -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint

$(TOOLS)/stripe-mock: tools/go.mod tools/go.sum
	$(GO) build -C tools -o ../$@ github.com/stripe/stripe-mock

$(TOOLS)/%: tools/go.mod tools/go.sum
	$(GO) build -C tools -o ../$@ github.com/letsencrypt/pebble/v2/cmd/$*
