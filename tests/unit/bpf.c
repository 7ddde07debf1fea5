#include "tests/unit/bpf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>

#include <cmocka.h>

static bool load(const uint8_t *frame, size_t size, uint64_t at, int width, uint32_t *out)
{
    size_t bytes = width == BPF_W ? 4 : width == BPF_H ? 2 : 1;
    if (at + bytes > size)
        return false;
    *out = 0;
    for (size_t i = 0; i < bytes; i++)
        *out = *out << 8 | frame[at + i];
    return true;
}

uint32_t bpf_run(const struct sock_filter *code, size_t count, const uint8_t *frame, size_t size)
{
    uint32_t a = 0, x = 0;
    for (size_t pc = 0; pc < count; pc++) {
        const struct sock_filter *i = &code[pc];
        switch (i->code) {
        case BPF_LD | BPF_W | BPF_ABS:
        case BPF_LD | BPF_H | BPF_ABS:
        case BPF_LD | BPF_B | BPF_ABS:
            if (!load(frame, size, i->k, BPF_SIZE(i->code), &a))
                return 0;
            break;
        case BPF_LD | BPF_W | BPF_IND:
        case BPF_LD | BPF_H | BPF_IND:
        case BPF_LD | BPF_B | BPF_IND:
            if (!load(frame, size, (uint64_t)i->k + x, BPF_SIZE(i->code), &a))
                return 0;
            break;
        case BPF_LDX | BPF_B | BPF_MSH:
            if (!load(frame, size, i->k, BPF_B, &x))
                return 0;
            x = (x & 15) * 4;
            break;
        case BPF_JMP | BPF_JA:
            pc += i->k;
            break;
        case BPF_JMP | BPF_JEQ | BPF_K:
            pc += a == i->k ? i->jt : i->jf;
            break;
        case BPF_JMP | BPF_JGT | BPF_K:
            pc += a > i->k ? i->jt : i->jf;
            break;
        case BPF_JMP | BPF_JSET | BPF_K:
            pc += a & i->k ? i->jt : i->jf;
            break;
        case BPF_ALU | BPF_AND | BPF_K:
            a &= i->k;
            break;
        case BPF_ALU | BPF_RSH | BPF_K:
            a >>= i->k;
            break;
        case BPF_ALU | BPF_ADD | BPF_X:
            a += x;
            break;
        case BPF_MISC | BPF_TAX:
            x = a;
            break;
        case BPF_RET | BPF_K:
            return i->k;
        default:
            fail_msg("instruction %zu: code %#x is not known here", pc, i->code);
        }
    }
    fail_msg("ran off the end");
    return 0;
}
