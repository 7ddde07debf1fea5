#include "tests/torture/torture.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Of the sanitizers; gcc 12 comes without <sanitizer/allocator_interface.h>. */
size_t __sanitizer_get_current_allocated_bytes(void);
size_t __sanitizer_get_allocated_size(const volatile void *bytes);
void __sanitizer_symbolize_pc(void *pc, const char *format, char *out, size_t size);
int __lsan_do_recoverable_leak_check(void);
void __sanitizer_set_report_fd(void *fd);

/* What the product's calls became: see tests/torture/symbols. */
void *torture_malloc(size_t size);
void *torture_calloc(size_t count, size_t size);
void *torture_realloc(void *old, size_t size);
void *torture_reallocarray(void *old, size_t count, size_t size);
char *torture_strdup(const char *text);
char *torture_strndup(const char *text, size_t size);
int torture_asprintf(char **out, const char *format, ...) __attribute__((format(printf, 2, 3)));
int torture_vasprintf(char **out, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
FILE *torture_open_memstream(char **text, size_t *size);
FILE *torture_fmemopen(void *bytes, size_t size, const char *mode);
int torture_fclose(FILE *file);
void torture_stop(void) __attribute__((noreturn));
void torture_exit(int status) __attribute__((noreturn));

enum { SITES_MAX = 100000 };

static struct {
    bool counting, for_good;
    size_t site, fail_at; /* from 1; 0: none fails */
    size_t failed;
    sigjmp_buf stopped;
    const char *room, *name;
    size_t tried, clean, harmless, stops;
    FILE *complaints; /* stderr is the product's, which has much to say, and is not read */
} torture;

/* --- the product's allocations -------------------------------------------------------------- */

static bool fails(void)
{
    if (!torture.counting)
        return false;
    torture.site++;
    bool turn = torture.fail_at && (torture.for_good ? torture.site >= torture.fail_at
                                                     : torture.site == torture.fail_at);
    torture.failed += turn;
    return turn;
}

void *torture_malloc(size_t size)
{
    return fails() ? NULL : malloc(size);
}

void *torture_calloc(size_t count, size_t size)
{
    return fails() ? NULL : calloc(count, size);
}

void *torture_realloc(void *old, size_t size)
{
    return fails() ? NULL : realloc(old, size);
}

void *torture_reallocarray(void *old, size_t count, size_t size)
{
    return fails() ? NULL : reallocarray(old, count, size);
}

char *torture_strdup(const char *text)
{
    return fails() ? NULL : strdup(text);
}

char *torture_strndup(const char *text, size_t size)
{
    return fails() ? NULL : strndup(text, size);
}

int torture_vasprintf(char **out, const char *format, va_list args)
{
    if (!fails())
        return vasprintf(out, format, args);
    *out = (char *)(uintptr_t)0xdead; /* "the contents of strp are undefined" */
    return -1;
}

int torture_asprintf(char **out, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size = torture_vasprintf(out, format, args);
    va_end(args);
    return size;
}

FILE *torture_open_memstream(char **text, size_t *size)
{
    return fails() ? NULL : open_memstream(text, size);
}

FILE *torture_fmemopen(void *bytes, size_t size, const char *mode)
{
    return fails() ? NULL : fmemopen(bytes, size, mode);
}

/* A stream in memory that could not grow says so here at the latest. */
int torture_fclose(FILE *file)
{
    bool failed = fails();
    return fclose(file) || failed ? EOF : 0;
}

static void stop(const void *caller, const char *how)
{
    char function[256];
    bool on_purpose = false;
    __sanitizer_symbolize_pc((char *)(uintptr_t)caller - 1, "%f", function, sizeof function);
    for (size_t i = 0; torture_stops[i]; i++)
        on_purpose = on_purpose || !strcmp(function, torture_stops[i]);
    if (torture.failed && on_purpose)
        siglongjmp(torture.stopped, 1);
    (void)fprintf(torture.complaints, "%s/%s: site %zu%s: %s() in %s()\n", torture.room,
                  torture.name, torture.fail_at, torture.for_good ? " and all behind it" : "", how,
                  function);
    _exit(1);
}

void torture_stop(void)
{
    stop(__builtin_return_address(0), "abort");
    _exit(1);
}

void torture_exit(int status)
{
    (void)status;
    stop(__builtin_return_address(0), "exit");
    _exit(1);
}

/* --- for cases ------------------------------------------------------------------------------ */

void torture_begin(void)
{
    torture.counting = true;
}

void torture_rest(void)
{
    torture.counting = false;
}

bool torture_failed(void)
{
    return torture.failed > 0;
}

static void complain(const char *what, const char *more)
{
    (void)fprintf(torture.complaints, "%s/%s: site %zu%s: %s%s\n", torture.room, torture.name,
                  torture.fail_at, torture.for_good ? " and all behind it" : "", what, more);
    _exit(1);
}

void torture_expect(bool holds, const char *what)
{
    if (!holds)
        complain(what, "");
}

/* --- runs ----------------------------------------------------------------------------------- */

enum ending { ENDED_WELL, ENDED_CLEANLY, STOPPED };

struct run {
    enum ending ending;
    char *told;
    struct err err;
};

static int run_case(const struct torture_case *each, FILE *told, struct err *err)
{
    torture.site = torture.failed = 0;
    torture.counting = true;
    int rc = each->run(told, err);
    torture.counting = false;
    return rc;
}

static struct run run(const struct torture_case *each)
{
    static char *text; /* static, as the rest here: longjmp forgets what registers held */
    static size_t size, before;
    static FILE *told;
    static struct run run;
    run = (struct run){0};
    before = __sanitizer_get_current_allocated_bytes();
    told = open_memstream(&text, &size);
    if (!told)
        abort();
    if (sigsetjmp(torture.stopped, 0)) {
        torture.counting = false;
        run.ending = STOPPED; /* what it held is lost, as at the end of any program */
        return run;
    }
    run.ending = run_case(each, told, &run.err) ? ENDED_CLEANLY : ENDED_WELL;
    (void)fclose(told);
    run.told = text;
    size_t kept = __sanitizer_get_current_allocated_bytes() - __sanitizer_get_allocated_size(text);
    if (kept > before && torture.fail_at) {
        text = NULL;
        (void)__lsan_do_recoverable_leak_check();
        complain("leaks", "");
    }
    return run;
}

/* False: it ended before the site's turn came. */
static bool try_site(const struct torture_case *each, const char *undisturbed)
{
    struct run disturbed = run(each);
    if (!torture.failed) {
        torture_expect(disturbed.ending == ENDED_WELL, "fails although nothing failed");
        free(disturbed.told);
        return false;
    }
    torture.tried++;
    switch (disturbed.ending) {
    case STOPPED:
        torture.stops++;
        break;
    case ENDED_CLEANLY:
        torture.clean++;
        if (disturbed.err.kind != ERR_SYSTEM || !disturbed.err.text[0])
            complain("does not say that memory ran out: ", disturbed.err.text);
        break;
    case ENDED_WELL:
        torture.harmless++;
        if (strcmp(disturbed.told, undisturbed) != 0) {
            (void)fprintf(torture.complaints, "--- undisturbed\n%s\n--- now\n%s\n", undisturbed,
                          disturbed.told);
            complain("something else came of it", "");
        }
        break;
    }
    free(disturbed.told);
    return true;
}

static void try_case(const struct torture_case *each)
{
    torture.name = each->name;
    torture.fail_at = 0;
    free(run(each).told); /* what libraries allocate once and keep */
    struct run undisturbed = run(each);
    if (undisturbed.ending != ENDED_WELL || !*undisturbed.told)
        complain("does not work undisturbed: ", undisturbed.err.text);
    for (int for_good = 0; for_good < 2; for_good++) {
        torture.for_good = for_good;
        for (torture.fail_at = 1; try_site(each, undisturbed.told); torture.fail_at++)
            torture_expect(torture.fail_at < SITES_MAX, "never ends");
    }
    free(undisturbed.told);
}

int torture_main(const char *room, const struct torture_case *cases, size_t count)
{
    torture.room = room;
    int own = dup(STDERR_FILENO);
    torture.complaints = own < 0 ? NULL : fdopen(own, "w");
    if (!torture.complaints || !freopen("/dev/null", "w", stderr))
        abort();
    (void)setvbuf(torture.complaints, NULL, _IONBF, 0); /* _exit() does not flush */
    __sanitizer_set_report_fd((void *)(uintptr_t)own);
    json_set_alloc_funcs(torture_malloc, free);
    for (size_t i = 0; i < count; i++)
        try_case(&cases[i]);
    (void)printf("%s: sites tried %zu, clean errors %zu, without harm %zu, stops on purpose %zu\n",
                 room, torture.tried, torture.clean, torture.harmless, torture.stops);
    (void)fflush(stdout);
    _exit(torture.tried == 0); /* stops on purpose left what they held: nothing to look at */
}
