/* bpf.h - classic BPF as the kernel runs it, as far as our filter uses it: for tests. */
#ifndef POWERCTL_TEST_BPF_H
#define POWERCTL_TEST_BPF_H

#include <linux/filter.h>
#include <stddef.h>
#include <stdint.h>

/* What the filter returns for the frame: bytes to keep, 0 to drop it. An instruction that is not
 * known here, or running off the end, fails the test. */
uint32_t bpf_run(const struct sock_filter *code, size_t count, const uint8_t *frame, size_t size);

#endif
