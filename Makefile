# Everything that builds, tests and shows Tutti. Needs Go; the demo, the tests
# and the benchmark find an Envoy or obtain one (`tutti envoy --help`).
MODULE := cmd/tutti/module/tutti.wasm

# Static binaries: the image has no libc to speak of.
export CGO_ENABLED := 0

.DEFAULT_GOAL := help
.PHONY: help build wasm test demo e2e bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## /{printf "  make %-8s %s\n", $$1, $$2}' Makefile

# Go knows better than make what has changed; what has not takes a second.
build: wasm ## build bin/tutti with the module inside, and the sample services
	@echo "building bin/tutti and bin/services"
	@go build -trimpath -o bin/ ./cmd/tutti ./e2e/services

# The same bytes everywhere: no paths, and no tool that only some machines have.
wasm: ## build the Wasm module
	@mkdir -p bin
	@echo "building the Wasm module"
	@GOOS=wasip1 GOARCH=wasm go build -trimpath -buildvcs=false -buildmode=c-shared -ldflags='-s -w' -o $(MODULE) ./filter
	@cp $(MODULE) bin/tutti.wasm

test: build ## all tests, the end-to-end specs on real Envoys included
	go vet ./...
	go test -timeout 30m ./...

demo: build ## a mesh on this machine: ask, change the policy, ask again (ONCE=1: check and end)
	@bin/tutti demo --services bin/services --policies e2e/policies/shop.yaml $(if $(ONCE),--once)

e2e: build ## the end-to-end specs in docker-compose
	e2e/images/envoy v1.40.0 bin/tutti
	go test -timeout 30m -count 1 ./e2e -env compose -bin ../bin

bench: build .cache/bin/fortio ## compare with plain Envoy, mirroring and a hand-written aggregator (ARGS="-quick")
	go run ./e2e/bench $(ARGS)

# The last version that needs no module but those of its command and library.
.cache/bin/fortio:
	GOBIN=$(CURDIR)/.cache/bin go install fortio.org/fortio@v1.68.2

clean: ## remove what was built
	rm -rf bin $(MODULE)
