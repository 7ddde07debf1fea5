# Compiler flags.  Hardening is what gcc 12 and clang 14 both know; what only one knows is asked for.

# V=1 shows whole command lines.
say = $(if $(V),,@printf '  %-5s %s\n' $(1) $(2);)

has_flag = $(shell $(CC) -Werror $(1) -E -x c /dev/null >/dev/null 2>&1 && echo $(1))

WARNINGS := -Wall -Wextra -Wconversion -Wshadow -Werror -Wformat=2 -Wvla -Wswitch-enum \
            -Wstrict-prototypes -Wmissing-prototypes -Wimplicit-fallthrough -Wundef \
            -Wpointer-arith -Wwrite-strings \
            $(call has_flag,-Wno-format-truncation) # texts for people are cut to fit, on purpose

HARDENING := -fstack-protector-strong -fstack-clash-protection -fPIE -fno-strict-aliasing \
             -fno-delete-null-pointer-checks -fno-strict-overflow \
             $(call has_flag,-fcf-protection=full) \
             $(call has_flag,-ftrivial-auto-var-init=zero) \
             $(call has_flag,-fzero-call-used-regs=used-gpr)
FORTIFY := -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
HARDENING_LINK := -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code

OPTIMISE ?= -O2 -g

# uthash's default hash falls through a switch, which clang refuses.
CPPFLAGS := -I. -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -DHASH_FUNCTION=HASH_FNV
CFLAGS   := -std=gnu17 $(OPTIMISE) $(WARNINGS) $(HARDENING)
LDFLAGS  := $(HARDENING_LINK)

# SANITIZE=1: AddressSanitizer and UBSan, in a tree of its own; FORTIFY would hide findings.
ifdef SANITIZE
    B := build/asan
    FORTIFY :=
    OPTIMISE := -O1 -g
    CFLAGS  += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
    LDFLAGS += -fsanitize=address,undefined
endif
# COVERAGE=1: gcov, likewise.
ifdef COVERAGE
    B := build/cover
    FORTIFY :=
    OPTIMISE := -O0 -g
    CFLAGS  += --coverage
    LDFLAGS += --coverage
endif
CPPFLAGS += $(FORTIFY)
