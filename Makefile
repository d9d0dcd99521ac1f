# What can be done with this repository: each target installs what it needs first.
#
#   make demo                     a primary, two replicas and the router in front of them, until Ctrl-C
#   make demo ARGS="--for 20"     the same, ends by itself after 20 seconds; also: make demo -- --for 20s
#   make test                     builds and runs every test, with real PostgreSQL servers
#   make tsan                     the tests of threads, and the router under load, with ThreadSanitizer
#   make build                    the release binary, .build/release/pointsman
#   make bench                    measures against PgBouncer; BENCH_ARGS="--help" shows what can be chosen
#   make profile CELL=simple-8    where the time of a cell goes: samples, or instructions with MODE=callgrind
#   make regress                  PostgreSQL's own regression files, directly and through the router (Debian 12 only)
#   make chaos SECONDS=600 SEED=7 writers and readers while servers fail again and again
#   make microbench               what the single steps of a query cost; fails when one of them allocates
#   make pgo                      measures anew what release builds are optimised by, Fixtures/profile; takes long
#   make deps                     only installs what is missing
#   make deb                      a package for Debian and its kin, in .build
#   make clean                    removes all that was built

SWIFT ?= swift

# "make demo -- --for 20s": what follows the first goal are arguments of the demo, not goals.
ifeq ($(firstword $(MAKECMDGOALS)),demo)
ARGS += $(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS))
DEMO_WORDS := $(wordlist 2,$(words $(MAKECMDGOALS)),$(MAKECMDGOALS))
ifneq ($(DEMO_WORDS),)
.PHONY: $(DEMO_WORDS)
$(DEMO_WORDS):
	@:
endif
endif

.PHONY: build release debug test tsan demo deb bench profile regress chaos microbench pgo deps libraries clean

build: release

release: libraries
	$(SWIFT) build -c release --static-swift-stdlib --product pointsman

debug: libraries
	$(SWIFT) build

# The integration tests run the program that is built here beside them.
test: deps
	$(SWIFT) build --build-tests
	$(SWIFT) test --skip-build --disable-xctest

# A race is a failure: of the test process by its exit status, of the routers that it starts by the tests themselves.
TSAN := --sanitize=thread --scratch-path .build-tsan -Xswiftc -DTHREAD_SANITIZER

tsan: libraries
	$(SWIFT) build --build-tests $(TSAN)
	$(SWIFT) test --skip-build --disable-xctest $(TSAN) \
		--filter 'LocksTests|PoolingTests|ReactorTests|LookupsTests|ProxyTests|SeveralWorkersTests|BusyWorkersTests|StopTests'

demo: release
	.build/release/pointsman demo $(ARGS)

deb: release
	.ci/deps objcopy
	Fixtures/packaging/build-deb .build/release/pointsman .build

bench: release
	.ci/deps pgbouncer
	python3 -B Tests/Benchmarks/bench.py $(BENCH_ARGS)

regress: release
	python3 -B Tests/Regress/regress.py "$$(Tests/Regress/fetch)" .build/regress $(REGRESS_ARGS)

CELL ?= simple-8
MODE ?= perf

profile: release
	.ci/deps pgbouncer $(if $(filter callgrind,$(MODE)),valgrind objcopy,perf)
	python3 -B Tests/Benchmarks/profiling.py --mode $(MODE) --cell $(CELL) $(PROFILE_ARGS)

SECONDS ?= 300
SEED ?= 1

chaos: libraries
	$(SWIFT) build --build-tests
	POINTSMAN_CHAOS_SECONDS=$(SECONDS) POINTSMAN_CHAOS_SEED=$(SEED) \
		$(SWIFT) test --skip-build --disable-xctest --filter ChaosTests

microbench: libraries
	$(SWIFT) build -c release --static-swift-stdlib --product microbench
	.build/release/microbench

# Compiled code is not made anew when only the profile has changed: what was compiled by the former one goes.
pgo: libraries
	POINTSMAN_PROFILE=generate $(SWIFT) build -c release --static-swift-stdlib --product pointsman \
		--scratch-path .build-pgo
	rm -rf .build-pgo/profile && mkdir -p .build-pgo/profile
	LLVM_PROFILE_FILE="$(CURDIR)/.build-pgo/profile/%p.profraw" \
		python3 -B Tests/Benchmarks/training.py .build-pgo/release/pointsman
	"$$(dirname "$$(readlink -f "$$(command -v $(SWIFT))")")/llvm-profdata" merge --sparse \
		-o Fixtures/profile/pointsman.profdata .build-pgo/profile/*.profraw
	rm -rf .build/release/*.build .build/release/description.json .build/release.yaml

deps:
	.ci/deps drivers openssl slapd strace haproxy patroni etcd nss-wrapper

libraries:
	.ci/deps

clean:
	rm -rf .build .build-tsan .build-pgo
