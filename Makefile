# One Makefile for everything; `make help` lists what it can do.
#
# A build tree per variant: build/plain, build/asan (SAN=address,undefined), build/tsan (SAN=thread),
# each with the compiler's name added when CC is not gcc.  Objects follow the folders; a new file in
# a known folder needs no line here.

CC       = gcc
PREFIX   = /usr/local
LIBEXECDIR = $(PREFIX)/libexec
DESTDIR  =
ROUNDS   = 1
SAN      =
# `make Q=` shows the commands.
Q        = @
WERROR   =
VERSION := 0.1.0

variant := $(if $(findstring address,$(SAN)),asan,$(if $(findstring thread,$(SAN)),tsan,plain))
cc_name := $(notdir $(CC))
V       := build/$(variant)$(if $(filter-out gcc cc,$(cc_name)),-$(cc_name))

PKGS     := ncursesw libcurl yaml-0.1 libutf8proc libpcre2-8 libcrypto sqlite3 libpq zlib
WARN     := -Wall -Wextra -Wshadow -Wvla -Wpointer-arith -Wstrict-prototypes -Wmissing-prototypes \
            -Wwrite-strings -Wundef -Wformat=2 $(if $(findstring gcc,$(CC)),-Wno-format-truncation) \
            $(if $(WERROR),-Werror)
HARDEN   := -fPIE -fstack-protector-strong -fstack-clash-protection $(if $(findstring gcc,$(CC)),-ftrivial-auto-var-init=zero) \
            $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
OPT      := $(if $(SAN),-O1 -fno-omit-frame-pointer,-O2) -g
san_flag := $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all)
CFLAGS   ?=
LDFLAGS  ?=
cflags    = -std=c17 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -DLIBEXECDIR='"$(LIBEXECDIR)"' -I. $(pkg_cflags) $(OPT) $(WARN) \
            $(HARDEN) $(san_flag) -pthread -MMD -MP $(CFLAGS)
ldflags   = -pie -Wl,-z,relro,-z,now,-z,noexecstack -pthread $(san_flag) $(LDFLAGS)

# Asked once, and only when something is built: `make clean` works without the libraries.
pkg_cflags = $(eval pkg_cflags := $(shell pkg-config --cflags $(PKGS)))$(pkg_cflags)
pkg_libs   = $(eval pkg_libs := $(shell pkg-config --libs $(PKGS)) -lm)$(pkg_libs)
sim_libs   = $(eval sim_libs := $(shell pkg-config --libs libmicrohttpd libcjson))$(sim_libs)
test_libs  = $(eval test_libs := $(shell pkg-config --libs cmocka vterm) -lutil)$(test_libs)

ROOMS     := base conf loop model judge report sources store change gather cli
core_src  := $(sort $(foreach r,$(ROOMS),$(wildcard core/$(r)/*.c)))
tui_src   := $(sort $(filter-out tui/main.c,$(wildcard tui/*.c)) $(wildcard panels/*.c))
lib_obj   := $(patsubst %.c,$(V)/%.o,$(core_src) $(tui_src))
LIB       := $(V)/libbakewatch.a
BIN       := $(V)/bakewatch

# The simulated platform: a program of its own, of base, conf, loop and model alone.
SIM       := $(V)/bakewatch-sim
sim_obj   := $(patsubst %.c,$(V)/%.o,$(filter-out core/sim/main.c,$(sort $(wildcard core/sim/*.c))))
SIM_LIB   := $(V)/libbakewatch-sim.a

unit_src  := $(sort $(wildcard tests/unit/test_*.c))
golden_src:= $(sort $(wildcard tests/golden/test_*.c))
unit_bin  := $(patsubst %.c,$(V)/%,$(unit_src))
golden_bin:= $(patsubst %.c,$(V)/%,$(golden_src))
pty_lib   := $(patsubst %.c,$(V)/%.o,$(wildcard tests/pty/*.c))
golden_lib:= $(patsubst %.c,$(V)/%.o,$(filter-out $(golden_src),$(wildcard tests/golden/*.c)))
PTY       := $(V)/tests/pty/scene
APPEND    := $(V)/tests/it/append
CALLS     := $(V)/tests/it/errdb_calls
MEASURE   := $(V)/tests/it/measure_calls
DAY       := $(V)/tests/bench/history
fuzz_src  := $(sort $(wildcard tests/fuzz/fuzz_*.c))
fuzz_bin  := $(patsubst %.c,$(V)/%,$(fuzz_src))
RUN       := tests/run -o $(V)/counts

# Leaks of ncurses' own are not ours to mend; a SIGSEGV that a scene sends must stay one.
export LSAN_OPTIONS := suppressions=tests/lsan.supp:print_suppressions=0
export ASAN_OPTIONS := handle_segv=0
export TSAN_OPTIONS := handle_segv=0

.PHONY: all help demo demo-cluster screenshots check check-fast check-unit check-golden check-pty check-corpus check-it \
        check-chaos layers bench fuzz soak install clean deps deps-test format
.DELETE_ON_ERROR:
.SECONDARY:

all: $(BIN) $(SIM)

help:
	@echo 'make              build $(BIN)'
	@echo 'make demo         the console on a simulated platform'
	@echo 'make demo-cluster the console on a real control plane, which it builds once (6 minutes)'
	@echo 'make screenshots  the pictures in conf/pictures, from the real screen'
	@echo 'make check        all tests (installs what it lacks)'
	@echo 'make check-fast   the tests that need no servers'
	@echo 'make layers       who may include whom'
	@echo 'make bench        figures, as ratios'
	@echo 'make fuzz [T=NAME SECONDS=60]'
	@echo 'make soak T=NAME [ROUNDS=500]'
	@echo 'make install [DESTDIR= PREFIX=$(PREFIX)]'
	@echo 'SAN=address,undefined or SAN=thread, CC=clang, WERROR=1 with any of them'

$(BIN): $(V)/tui/main.o $(LIB)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(pkg_libs)

$(LIB): $(lib_obj)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(SIM_LIB): $(sim_obj)
	@rm -f $@
	$(Q)ar rcs $@ $^

$(SIM): $(V)/core/sim/main.o $(SIM_LIB) $(LIB)
	$(Q)$(CC) $(ldflags) -Wl,--as-needed -o $@ $^ $(sim_libs) $(pkg_libs)

$(V)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(Q)$(CC) $(cflags) -c -o $@ $<

$(V)/tui/embedded.o: $(wildcard themes/*.theme) conf/default.keys
$(V)/core/cli/schema.o: conf/schema.sql
$(V)/core/sim/embedded.o: $(wildcard conf/stories/*.yaml)

# A story before the judge, in virtual time: the stories' verdicts and the bench of the statistics.
PLAY      := $(V)/tests/bench/play.o
VERDICT   := $(V)/tests/bench/verdict

$(V)/tests/unit/test_sim_verdict: $(PLAY)
$(VERDICT): %: %.o $(PLAY) $(SIM_LIB) $(LIB)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(sim_libs) $(pkg_libs)

$(filter $(V)/tests/unit/test_sim%,$(unit_bin)): %: %.o $(SIM_LIB) $(LIB)
	$(Q)$(CC) $(ldflags) -o $@ $(filter %.o,$^) $(filter %.a,$^) $(sim_libs) $(pkg_libs) $(test_libs)

$(V)/tests/unit/test_%: $(V)/tests/unit/test_%.o $(LIB)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(pkg_libs) $(test_libs)

$(V)/tests/golden/test_%: $(V)/tests/golden/test_%.o $(golden_lib) $(LIB)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(pkg_libs) $(test_libs)

$(PTY): $(pty_lib) $(LIB)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(pkg_libs) $(test_libs)

$(APPEND) $(CALLS) $(MEASURE) $(DAY): %: %.o $(LIB)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(pkg_libs)

$(filter $(V)/tests/fuzz/fuzz_sim%,$(fuzz_bin)): %: %.o $(V)/tests/fuzz/replay.o $(SIM_LIB) $(LIB)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(sim_libs) $(pkg_libs)

$(V)/tests/fuzz/fuzz_%: $(V)/tests/fuzz/fuzz_%.o $(V)/tests/fuzz/replay.o $(LIB)
	$(Q)$(CC) $(ldflags) -o $@ $^ $(pkg_libs)

# ---- what a fresh machine lacks ----

deps:
	@tests/deps build
deps-test:
	@tests/deps test

# ---- tests; each layer adds a line to $(V)/counts, and tests/run prints the sum ----

check: deps-test
	@$(MAKE) --no-print-directory check-all

check-all: layers $(BIN) $(SIM) $(unit_bin) $(golden_bin) $(fuzz_bin) $(PTY) $(VERDICT)
	@rm -f $(V)/counts
	@ok=0; for layer in unit golden corpus pty chaos it; do \
	    $(MAKE) --no-print-directory check-$$layer || ok=1; done; \
	$(RUN) --sum || ok=1; exit $$ok

check-fast: layers $(BIN) $(SIM) $(unit_bin) $(golden_bin) $(fuzz_bin) $(PTY) $(VERDICT)
	@rm -f $(V)/counts
	@ok=0; for layer in unit golden corpus pty; do \
	    $(MAKE) --no-print-directory check-$$layer || ok=1; done; \
	$(RUN) --sum || ok=1; exit $$ok

check-unit: $(unit_bin) $(VERDICT)
	@$(RUN) unit $(unit_bin) tests/man "$(VERDICT) 20"
check-golden: $(golden_bin)
	@$(RUN) golden $^
check-corpus: $(fuzz_bin)
	@$(RUN) corpus $(foreach b,$(fuzz_bin),"$(b) tests/fuzz/corpus/$(patsubst fuzz_%,%,$(notdir $(b)))")
check-pty: $(PTY) $(BIN)
	@BAKEWATCH=$(BIN) ROUNDS=$(ROUNDS) $(RUN) pty $(foreach s,$(sort $(wildcard tests/pty/*.scene)),"$(PTY) $(s)")
check-chaos:
	@$(RUN) chaos $(sort $(wildcard tests/chaos/test_*.py))
check-it: $(PTY) $(APPEND) $(CALLS) $(MEASURE) $(BIN) $(SIM)
	@BAKEWATCH=$(BIN) SIM=$(SIM) SCENE=$(PTY) APPEND=$(APPEND) CALLS=$(CALLS) MEASURE=$(MEASURE) ROUNDS=$(ROUNDS) $(RUN) it $(sort $(wildcard tests/it/test_*.py))

layers:
	@tests/layers
	@tests/layers-test

fuzz:
	@tests/fuzz/run $(T) $(or $(SECONDS),60)

bench: $(BIN) $(SIM) $(PTY) $(VERDICT) $(DAY)
	@BAKEWATCH=$(BIN) SIM=$(SIM) SCENE=$(PTY) tests/bench/run && BAKEWATCH=$(BIN) SCENE=$(PTY) tests/bench/errors && SIM=$(SIM) tests/bench/sim && $(VERDICT) fold
	@d=$$(mktemp -d) && $(DAY) $$d; rc=$$?; rm -rf "$$d"; exit $$rc
	@DAY=$(DAY) BAKEWATCH=$(BIN) SIM=$(SIM) SCENE=$(PTY) tests/bench/day

soak: $(BIN) $(SIM) $(PTY) $(APPEND) $(CALLS) $(MEASURE) $(VERDICT)
	@[ "$(T)" != verdict ] || exec $(VERDICT) $(or $(filter-out 1,$(ROUNDS)),1000); [ "$(T)" = verdict ] || \
	    BAKEWATCH=$(BIN) SIM=$(SIM) SCENE=$(PTY) APPEND=$(APPEND) CALLS=$(CALLS) MEASURE=$(MEASURE) \
	    ROUNDS=$(or $(filter-out 1,$(ROUNDS)),500) $(RUN) soak tests/it/test_$(T).py

demo: deps
	@$(MAKE) --no-print-directory $(BIN) $(SIM)
	@$(BIN) demo

# A real control plane with a small platform, and the console before it.
demo-cluster: deps-test
	@$(MAKE) --no-print-directory $(BIN)
	@BAKEWATCH=$(BIN) tests/it/demo

# The pictures in conf/pictures, from the real screen.
screenshots: $(BIN) $(SIM) $(PTY)
	@mkdir -p $(V)/pictures
	@for s in $(sort $(wildcard tests/pictures/*.scene)); do \
	    TMPDIR=$(CURDIR)/$(V)/pictures BAKEWATCH=$(BIN) LANG=C.UTF-8 $(PTY) $$s || exit 1; done

install: $(BIN) $(SIM)
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1 \
	    $(DESTDIR)$(PREFIX)/share/doc/bakewatch $(DESTDIR)$(LIBEXECDIR)/bakewatch
	install -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/bakewatch
	install -m 755 $(SIM) $(DESTDIR)$(LIBEXECDIR)/bakewatch/bakewatch-sim
	install -m 644 man/*.1 $(DESTDIR)$(PREFIX)/share/man/man1/
	install -m 644 README.md CHANGELOG.md LICENSE conf/config.yaml conf/schema.sql \
	    $(DESTDIR)$(PREFIX)/share/doc/bakewatch/

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build

-include $(shell find $(V) -name '*.d' 2>/dev/null)
