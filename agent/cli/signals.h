/* signals.h - Ctrl-C and a terminal that changed its size, as flags that are asked. */
#ifndef POWERCTL_SIGNALS_H
#define POWERCTL_SIGNALS_H

#include <stdbool.h>

/* From now on SIGINT and SIGTERM set a flag, SIGPIPE ends only the write. A second SIGINT ends
 * the program at once. */
void signals_catch(void);
bool signals_interrupted(void);
bool signals_resized(void); /* since it was last asked */

#endif
