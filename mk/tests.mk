# Tests.  `quick` needs only what building needs and cmocka; `check` adds real peers.

UNIT_SOURCES := $(wildcard tests/unit/test_*.c)
UNIT_PROGRAMS := $(UNIT_SOURCES:tests/unit/%.c=$(B)/unit/%)
# Each unit test is a program of its own; it links what it uses out of all rooms but the mains.
TEST_LIBRARIES := $(foreach room,agent/cli agent/client agent/io agent/core agent/capture drivers/host \
                    $(DRIVERS:%=drivers/%) proto,$(call library,$(room)))
# Helpers of tests, beside them: every other .c file in tests/unit.
UNIT_HELPERS := $(call objects,$(filter-out $(UNIT_SOURCES),$(wildcard tests/unit/*.c)))
# The farm's BMCs without its sockets: test_ipmi_session has one in memory.
UNIT_HELPERS += $(call objects,$(filter-out %_main.c %/net.c %/command_line.c,$(wildcard tests/peers/bmc_farm/*.c)))
TEST_LIBS := -lcmocka -Wl,--as-needed $(LIBS_io) $(LIBS_client) $(LIBS_ipmi) $(LIBS_modbus) -lcrypto

$(B)/libtest-helpers.a: $(UNIT_HELPERS)
	@rm -f $@
	@$(AR) rcs $@ $^

.SECONDARY:
$(B)/unit/%: $(B)/tests/unit/%.o $(B)/libtest-helpers.a $(TEST_LIBRARIES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(TEST_LIBS)

# Peers: simulated devices and nodes, each a program.
PEERS := $(patsubst tests/peers/%.c,$(B)/peers/%,$(wildcard tests/peers/*_main.c))

# Fuzzers: libFuzzer with clang; the same harness as a plain program replays its corpus.
FUZZERS := $(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
REPLAYS := $(FUZZERS:%=$(B)/fuzz/replay_%)
$(B)/fuzz/replay_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(TEST_LIBRARIES)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(TEST_LIBS)

# The core in virtual time. Every call of boot_step() from another file passes tests/sim/coverage.c,
# which counts; the core itself is the one that ships.
$(B)/sim/sim: $(call objects,$(wildcard tests/sim/*.c)) $(call library,agent/core) $(call library,proto)
	@mkdir -p $(@D)
	$(link) -Wl,--wrap=boot_step $(LIBS_proto)

# Allocation failures: the rooms' own libraries, built with sanitizers, their allocations renamed
# to the harness's (tests/torture/torture.h).  The objects of the tests themselves stay as they are.
TORTURES := proto core cli
TORTURE_PROGRAMS := $(TORTURES:%=$(B)/torture/torture_%)
$(B)/torture/%.a: $(B)/%.a tests/torture/symbols
	@mkdir -p $(@D)
	@objcopy --redefine-syms=tests/torture/symbols $< $@
tortured = $(foreach room,$(1),$(B)/torture/$(notdir $(call library,$(room))))
$(B)/torture/torture_proto: $(call tortured,proto)
$(B)/torture/torture_core: $(B)/libtest-helpers.a $(call tortured,agent/core proto)
$(B)/torture/torture_cli: $(call tortured,agent/cli agent/client proto)
$(TORTURE_PROGRAMS): $(B)/torture/torture_%: $(B)/tests/torture/torture_%.o $(B)/tests/torture/torture.o
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group \
	    -lcmocka $(LIBS_client)

##@ Test
.PHONY: quick
quick: $(PROGRAMS) $(B)/profiles $(UNIT_PROGRAMS) $(REPLAYS) $(B)/sim/sim $(if $(SANITIZE),$(TORTURE_PROGRAMS)) ## unit tests, fuzz corpora, golden files, lint: a few seconds
	tests/run quick $(B)

.PHONY: check
check: ## everything: quick, then scenarios with real BMC, boot server and kernel (installs what it needs)
	tests/install-packages check
	$(MAKE) all check-built

.PHONY: check-built
check-built: $(PROGRAMS) $(B)/profiles $(UNIT_PROGRAMS) $(REPLAYS) $(B)/sim/sim
	$(MAKE) -f mk/peers.mk B=$(B)
	tests/run check $(B)

SEEDS ?= 20000
.PHONY: sim
sim: $(B)/sim/sim ## the core in virtual time, judged after every event: make sim SEEDS=20000
	$(B)/sim/sim --seeds $(SEEDS) --jobs $$(nproc) $(if $(filter-out 0 1 2 3 4 5 6 7 8 9,$(shell expr $(SEEDS) / 2000)),--require-coverage)

.PHONY: mutants
mutants: $(B)/sim/sim ## planted bugs in the core, each to be caught by the simulator
	tests/sim/mutants/run $(B) '$(CC)'

.PHONY: noise
noise: ## the Modbus driver on wires that spoil frames, judged by what happened: make noise FRAMES=1000000 SEED=7
	tests/install-packages check
	$(MAKE) all
	$(MAKE) -f mk/peers.mk B=$(B) modbus
	tests/peers/pdu_load $(B) $(or $(FRAMES),1000000) lines=4 seed=$(or $(SEED),1)

.PHONY: crash
crash: ## kill -9 at every journal step of a cycle and a netboot of 16 (SEED=, LANES=; about 20 minutes)
	tests/install-packages check
	$(MAKE) all
	$(MAKE) -f mk/peers.mk B=$(B) demo-peers
	tests/scenario/crash/sweep $(B)/crash/cycle cycle full $(B)
	tests/scenario/crash/sweep $(B)/crash/netboot netboot full $(B)

.PHONY: demo
demo: ## netboot a simulated rack of 16 and show it live; KEEP=1 leaves it running (installs what it needs)
	tests/install-packages demo
	$(MAKE) all
	$(MAKE) -f mk/peers.mk B=$(B) demo-peers
	tests/demo/run $(B)

.PHONY: asan
asan: ## quick and torture, rebuilt with AddressSanitizer and UBSan
	$(MAKE) SANITIZE=1 quick

.PHONY: fuzz
fuzz: ## libFuzzer with clang 14: make fuzz F=dhcp T=60
	tests/fuzz/run $(CLANG) '$(F)' '$(or $(T),60)'

.PHONY: fuzz-all
fuzz-all: ## every target in turn, a line for each: make fuzz-all T=600
	tests/fuzz/run $(CLANG) '' '$(or $(T),600)'

.PHONY: torture torture-run
torture: ## fail every allocation of proto, core and CLI in turn, under AddressSanitizer and UBSan
	$(MAKE) SANITIZE=1 torture-run
torture-run: $(TORTURE_PROGRAMS)
	@for program in $^; do $$program || exit 1; done

.PHONY: bench
bench: ## our driver, FreeIPMI and ipmitool side by side on simulated BMCs; COUNT= ROUNDS= ONLY= JUDGE=1
	tests/install-packages check
	$(MAKE) all
	$(MAKE) -f mk/peers.mk B=$(B) bench
	tests/bench/run $(B) $(if $(JUDGE),--judge)

.PHONY: bench-agent
bench-agent: ## the agent with 10,000 nodes, idle and asked, with 200 watchers; COUNT= WATCHERS=
	tests/install-packages check
	$(MAKE) all
	$(MAKE) -f mk/peers.mk B=$(B) demo-peers
	tests/bench/agent-scale $(B) $(or $(COUNT),10000) $(or $(WATCHERS),200)

.PHONY: bench-outlets
bench-outlets: ## two hundred outlets on ten buses, with one of them dead and without; ROUNDS=
	tests/install-packages check
	$(MAKE) all
	tests/bench/outlets $(B) $(or $(ROUNDS),20)

.PHONY: cover
cover: ## line coverage of the unit tests, by gcov
	$(MAKE) COVERAGE=1 quick
	tests/lint/coverage build/cover
