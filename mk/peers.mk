# Peers: who the tests and the demo talk to.  A makefile of its own, since only `check` and
# `demo` want them, and the packages they need.
#
#   make -f mk/peers.mk [B=build] [all|demo-peers|bench]

ifeq ($(origin CC),default)
CC := gcc
endif
B ?= build
VERSION := peers

.DEFAULT_GOAL := all
.SUFFIXES:
.DELETE_ON_ERROR:

include mk/flags.mk

PEER_DIR := tests/peers
peer_objects = $(patsubst %.c,$(B)/%.o,$(wildcard $(PEER_DIR)/$(1)/*.c $(PEER_DIR)/common/*.c))

# Headers of a package that is not installed, because it would bring programs along.
UNPACKED := build/unpacked
OPENIPMI_INCLUDE := $(UNPACKED)/libopenipmi-dev/usr/include

.PHONY: all demo-peers bench modbus
all: demo-peers bench modbus $(B)/peers/ipmi_sim_chassis.so ## every peer
demo-peers: $(B)/peers/bmc_farm $(B)/peers/pxe_nodes ## those the demo needs
bench: $(B)/peers/bmc_farm $(B)/bench/measure $(B)/bench/feed ## and those the bench needs
modbus: $(B)/peers/modbus_server $(B)/peers/modbus_noise ## a slave of libmodbus's, and a bad wire

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/peers/bmc_farm: $(call peer_objects,bmc_farm)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lcrypto

$(B)/peers/pxe_nodes: $(call peer_objects,pxe_nodes)
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

$(B)/peers/modbus_server $(B)/peers/modbus_noise: $(B)/peers/%: $(B)/$(PEER_DIR)/%_main.o
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ -lmodbus

$(B)/bench/measure $(B)/bench/feed: $(B)/bench/%: $(B)/tests/bench/%.o
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^

# A module for ipmi_sim, and so position independent, and not a pie.
$(B)/peers/ipmi_sim_chassis.so: $(PEER_DIR)/ipmi_sim_chassis.c $(OPENIPMI_INCLUDE)/OpenIPMI/mcserv.h
	@mkdir -p $(@D)
	$(call say,LINK,$@)$(CC) $(CPPFLAGS) -isystem $(OPENIPMI_INCLUDE) $(filter-out -fPIE,$(CFLAGS)) -fPIC -shared -o $@ $<

$(OPENIPMI_INCLUDE)/OpenIPMI/mcserv.h:
	tests/unpack-packages libopenipmi-dev

-include $(shell find $(B)/tests/peers $(B)/tests/bench -name '*.d' 2>/dev/null)
