/* nodes_argument.h - the words of a command line that name nodes, as one expression. */
#ifndef POWERCTL_NODES_ARGUMENT_H
#define POWERCTL_NODES_ARGUMENT_H

#include <stdio.h>

#include "proto/err.h"

/* Joins the words (union; "-" reads `in`) and leaves out `exclude` (may be NULL). malloc'd.
 * The agent reads operators left to right and has no brackets, so only one word may hold
 * operators (it is put first), and `exclude` none. */
int nodes_argument(char *const *words, int count, const char *exclude, FILE *in, char **expression,
                   struct err *err);

/* "column 1: " of an error about an expression that is one word says nothing: takes it away. */
void nodes_forget_column(const char *expression, struct err *err);

#endif
