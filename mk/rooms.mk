# The rooms: one static library a room, one program a main.  A new .c file in a room is found
# by itself; a new driver is a folder under drivers/ and a line in DRIVERS.

DRIVERS := fake ipmi modbus

ROOMS := proto agent/core agent/io agent/client agent/cli drivers/host $(DRIVERS:%=drivers/%)

# room -> library: agent/core -> build/libagent-core.a
library = $(B)/lib$(subst /,-,$(1)).a

# Vendor libraries, by who may use them (tests/lint/layers checks the includes).
LIBS_proto   := -ljansson
LIBS_io      := -luv -lmicrohttpd -lsqlite3 -lyaml -ljansson
LIBS_client  := -lcurl -ljansson
LIBS_capture := -ljansson
LIBS_fake    := -ljansson
LIBS_ipmi    := -lfreeipmi -lgcrypt -ljansson
LIBS_modbus  := -lmodbus -lm -ljansson

C_FILES := $(shell git ls-files --cached --others --exclude-standard '*.c' '*.h' 2>/dev/null || find . -name '*.[ch]' -not -path './build/*')

MAINS := agent/main.c agent/cli/main.c agent/capture/main.c drivers/host/main.c
sources = $(filter-out $(MAINS),$(wildcard $(1)/*.c))
objects = $(patsubst %.c,$(B)/%.o,$(1))

define room_rule
$(call library,$(1)): $(call objects,$(call sources,$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	@$$(AR) rcs $$@ $$^
endef
$(foreach room,$(ROOMS) agent/capture,$(eval $(call room_rule,$(room))))

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

-include $(shell find $(B) -name unpacked -prune -o -type f -name '*.d' -print 2>/dev/null)

DRIVER_PROGRAMS := $(DRIVERS:%=$(B)/powerctl-driver-%)
PROGRAMS := $(B)/powerctld $(B)/powerctl $(B)/netboot-now $(B)/powerctl-capture $(DRIVER_PROGRAMS)

link = $(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o %.a,$^)

$(B)/powerctld: $(call objects,agent/main.c $(filter-out agent/main.c,$(wildcard agent/*.c))) \
                $(call library,agent/io) $(call library,agent/core) $(call library,proto)
	$(link) $(LIBS_io)

$(B)/powerctl: $(call objects,agent/cli/main.c) $(call library,agent/cli) \
               $(call library,agent/client) $(call library,proto)
	$(link) $(LIBS_client)

$(B)/netboot-now: $(B)/powerctl
	ln -sf powerctl $@

$(B)/powerctl-capture: $(call objects,agent/capture/main.c) $(call library,agent/capture) $(call library,proto)
	$(link) $(LIBS_capture)

define driver_rule
$(B)/powerctl-driver-$(1): $(call objects,drivers/host/main.c) $(call library,drivers/$(1)) \
                           $(call library,drivers/host) $(call library,proto)
	$$(link) $$(LIBS_$(1))
endef
$(foreach driver,$(DRIVERS),$(eval $(call driver_rule,$(driver))))

# What is known of products; the agent finds them beside the drivers of a build tree.
PROFILES := $(wildcard config/profiles/*.yaml)
$(B)/profiles:
	@mkdir -p $(@D)
	$(call say,LINK,$@)ln -sfnr config/profiles $@

MANPAGES := $(patsubst docs/%.scd,$(B)/man/%,$(wildcard docs/*.scd))
$(B)/man/%: docs/%.scd
	@mkdir -p $(@D)
	scdoc < $< > $@
