/* conf_folder.h - a folder for the configuration files of a test, with a password in secrets/bmc.
 * Gone after the test program, with all that is in it. */
#ifndef POWERCTL_TEST_CONF_FOLDER_H
#define POWERCTL_TEST_CONF_FOLDER_H

#include <sys/types.h>

extern char conf_folder[64];

int conf_folder_set_up(void **state);
int conf_folder_tear_down(void **state);

/* Makes or replaces a file in there. */
void conf_folder_put(const char *name, const char *text, mode_t mode);

#endif
