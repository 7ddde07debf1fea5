/* torture.h - what happens when memory runs out, at every place where it can.
 *
 * A case does one piece of work and writes down what came of it.  It is run once undisturbed, then
 * again and again, its first allocation failing, then its second, and so on until a run ends before
 * its turn comes; and all that once more with every later allocation failing too.  Only allocations
 * of the product and of jansson on its behalf count: the case itself never fails.
 *
 * Each disturbed run must either write what the undisturbed one wrote, or return -1 with an error
 * that says that memory ran out, or stop the program on purpose (torture_stops: who may).  Never
 * may it crash, leak, or write anything else. */
#ifndef POWERCTL_TORTURE_H
#define POWERCTL_TORTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "proto/err.h"

struct torture_case {
    const char *name;
    /* 0, or -1 with *err. `told`: what came of it, the same in every run. */
    int (*run)(FILE *told, struct err *err);
};

/* Functions of this room that may stop the program for want of memory; NULL ends. */
extern const char *const torture_stops[];

/* From here on allocations count, until the case returns or says torture_rest(). */
void torture_begin(void);
void torture_rest(void);

/* Did an allocation of this run fail? For cases that check what must hold after a clean error. */
bool torture_failed(void);

/* Exit status of the program: 0 if every case behaved. */
int torture_main(const char *room, const struct torture_case *cases, size_t count);

/* What must hold in a case whatever happened: false ends the program with a message. */
void torture_expect(bool holds, const char *what);

#endif
