/* phone_home_request.h - the request of a node that says it is up, taken apart.  Pure: text in, a
 * status and a token out.  Anybody on the nodes' network can send it. */
#ifndef POWERCTL_IO_PHONE_HOME_REQUEST_H
#define POWERCTL_IO_PHONE_HOME_REQUEST_H

#include <stdbool.h>

enum { PHONE_HOME_TOKEN_SIZE = 64 };

/* Has the empty line behind the headers come? */
bool phone_home_request_whole(const char *request);

/* 200 with the token, a name or a MAC of letters, digits and ._:- only; 400 or 404 otherwise.
 * `request` is written into. */
int phone_home_request_read(char *request, char token[PHONE_HOME_TOKEN_SIZE]);

#endif
