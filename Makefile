# make run    from a clean clone to a running Loot; prints where to go
# make test   installs what the tests need, then format, lint and all tests
# make soak   the long runs; writes docs/develop/soak.md
# make check-invoices RULES=DIR
#             the official rules of EN 16931 in DIR on 1,000 made-up invoices and on
#             those that tests issue
.PHONY: run demo build test check generate soak check-invoices clean

GO ?= go

run: build
	./bin/loot serve --data data

demo: build
	./bin/loot demo --data data-demo

build:
	@GO=$(GO) ./scripts/install-build-tools
	$(GO) build -trimpath -o bin/loot ./cmd/loot

test:
	./scripts/install-test-tools
	./scripts/test

check:
	./scripts/check

generate:
	$(GO) generate ./...

soak: build
	./scripts/install-test-tools
	./scripts/soak

check-invoices:
	GO=$(GO) ./scripts/check-invoices "$(RULES)"

clean:
	rm -rf bin artefacts
