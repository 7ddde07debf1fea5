/* ipmi_bmc.h - one BMC of the farm in memory: the far end of a session that has no sockets.
 *
 * User admin, password secret, powered on. Time is an argument, in milliseconds. */
#ifndef POWERCTL_TESTS_IPMI_BMC_H
#define POWERCTL_TESTS_IPMI_BMC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BMC_DATAGRAM_SIZE = 256 };

struct ipmi_bmc *ipmi_bmc_new(void);
void ipmi_bmc_login(struct ipmi_bmc *bmc, const char *user, const char *password);
void ipmi_bmc_free(struct ipmi_bmc *bmc);

/* The answer's size; 0: none. */
size_t ipmi_bmc_hear(struct ipmi_bmc *bmc, const void *bytes, size_t size, uint64_t now_ms,
                     uint8_t answer[BMC_DATAGRAM_SIZE]);

/* A fault of the farm, by its words: ("slots", "1"). Not those that take time. */
void ipmi_bmc_fault(struct ipmi_bmc *bmc, const char *word, const char *value);

/* The next `times` commands of this number are refused with `code`, and not done. */
void ipmi_bmc_refuse(struct ipmi_bmc *bmc, uint8_t command, uint8_t code, unsigned times);

/* Every session is gone, as after a restart of the BMC. */
void ipmi_bmc_forget(struct ipmi_bmc *bmc);

/* The truth. */
bool ipmi_bmc_is_on(const struct ipmi_bmc *bmc);
unsigned ipmi_bmc_controls(const struct ipmi_bmc *bmc);   /* power commands obeyed */
unsigned ipmi_bmc_handshakes(const struct ipmi_bmc *bmc); /* sessions begun */
unsigned ipmi_bmc_sessions(struct ipmi_bmc *bmc, uint64_t now_ms);

#endif
