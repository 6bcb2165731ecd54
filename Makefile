# gridwarden. `make` lists the targets.

GO       ?= go
FUZZTIME ?= 10s
BENCH    ?= .

# Tools are built once per version and kept. Point TOOLS at a folder that
# outlives the clone to share them.
TOOLS               ?= $(CURDIR)/.cache
GOLANGCI_VERSION    := v2.15.0
GOVULNCHECK_VERSION := v1.9.0
GOLANGCI    := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)/golangci-lint
GOVULNCHECK := $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION)/govulncheck

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unreleased)

# The program as processes of their own, which are killed, paired and loaded.
SURVIVAL = $(GO) test -tags crash -count 1 -timeout 0 ./cmd/gridwarden/survival
MEASURED = $(CURDIR)/.cache/measured

# The race detector watches everything but SQLite, which is C in the words of Go,
# and the generator of records, which is one goroutine: watched, they would take
# more time than all else together.
RACE = -race -gcflags=modernc.org/sqlite/lib=-race=false -gcflags=modernc.org/libc=-race=false \
  -gcflags=github.com/gridwarden/gridwarden/backends/grid/gridtest=-race=false

# The planted incidents of a generated world, in the embedded store and on search
# servers. The race detector looks at how is asked, for which a small world does; this
# is who is found.
TRUTH = $(GO) test -timeout 30m -run 'TestTruth$$'

# Search servers, started once for all packages that test on them.
HOLD = $(GO) run ./backends/searchtest/hold

.DEFAULT_GOAL := help

# $(call named,TARGET,VARIABLES): the variables that name a server are set.
named = @for v in $(2); do eval "test -n \"\$$$$v\"" || { echo "make $(1): set $(2); docs/testing.md says what they name."; exit 1; }; done

MATTERMOST = GRIDWARDEN_TEST_MATTERMOST_URL GRIDWARDEN_TEST_MATTERMOST_ADMIN_TOKEN_FILE
SLACK      = GRIDWARDEN_TEST_SLACK_BOT_TOKEN_FILE GRIDWARDEN_TEST_SLACK_APP_TOKEN_FILE GRIDWARDEN_TEST_SLACK_CHANNEL
PANDA      = GRIDWARDEN_TEST_PANDA_URL GRIDWARDEN_TEST_PANDA_DSN_FILE GRIDWARDEN_TEST_PANDA_PRODUCTION_PROXY GRIDWARDEN_TEST_PANDA_PERSON_PROXY
DISCORD    = GRIDWARDEN_TEST_DISCORD_TOKEN_FILE GRIDWARDEN_TEST_DISCORD_GUILD GRIDWARDEN_TEST_DISCORD_CHANNEL

.PHONY: help build demo test test-mattermost test-slack test-discord test-panda-server crash pair outage soak chats soak-chats peers truth lint vulnerabilities fuzz bench cover fmt clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

# Without gRPC's own traces, which Mattermost's library would bring along, no
# template is run and no method looked up by name, so the linker can leave out
# what nobody calls: half of the file.
build: ## build bin/gridwarden: one static file
	CGO_ENABLED=0 $(GO) build -trimpath -tags grpcnotrace -ldflags '-s -w -X main.version=$(VERSION)' -o bin/gridwarden ./cmd/gridwarden

demo: build ## play a guided incident on the simulated grid, then hand over the prompt
	@./bin/gridwarden demo

test: ## vet and test everything, with the race detector (needs a C compiler), a real PostgreSQL and search servers
	@cc=$$($(GO) env CC); command -v $${cc%% *} >/dev/null || { \
	  echo "make test: the race detector needs a C compiler, and there is no '$$cc'."; \
	  echo "Install one (Debian: apt install gcc; Fedora: dnf install gcc), or name yours: make test CC=clang."; exit 1; }
	@.ci/postgres
	@.ci/search
	$(GO) vet ./...
	$(GO) vet -tags crash ./...
	$(GO) vet -tags fakes ./cmd/gridwarden
	CGO_ENABLED=1 $(HOLD) $(GO) test $(RACE) -parallel 8 -timeout 30m ./...
	$(TRUTH) ./backends/history
	$(TRUTH) ./backends/elastic -args -jobs 20000 -every 2h
	$(SURVIVAL)

test-mattermost: ## the contract and the transcripts on a real Mattermost server; see docs/testing.md
	$(call named,$@,$(MATTERMOST))
	$(GO) test -count 1 -timeout 30m -run 'OnRealMattermost|TestRealServer' ./bot/mattermost ./cmd/gridwarden

test-slack: ## the contract on a real Slack workspace; see docs/testing.md
	$(call named,$@,$(SLACK))
	$(GO) test -count 1 -timeout 30m -run TestRealWorkspacePasses ./bot/slack

test-discord: ## what a bot can do alone on a real Discord server; see docs/testing.md
	$(call named,$@,$(DISCORD))
	$(GO) test -count 1 -timeout 30m -run TestRealServerPasses ./bot/discord

test-panda-server: ## the contract of PanDA's server on a real one and its database; see docs/testing.md
	$(call named,$@,$(PANDA))
	$(GO) test -count 1 -timeout 10m -v -run TestRealServerKeepsTheContract ./backends/panda/pandatest

crash: ## kill the program N=1000 times at its crash points, from run FIRST=0 on
	$(SURVIVAL) -run 'TestCrashes$$' -v -args -n $(or $(N),1000) -first $(or $(FIRST),0) -table $(MEASURED)/crash.md

pair: ## two programs on one PostgreSQL, one of them killed every 5 s, for DURATION=5m
	$(SURVIVAL) -run 'TestPair$$' -v -args -duration $(or $(DURATION),5m)

outage: ## the database away for DURATION=60s under load: PostgreSQL stopped, SQLite's disk full
	$(SURVIVAL) -run 'TestOutage$$|TestDiskFull$$' -v -args -duration $(or $(DURATION),60s)

soak: ## RATE=20 events a second for DURATION=1h; DATABASE=sqlite or postgres, both by turns without
	$(SURVIVAL) -run 'TestSoak$$' -v -args -duration $(or $(DURATION),1h) -rate $(or $(RATE),20) -folder $(MEASURED) $(if $(DATABASE),-database $(DATABASE))

chats: ## decisions on every chat platform, N=200 times killed or cut off in the middle, from run FIRST=0 on
	$(SURVIVAL) -run 'TestChats$$' -v -args -chats $(or $(N),200) -first $(or $(FIRST),0) -table $(MEASURED)/chats.md

soak-chats: ## RATE=10 events a second on each of Mattermost, Slack and Discord at once, for DURATION=10m after WARM=5m
	$(SURVIVAL) -run 'TestTogether$$' -v -args -warm $(or $(WARM),5m) -duration $(or $(DURATION),10m) -each $(or $(RATE),10) -folder $(MEASURED) $(if $(DATABASE),-database $(DATABASE))

PEERS = cmd/gridwarden/peers

peers: ## beside Bolt and Hubot on the same fake chats, for DURATION=10s each; needs node and npm
	@command -v npm >/dev/null || { echo "make peers: the other bots need node and npm."; exit 1; }
	cd $(PEERS)/testdata/bolt && npm ci --ignore-scripts
	cd $(PEERS)/testdata/hubot && npm ci --ignore-scripts
	GRIDWARDEN_PEERS=1 $(GO) test -count 1 -timeout 0 -v -run 'TestPeers$$' ./$(PEERS) -args -duration $(or $(DURATION),10s)

truth: ## trace planted incidents in JOBS=2000000 jobs of world SEED=1 on every store, and count who was missed or accused
	GRIDWARDEN_TEST_SEARCH_HEAP=$(or $(HEAP),4g) $(GO) test -count 1 -p 1 -timeout 0 -v -run 'TestTruth$$' $(or $(STORES),./backends/history ./backends/elastic) \
	  -args -jobs $(or $(JOBS),2000000) -world $(or $(SEED),1) -every $(or $(EVERY),2h) -logs $(or $(LOGS),100) $(if $(INDEX),-index $(INDEX))

lint: $(GOLANGCI) ## linters and formatting, a tidy go.mod, known vulnerabilities
	$(GOLANGCI) run ./...
	$(GO) mod tidy -diff
	@$(MAKE) --no-print-directory vulnerabilities

vulnerabilities: ## known vulnerabilities of what the program calls, where their list can be reached
	@GO='$(GO)' GOVULNCHECK='$(GOVULNCHECK)' GOVULNCHECK_VERSION='$(GOVULNCHECK_VERSION)' .ci/vulnerabilities

fuzz: ## every fuzz target for FUZZTIME each (10s)
	@for p in $$($(GO) list ./...); do \
	  targets=$$($(GO) test -list '^Fuzz' $$p) || exit 1; \
	  for f in $$(echo "$$targets" | grep '^Fuzz'); do \
	    echo "== $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
	  done; done

bench: ## the benchmarks; BENCH= chooses some
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem ./...

cover: ## which statements the tests reach: .cache/cover.html
	@mkdir -p .cache
	$(GO) test -coverpkg=./... -coverprofile=.cache/cover.out ./...
	@$(GO) tool cover -html=.cache/cover.out -o .cache/cover.html
	@$(GO) tool cover -func=.cache/cover.out | tail -n 1

fmt: $(GOLANGCI) ## format the tree
	$(GOLANGCI) fmt ./...

clean: ## remove what was built, but not the tools
	rm -rf bin .cache/cover.out .cache/cover.html

$(GOLANGCI):
	@echo "building golangci-lint $(GOLANGCI_VERSION), once; this takes some minutes"
	@mkdir -p $(@D)
	GOBIN=$(@D) $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION)
