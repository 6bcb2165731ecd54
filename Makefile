GO      ?= go
FUZZTIME ?= 10s

.DEFAULT_GOAL := help

.PHONY: help test lint fuzz bench fmt

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

test: ## vet and test everything, with the race detector (needs a C compiler)
	@command -v $${CC:-gcc} >/dev/null || { echo "the race detector needs a C compiler: install gcc"; exit 1; }
	$(GO) vet ./...
	CGO_ENABLED=1 $(GO) test -race ./...

lint: ## formatting and a tidy go.mod
	@bad=$$(gofmt -l .); if [ -n "$$bad" ]; then echo "not formatted:"; echo "$$bad"; exit 1; fi
	$(GO) mod tidy -diff

fuzz: ## every fuzz target for FUZZTIME each
	@for p in $$($(GO) list ./...); do \
	  for f in $$($(GO) test -list '^Fuzz' $$p | grep '^Fuzz'); do \
	    echo "== $$p $$f"; $(GO) test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) $$p || exit 1; \
	  done; done

bench: ## the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

fmt: ## format the tree
	gofmt -w .
