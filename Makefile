# Everything that is built, run and tested. `make` alone lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules --no-print-directory

# System packages (Debian, Ubuntu); installed only where missing.
PACKAGES := g++ make python3 pkg-config libavcodec-dev libavutil-dev libswresample-dev ffmpeg
TEST_PACKAGES := doctest-dev curl openssl socat vlc-bin vlc-plugin-base xmltv-util libxml2-utils kodi kodi-pvr-iptvsimple \
	kodi-pvr-hdhomerun xvfb hdhomerun-config gupnp-tools iproute2 chromium mpv nginx-light \
	gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-libav
FUZZ_PACKAGES := clang libclang-rt-dev
NODE_PACKAGES := nodejs npm

# Node: all that runs below finds this one first. npm_config_nodedir names its headers, since a
# user's npm configuration may name those of an older Node and node-gyp would believe it.
TOOLS := $(CURDIR)/toolchain/node_modules
NODE_HOME := $(shell toolchain/node-home)
export PATH := $(NODE_HOME)/bin:$(TOOLS)/.bin:$(CURDIR)/node_modules/.bin:$(PATH)
export npm_config_nodedir := $(NODE_HOME)
NPM_CI := npm ci --ignore-scripts --no-audit --no-fund --loglevel=error
TOOLS_STAMP := $(if $(filter $(TOOLS)/%,$(NODE_HOME)),$(TOOLS)/.package-lock.json)
MODULES_STAMP := node_modules/.package-lock.json

JOBS ?= $(shell nproc)
CHAOS_SECONDS ?= 600

# Never `node-gyp rebuild`: it removes all of build/.
node_gyp = mkdir -p build; node-gyp configure build $(1) --loglevel=error --jobs=$(JOBS) > build/native.log 2>&1 || { cat build/native.log; exit 1; }

##@ Use
.PHONY: help run
help: ## This list
	@awk 'BEGIN { FS = ":.*## " } /^##@/ { print "\n" substr($$0, 5) } \
	  /^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

run: setup native ## Set up what is missing, build, start with the demo receiver
	@exec ./xg2g serve --demo $(ARGS)

##@ Test
.PHONY: test check vitest chaos lint format types bench bench-pool fuzz asan
test: setup test-packages ## Set up what is missing, build, lint, types, all tests
	@node test/run.ts

check: setup test-packages ## The same without the sanitizer builds: before each commit
	@node test/run.ts --quick

vitest: setup ## Some TypeScript tests (ARGS="test/base ...")
	@vitest run $(ARGS)

chaos: setup native ## Viewers, threads and a receiver that misbehave by chance (CHAOS_SECONDS=600, CHAOS_SEED=...)
	@MALLOC_ARENA_MAX=1 CHAOS_SECONDS=$(CHAOS_SECONDS) vitest run test/chaos/chaos.test.ts

lint: setup ## eslint and prettier
	@npm run --silent lint

format: setup ## Mend what prettier and eslint can mend
	@npm run --silent format

types: setup ## The compiler's opinion, nothing written
	@npm run --silent types

bench: setup native ## The benchmarks, each beside its rival (ARGS="name ..." for some)
	@node perf/bench.ts $(ARGS)

bench-pool: setup native ## How many streams a worker carries, as table and plot (ARGS="--seconds 8", --quick)
	@node perf/bench.ts pool $(ARGS)

asan: setup test-packages ## The C++ tests and the kept crashers under Address- and UBSanitizer
	@$(MAKE) -j$(JOBS) asan-tests fuzz-replay
	@$(ASAN_RUN) build/asan/addon-tests
	@for target in $(FUZZERS); do $(ASAN_RUN) build/asan/fuzz/$$target $$(find test/fuzz/crashers/$$target -type f 2>/dev/null); done

fuzz: setup fuzz-packages ## Fuzz each target for FUZZ_SECONDS (60); findings under build/fuzz/findings
	@$(MAKE) -j$(JOBS) fuzz-targets build/release/fuzz-seeds
	@build/release/fuzz-seeds build/fuzz/seeds
	@for target in $(FUZZERS); do $(FUZZ_RUN); done

##@ Parts
.PHONY: setup packages test-packages fuzz-packages native native-debug settings clean
setup: packages $(MODULES_STAMP) ## System packages, Node 24 and npm packages

native: packages $(MODULES_STAMP) ## The addon, optimised
	@rm -f build/Debug/remux.node
	@$(call node_gyp,)

native-debug: packages $(MODULES_STAMP) ## The addon with assertions; loaded in place of the other until `make native`
	@$(call node_gyp,--debug)

settings: setup ## Write the settings into README and the example file
	@node test/base/document.ts

clean: ## Remove what was built (not node_modules, not var)
	rm -rf build dist coverage

packages:
	@toolchain/packages $(PACKAGES)

test-packages:
	@toolchain/packages $(TEST_PACKAGES)

fuzz-packages:
	@toolchain/packages $(FUZZ_PACKAGES)

# npm of any age can do this: the lock pins what comes, the scripts stay off.
$(TOOLS)/.package-lock.json: toolchain/package-lock.json
	@command -v npm > /dev/null || toolchain/packages $(NODE_PACKAGES)
	@echo "Fetching Node into toolchain/"
	@$(NPM_CI) --prefix toolchain
	@touch $@

$(MODULES_STAMP): package-lock.json $(TOOLS_STAMP)
	@echo "Installing npm packages"
	@$(NPM_CI)
	@touch $@

# The C++ without Node, once per variant: build/<variant>/addon-tests, build/asan/fuzz/<target> to
# replay kept inputs, build/fuzz/<target> to find new ones.
LIBAV := libavcodec libavutil libswresample
CORE := $(sort $(shell find addon -name '*.cc' ! -path 'addon/node/*'))
TESTS := $(sort $(wildcard test/addon/*.cc test/addon/*/*.cc))
FUZZERS := $(sort $(basename $(notdir $(wildcard test/fuzz/*.cc))))
# What makes and reads streams for tests, without the tests.
MADE := $(filter-out %.test.cc %/main.cc test/addon/remux.cc,$(TESTS))

CCACHE := $(shell command -v ccache)
CXX := $(CCACHE) g++
CXX_fuzz := $(CCACHE) clang++
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
# Line numbers for the sanitizers, and asserts that are a call each: a third of the compiler's time.
CXX_DEBUG := -g1 -DDOCTEST_CONFIG_SUPER_FAST_ASSERTS
CXXFLAGS = -std=c++20 -fno-math-errno $(CXX_DEBUG) -Wall -Wextra $(WERROR) -Iaddon -Itest/addon -I. $(shell pkg-config --cflags $(LIBAV))
CXXFLAGS_release := -O2
CXXFLAGS_asan := -O1 $(SANITIZE) -D_GLIBCXX_ASSERTIONS
CXXFLAGS_fuzz := -O1 $(SANITIZE) -fsanitize=fuzzer-no-link
LIBS = $(shell pkg-config --libs $(LIBAV)) -pthread
ASAN_RUN := ASAN_OPTIONS=detect_leaks=1:allocator_may_return_null=1 UBSAN_OPTIONS=print_stacktrace=1

.PHONY: release-tests asan-tests fuzz-replay fuzz-targets FORCE
release-tests: build/release/addon-tests
asan-tests: build/asan/addon-tests
fuzz-replay: $(FUZZERS:%=build/asan/fuzz/%)
fuzz-targets: $(FUZZERS:%=build/fuzz/%)

# $(1) variant, $(2) compiler
define variant
build/$(1)/%.o: %.cc Makefile
	@mkdir -p $$(@D)
	@echo "  C++ $(1) $$<"
	@$(2) $$(CXXFLAGS) $$(CXXFLAGS_$(1)) -MMD -MP -c -o $$@ $$<

# A test is compiled far longer than it runs.
build/$(1)/test/addon/%.test.o: CXXFLAGS_$(1) += -O0

build/$(1)/core.a: $(CORE:%.cc=build/$(1)/%.o) build/$(1)/files
	@rm -f $$@
	@ar rcs $$@ $$(filter %.o,$$^)

build/$(1)/addon-tests: $(TESTS:%.cc=build/$(1)/%.o) build/$(1)/core.a build/$(1)/files
	@$(2) $$(CXXFLAGS_$(1)) -o $$@ $$(filter %.o,$$^) build/$(1)/core.a $$(LIBS)

# Changes when a file comes or goes, so that nothing stale is linked.
build/$(1)/files: FORCE
	@mkdir -p $$(@D)
	@echo $(CORE) $(TESTS) | cmp -s - $$@ || echo $(CORE) $(TESTS) > $$@

-include $(patsubst %.cc,build/$(1)/%.d,$(CORE) $(TESTS) $(FUZZERS:%=test/fuzz/%.cc) $(wildcard test/fuzz/*/main.cc))
endef

$(eval $(call variant,release,$(CXX)))
$(eval $(call variant,asan,$(CXX)))
$(eval $(call variant,fuzz,$(CXX_fuzz)))
.SECONDARY:

build/asan/fuzz/%: build/asan/test/fuzz/%.o build/asan/test/fuzz/replay/main.o build/asan/test/addon/ts.o build/asan/core.a
	@mkdir -p $(@D)
	@$(CXX) $(CXXFLAGS_asan) -o $@ $^ $(LIBS)

build/fuzz/%: build/fuzz/test/fuzz/%.o build/fuzz/test/addon/ts.o build/fuzz/core.a
	@$(CXX_fuzz) $(CXXFLAGS_fuzz) -fsanitize=fuzzer -o $@ $^ $(LIBS)

build/release/fuzz-seeds: $(MADE:%.cc=build/release/%.o) build/release/test/fuzz/seeds/main.o
	@$(CXX) -o $@ $^ $(LIBS)

FUZZ_SECONDS ?= 60
define FUZZ_RUN
mkdir -p build/fuzz/corpus/$$target build/fuzz/findings/$$target; \
echo "Fuzzing $$target for $(FUZZ_SECONDS) s"; \
$(ASAN_RUN) build/fuzz/$$target -max_total_time=$(FUZZ_SECONDS) -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 \
  -verbosity=1 -artifact_prefix=build/fuzz/findings/$$target/ \
  $$([ -f test/fuzz/$$target.dict ] && echo -dict=test/fuzz/$$target.dict) \
  build/fuzz/corpus/$$target $$(ls -d build/fuzz/seeds/$$target test/fuzz/crashers/$$target 2>/dev/null)
endef
