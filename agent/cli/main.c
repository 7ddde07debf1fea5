/* powerctl and netboot-now. */
#include <stdio.h>

#include "agent/cli/command.h"

int main(int argc, char **argv)
{
    int code = cli_run(argc, argv, stdin, stdout, stderr);
    if (fflush(stdout) && code == EXIT_OK) {
        (void)fputs("powerctl: cannot write the results\n", stderr);
        return EXIT_SOME_FAILED;
    }
    return code;
}
