# powerctl: build, check, install.  `make help` lists the targets.
# Everything built lands under $(B); the source tree stays clean.

VERSION := 0.1.0
ifeq ($(origin CC),default)
CC      := gcc
endif
CLANG   ?= clang-14
B       ?= build
PREFIX  ?= /usr/local
SYSCONFDIR ?= /etc
DESTDIR ?=

sbindir := $(PREFIX)/sbin
bindir  := $(PREFIX)/bin
libexecdir := $(PREFIX)/libexec/powerctl
mandir  := $(PREFIX)/share/man
completiondir := $(PREFIX)/share/bash-completion/completions
unitdir := $(PREFIX)/lib/systemd/system
sampledir := $(PREFIX)/share/powerctl/cron
profiledir := $(PREFIX)/share/powerctl/profiles

# Samples to copy from; nothing looks for them where they are installed, so nothing is enabled.
CRON_SAMPLES := $(wildcard config/cron/*)

.DEFAULT_GOAL := all
.SUFFIXES:
.DELETE_ON_ERROR:

include mk/flags.mk
include mk/rooms.mk
include mk/tests.mk

##@ Build
.PHONY: all
all: $(PROGRAMS) $(B)/profiles ## build every program, warnings are errors

.PHONY: clean
clean: ## remove everything that was built
	rm -rf $(B)

.PHONY: install
install: all $(MANPAGES) ## install under PREFIX (DESTDIR respected); never installs packages, never starts a service
	install -d $(DESTDIR)$(sbindir) $(DESTDIR)$(bindir) $(DESTDIR)$(libexecdir) $(DESTDIR)$(SYSCONFDIR)/powerctl
	install -m 755 $(B)/powerctld $(DESTDIR)$(sbindir)/powerctld
	install -m 755 $(B)/powerctl $(DESTDIR)$(bindir)/powerctl
	ln -sf powerctl $(DESTDIR)$(bindir)/netboot-now
	install -m 755 $(DRIVER_PROGRAMS) $(B)/powerctl-capture $(DESTDIR)$(libexecdir)/
	install -m 644 config/powerctl.yaml $(DESTDIR)$(SYSCONFDIR)/powerctl/powerctl.yaml.sample
	install -D -m 644 config/completion/powerctl.bash $(DESTDIR)$(completiondir)/powerctl
	ln -sf powerctl $(DESTDIR)$(completiondir)/netboot-now
	install -d $(DESTDIR)$(unitdir)
	sed 's|/usr/local|$(PREFIX)|g' config/systemd/powerctld.service > $(DESTDIR)$(unitdir)/powerctld.service
	install -d $(DESTDIR)$(sampledir)
	for sample in $(CRON_SAMPLES); do \
	    sed 's|/usr/local|$(PREFIX)|g' $$sample > $(DESTDIR)$(sampledir)/$$(basename $$sample); \
	done
	install -d $(DESTDIR)$(profiledir)
	install -m 644 $(PROFILES) $(DESTDIR)$(profiledir)/
	for page in $(MANPAGES); do \
	    section=$${page##*.}; \
	    install -D -m 644 $$page $(DESTDIR)$(mandir)/man$$section/$$(basename $$page); \
	done

.PHONY: uninstall
uninstall: ## remove what `make install` put there; leaves /etc/powerctl alone
	rm -f $(DESTDIR)$(sbindir)/powerctld $(DESTDIR)$(bindir)/powerctl $(DESTDIR)$(bindir)/netboot-now
	rm -rf $(DESTDIR)$(libexecdir)
	rm -f $(DESTDIR)$(unitdir)/powerctld.service
	rm -rf $(DESTDIR)$(PREFIX)/share/powerctl
	rm -f $(DESTDIR)$(completiondir)/powerctl $(DESTDIR)$(completiondir)/netboot-now
	for page in $(MANPAGES); do \
	    rm -f $(DESTDIR)$(mandir)/man$${page##*.}/$$(basename $$page); \
	done
	rm -f $(DESTDIR)$(SYSCONFDIR)/powerctl/powerctl.yaml.sample

##@ Look after the source
.PHONY: format
format: ## let clang-format decide the layout
	clang-format -i $(C_FILES)

.PHONY: tidy
tidy: compdb ## clang-tidy over everything
	clang-tidy --quiet -p . $(filter agent/%.c drivers/%.c proto/%.c,$(C_FILES))

# clang reads it, so it has clang's flags.
.PHONY: compdb compdb-write
compdb: ## compile_commands.json for editors and clang-tidy
	@$(MAKE) --no-print-directory CC=$(CLANG) compdb-write
compdb-write: export FLAGS = $(CPPFLAGS) $(CFLAGS)
compdb-write:
	@tests/lint/compdb $(CC) $(filter %.c,$(C_FILES)) > compile_commands.json

.PHONY: help
help: ## this list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	    /^[a-z-]+:.*## / {printf "  %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
