/* rack_pdu.h - the PDUs of a rack, and what hangs on them: for rack.c. */
#ifndef POWERCTL_TEST_RACK_PDU_H
#define POWERCTL_TEST_RACK_PDU_H

#include "tests/unit/rack.h"

void rack_hang_on_pdus(struct rack *rack); /* devices, feeds, outlets as nodes */
struct rack_pdu *rack_pdu_of(struct rack *rack, const char *device); /* NULL: it is none */
void rack_pdu_obey(struct rack *rack, const struct driver_request *request,
                   struct driver_reply *reply);

size_t rack_index_of(struct rack *rack, const struct driver_request *request); /* of the node */
/* Always, where nodes have no feeds. */
bool rack_is_fed(const struct rack *rack, size_t index);
bool rack_is_silent(struct rack *rack, const struct driver_request *request);
bool *rack_loses_off_reply(struct rack *rack, const struct driver_request *request);

/* rack.c: its machine goes on or off. */
void rack_power_edge(struct rack *rack, size_t index, bool on);

#endif
