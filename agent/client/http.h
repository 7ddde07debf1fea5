/* http.h - one HTTP exchange with the agent over its unix socket, by libcurl.  Private to
 * agent/client. */
#ifndef POWERCTL_HTTP_H
#define POWERCTL_HTTP_H

#include <curl/curl.h>
#include <stddef.h>

#include "agent/client/client.h"

struct client {
    char *socket;
    CURL *curl;
};

struct http_answer {
    long status;
    char *body; /* NUL-terminated; owned */
    size_t size;
};
void http_answer_clear(struct http_answer *answer);

/* `body` NULL: no body. 0 with any status, or -1 if there was no answer. */
int http_exchange(struct client *client, const char *method, const char *path, const char *body,
                  struct http_answer *answer, struct err *err);

/* Turns a status of 400 and more into *err and *problem (may be NULL); 0 if it is below. */
int http_refusal(const struct http_answer *answer, struct problem *problem, struct err *err);

/* Sets err from what libcurl says about this client's connection. -1. */
int http_failure(const struct client *client, CURLcode code, struct err *err);

/* Fresh handle, set to the socket, the URL and the connect timeout. */
void http_prepare(struct client *client, CURL *curl, const char *path);

/* "/v1/nodes?nodes=" + escaped text; malloc'd, NULL if memory ran out. */
char *http_path(const char *path, const char *text);

#endif
