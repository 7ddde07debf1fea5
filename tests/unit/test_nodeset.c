/* The rules of tests/data/nodeset-cases.tsv, one by one, and properties over random sets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "proto/cleanup.h"
#include "proto/nodeset.h"

static const char *test_group(const void *arg, const char *name)
{
    static const char *const groups[][2] = {
        {"rack1", "n[01-16]"},         {"rack2", "n[17-32]"}, {"empty", ""},
        {"both", "@rack[1-2]"},        {"self", "n01,@self"}, {"ping", "@pong"},
        {"pong", "n01,@ping"},         {"bad", "n[01-"},      {"nothing", "n01!n01"},
        {"evens", "@both&n[02-32/2]"},
    };
    (void)arg;
    for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
        if (!strcmp(groups[i][0], name))
            return groups[i][1];
    return NULL;
}

static const char *test_each(const void *arg, size_t index)
{
    static char names[32][8];
    (void)arg;
    if (index >= 32)
        return NULL;
    (void)snprintf(names[index], sizeof names[index], "n%02zu", index + 1);
    return names[index];
}

static bool test_known(const void *arg, const char *name)
{
    const char *known;
    for (size_t i = 0; (known = test_each(arg, i)); i++)
        if (!strcmp(known, name))
            return true;
    return false;
}

/* As in config loading, and as on the command line. */
static const struct nodeset_source any = {.group = test_group, .each = test_each};
static const struct nodeset_source known = {
    .group = test_group, .known = test_known, .each = test_each};

/* The names joined by ',', or "error: text". */
static const char *expand(const char *text, const struct nodeset_source *source, char *warning)
{
    static char out[1 << 20];
    struct err err = {0};
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    if (nodeset_parse(text, source, &set, warning, &err)) {
        (void)snprintf(out, sizeof out, "error: %s", err.text);
        assert_null(set);
        assert_int_equal(err.kind, ERR_USAGE);
        return out;
    }
    size_t used = 0;
    out[0] = '\0';
    for (size_t i = 0; i < nodeset_count(set); i++)
        used += (size_t)snprintf(out + used, sizeof out - used, "%s%s", i ? "," : "",
                                 nodeset_name(set, i));
    return out;
}

static char *fold(const char *text, const struct nodeset_source *source)
{
    struct err err = {0};
    _cleanup_(nodeset_freep) struct nodeset *set = NULL;
    if (nodeset_parse(text, source, &set, NULL, &err))
        fail_msg("%s: %s", text, err.text);
    char *folded = nodeset_fold(set);
    assert_non_null(folded);
    return folded;
}

/* clang-format off */
/* One row for each row of nodeset-cases.tsv (`name` is its first column), then those of our own.
 * `names` is what comes out, or "error: ..."; `folded` may be NULL for errors. */
static const struct {
    const char *name, *text, *names, *folded;
} cases[] = {
    { "plain-zero-pad", "n[01-16,20]", "n01,n02,n03,n04,n05,n06,n07,n08,n09,n10,n11,n12,n13,n14,n15,n16,n20", "n[01-16,20]" },
    { "two-brackets", "rack[1-2]n[01-03]", "rack1n01,rack1n02,rack1n03,rack2n01,rack2n02,rack2n03", "rack1n[01-03],rack2n[01-03]" },
    { "suffix-domain", "n[1-3].cluster.local", "n1.cluster.local,n2.cluster.local,n3.cluster.local", "n1.cluster.local,n2.cluster.local,n3.cluster.local" },
    { "suffix-ib", "n[1-3]-ib", "n1-ib,n2-ib,n3-ib", "n1-ib,n2-ib,n3-ib" },
    { "mixed-pad-range", "n[1-10,01-03]", "n1,n2,n3,n4,n5,n6,n7,n8,n9,n01,n02,n03,n10", "n[1-9,01-03,10]" },
    { "reverse-range", "n[5-1]", "error: column 3: the range '5-1]' runs backwards", NULL },
    { "dup", "n[1-3],n2,n1", "n1,n2,n3", "n[1-3]" },
    { "order", "n3,n1,n2", "n1,n2,n3", "n[1-3]" },
    { "unclosed", "n[1-3", "error: column 6: ']' is missing: 'n[1-3'", NULL },
    { "stray-close", "n1-3]", "error: column 5: ']' without '[' in 'n1-3]'", NULL },
    { "nested", "n[[1-2]]", "error: column 3: brackets inside brackets: 'n[[1-2]]'", NULL },
    { "double-comma", "n1,,n2", "error: column 4: a name is missing before ',n2'", NULL },
    { "space-sep", "n1 n2", "n1,n2", "n[1-2]" },
    { "newline-sep", "n1\nn2", "n1,n2", "n[1-2]" },
    { "ipv4-octets", "10.0.[0-1].[1-2]", "10.0.0.1,10.0.0.2,10.0.1.1,10.0.1.2", "10.0.0.[1-2],10.0.1.[1-2]" },
    { "exclusion!", "n[1-5]!n[2-3]", "n1,n4,n5", "n[1,4-5]" },
    { "exclusion-x-dash", "n[1-5],-n2", "error: column 8: '-n2': to leave nodes out, write '!n2'", NULL },
    { "xor^", "n[1-3]^n[3-4]", "n1,n2,n4", "n[1-2,4]" },
    { "group", "@rack1", "n01,n02,n03,n04,n05,n06,n07,n08,n09,n10,n11,n12,n13,n14,n15,n16", "n[01-16]" },
    { "group-bracket", "@rack[1-2]!n[02-31]", "n01,n32", "n[01,32]" },
    { "group-empty", "@empty", "error: column 1: in @empty: column 1: no nodes are given", NULL },
    { "excl-missing-group", "n[1-5]!@nosuch", "error: column 8: no group is called '@nosuch'", NULL },
    { "excl-pad-differs", "n[01-03]!n1", "n01,n02,n03", "n[01-03]" },
    { "comma-then-and", "n[1-3],n[5-7]&n[2-6]", "n2,n3,n5,n6", "n[2-3,5-6]" },
    { "trailing-dash-range", "n[3-]", "error: column 5: a number is missing before ']' in 'n[3-]'", NULL },
    { "bracket-spaces", "n[1 - 3, 5]", "error: column 4: a blank inside brackets, after 'n[1'", NULL },
    { "negative", "n[-1-3]", "error: column 3: a number is missing before '-1-3]' in 'n[-1-3]'", NULL },
    { "huge-num", "n[99999999999999999998-99999999999999999999]", "error: column 3: '99999999999999999998-99999999999...' has more than 9 digits", NULL },
    { "big-1e5", "n[1-100000]", "error: column 1: 'n[1-100000]' stands for more than 65536 names", NULL },
    { "crossing-pad", "n[8-12],n[08-12]", "n8,n9,n08,n09,n10,n11,n12", "n[8-9,08-12]" },
    { "zero", "n[0-2],n[00-02]", "n0,n1,n2,n00,n01,n02", "n[0-2,00-02]" },
    { "wildcard", "n*!n[03-32]", "n01,n02", "n[01-02]" },
    { "fold-suffix", "n1-ib,n2-ib", "n1-ib,n2-ib", "n1-ib,n2-ib" },
    { "fold-mixed-pad", "n099,n100,n99", "n99,n099,n100", "n[99,099-100]" },
    { "semicolon", "n1;reboot", "error: column 3: ';' cannot stand in a name ('n1;reboot')", NULL },
    { "case", "N[1-2],n[1-2]", "N1,N2,n1,n2", "N[1-2],n[1-2]" },
    { "outlets", "pdu-a/[1-24]!pdu-a/[3-22],pdu-b/7", "pdu-a/1,pdu-a/2,pdu-a/23,pdu-a/24,pdu-b/7", "pdu-a/[1-2,23-24],pdu-b/7" },
    { "outlet-step", "pdu-a/[1-9/4]", "pdu-a/1,pdu-a/5,pdu-a/9", "pdu-a/[1,5,9]" },
    { "slash-first", "/3", "error: column 1: '/3': a name begins with a letter or a digit", NULL },
    { "slash-group", "@pdu-a/3", "error: column 1: '@pdu-a/3' is not the name of a group", NULL },

    { NULL, "@nosuch", "error: column 1: no group is called '@nosuch'", NULL },
    { NULL, "@rack[1-3]", "error: column 1: no group is called '@rack3'", NULL },
    { NULL, "n[01-010]", "error: column 3: the ends of '01-010]' are padded differently", NULL },
    { NULL, "n[1-010]", "error: column 3: the ends of '1-010]' are padded differently", NULL },
    { NULL, "n[001-99]", "error: column 3: the ends of '001-99]' are padded differently", NULL },
    { NULL, "n[+1-3]", "error: column 3: a number is missing before '+1-3]' in 'n[+1-3]'", NULL },
    { NULL, "n[]", "error: column 3: a number is missing before ']' in 'n[]'", NULL },
    { NULL, "n[1,]", "error: column 5: a number is missing before ']' in 'n[1,]'", NULL },
    { NULL, "n[1-3x]", "error: column 6: 'x]' does not belong in brackets", NULL },
    { NULL, "n[1-9/0]", "error: column 3: the step of '1-9/0]' is 0", NULL },
    { NULL, "n1,n2,", "error: column 7: a name is missing at the end", NULL },
    { NULL, "", "error: column 1: no nodes are given", NULL },
    { NULL, " \n", "error: column 3: a name is missing at the end", NULL },
    { NULL, "!n1", "error: column 1: a name is missing before '!n1'", NULL },
    { NULL, "n1,!n2", "error: column 4: a name is missing before '!n2'", NULL },
    { NULL, "@", "error: column 1: the name of a group is missing", NULL },
    { NULL, "-n2", "error: column 1: '-n2': to leave nodes out, write '!n2'", NULL },
    { NULL, "\"n1\"", "error: column 1: '\"' cannot stand in a name ('\"n1\"')", NULL },
    { NULL, "n1\x1b[2J", "error: column 3: '?' cannot stand in a name ('n1?[2J')", NULL },
    { NULL, "n\xc3\xa9", "error: column 2: '?' cannot stand in a name ('n?\?')", NULL },
    { NULL, "n1!n1", "error: column 1: no node is left of 'n1!n1'", NULL },
    { NULL, "@self", "error: column 1: in @self: column 5: the group '@self' contains itself", NULL },
    { NULL, "@ping", "error: column 1: in @ping: column 1: in @pong: column 5: the group '@ping' contains itself", NULL },
    { NULL, "n9,@bad", "error: column 4: in @bad: column 6: ']' is missing: 'n[01-'", NULL },
    { NULL, "n9!@nothing", "error: column 4: in @nothing: column 1: no node is left of 'n01!n01'", NULL },
    { NULL, "a[1-1000]b[1-1000]", "error: column 1: 'a[1-1000]b[1-1000]' stands for more than 65536 names", NULL },
    { NULL, "n[1-65536],m", "error: column 12: more than 65536 names", NULL },
    { NULL, "x*", "error: column 1: no node matches 'x*'", NULL },
    { NULL, "n[1-9/2]", "n1,n3,n5,n7,n9", "n[1,3,5,7,9]" },
    { NULL, "n[1-3,1-2,2]^n2", "n1,n3", "n[1,3]" },
    { NULL, "n1,n01,n001", "n1,n01,n001", "n[1,01,001]" },
    { NULL, "n[1-5],n9!n2,n2", "n1,n2,n3,n4,n5,n9", "n[1-5,9]" },
    { NULL, "n[01-100]&n[09,010,10,099,99-100]", "n09,n10,n99,n100", "n[09-10,99-100]" },
    { NULL, " n1 ,\n n2 ! n1 ", "n2", "n2" },
    { NULL, "n1,n1a,n2", "n1,n1a,n2", "n[1-2],n1a" },
    { NULL, "[1-3]", "1,2,3", "[1-3]" },
    { NULL, "a1234567890,a1234567891", "a1234567890,a1234567891", "a1234567890,a1234567891" },
    { NULL, "@evens&n[01-08]", "n02,n04,n06,n08", "n[02,04,06,08]" },
    { NULL, "n0*,n[1-2]*0&n10", "n10", "n10" },
    { NULL, "rack[1-2]n[1-2]r[1-2]", "rack1n1r1,rack1n1r2,rack1n2r1,rack1n2r2,rack2n1r1,rack2n1r2,rack2n2r1,rack2n2r2", "rack1n1r[1-2],rack1n2r[1-2],rack2n1r[1-2],rack2n2r[1-2]" },
};
/* clang-format on */

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        const char *names = expand(cases[i].text, &any, NULL);
        if (strcmp(names, cases[i].names))
            fail_msg("%s\n  gives    %s\n  expected %s", cases[i].text, names, cases[i].names);
        if (!cases[i].folded)
            continue;
        _cleanup_(freep) char *folded = fold(cases[i].text, &any);
        assert_string_equal(folded, cases[i].folded);
    }
}

static bool have_case(const char *name)
{
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (cases[i].name && !strcmp(cases[i].name, name))
            return true;
    return false;
}

static void test_every_rule_has_a_case(void **state)
{
    (void)state;
    _cleanup_(fclosep) FILE *file = fopen("tests/data/nodeset-cases.tsv", "re");
    _cleanup_(freep) char *line = NULL;
    size_t size = 0, rows = 0;
    assert_non_null(file);
    assert_true(getline(&line, &size, file) > 0); /* headings */
    while (getline(&line, &size, file) > 0) {
        char *tab = strchr(line, '\t');
        assert_non_null(tab);
        *tab = '\0';
        if (!have_case(line))
            fail_msg("no case for '%s'", line);
        rows++;
    }
    assert_int_equal(rows, 40);
}

static void test_only_known_nodes(void **state)
{
    (void)state;
    assert_string_equal(expand("n*&n[01-03]", &known, NULL), "n01,n02,n03");
    assert_string_equal(expand("n[31-33]", &known, NULL),
                        "error: column 1: no node is called 'n33'");
    assert_string_equal(expand("n01,N02", &known, NULL),
                        "error: column 5: no node is called 'N02'; did you mean 'n02'?");
    assert_string_equal(expand("n[01-03]!n1", &known, NULL),
                        "error: column 10: no node is called 'n1'");
    assert_string_equal(expand("*", NULL, NULL), "error: column 1: '*' cannot be used here");
    assert_string_equal(expand("@rack1", NULL, NULL),
                        "error: column 1: no group is called '@rack1'");
}

static void test_warnings(void **state)
{
    char warning[256] = "left over";
    (void)state;
    expand("n[01-03]!n1", &any, warning);
    assert_string_equal(warning, "'!n1' leaves nothing out");
    expand("n[01-03]!n01", &any, warning);
    assert_string_equal(warning, "");
}

/* Each "&n*" looks at all 60,000 again: 64 KiB of them are refused, not computed. */
static void test_work_is_limited(void **state)
{
    enum { SIZE = 65536 };
    static char text[SIZE];
    size_t used = 0;
    (void)state;
    used += (size_t)snprintf(text, SIZE, "n[1-60000]");
    while (used + 4 < SIZE)
        used += (size_t)snprintf(text + used, SIZE - used, "&n*");
    assert_non_null(strstr(expand(text, &any, NULL), "too much work"));
}

static void test_long_names(void **state)
{
    char text[400];
    (void)state;
    memset(text, 'x', sizeof text);
    text[63] = '\0';
    assert_string_equal(expand(text, &any, NULL), text);
    text[63] = 'x';
    text[64] = '\0';
    assert_non_null(strstr(expand(text, &any, NULL), "is longer than 63 characters"));
    text[64] = 'x';
    memcpy(text + 300, "[1-2]", 6);
    assert_non_null(strstr(expand(text, &any, NULL), "is longer than 255 characters"));
    for (size_t i = 0; i < 390; i += 3)
        memcpy(text + i, "[1]", 4);
    assert_non_null(strstr(expand(text, &any, NULL), "too many brackets"));
}

static uint64_t seed;
static uint32_t below(uint32_t limit)
{
    seed = seed * 6364136223846793005 + 1442695040888963407;
    return (uint32_t)(seed >> 33) % limit;
}

/* A name of the kinds that exist: padded, unpadded, suffixed, two numbers, none. */
static void random_name(char name[32])
{
    static const char *const prefixes[] = {"n", "rack1n", "N", "a-", "gpu.", "10.0.0.", ""};
    static const char *const suffixes[] = {"", "", "", "", "-ib", ".dom", "x1"};
    (void)snprintf(name, 32, "%s%0*u%s", prefixes[below(7)], (int)below(4), below(130),
                   suffixes[below(7)]);
}

static struct nodeset *random_set(void)
{
    enum { MOST = 60 };
    static char text[MOST][32];
    const char *names[MOST];
    uint32_t count = 1 + below(MOST);
    struct nodeset *set = NULL;
    for (uint32_t i = 0; i < count; i++) {
        random_name(text[i]);
        names[i] = text[i];
    }
    assert_int_equal(nodeset_from_names(names, count, &set, NULL), 0);
    for (uint32_t i = 0; i < count; i++)
        assert_true(nodeset_has(set, names[i]));
    return set;
}

static bool same(const struct nodeset *a, const struct nodeset *b)
{
    if (nodeset_count(a) != nodeset_count(b))
        return false;
    for (size_t i = 0; i < nodeset_count(a); i++)
        if (strcmp(nodeset_name(a, i), nodeset_name(b, i)))
            return false;
    return true;
}

static void test_fold_reads_back(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= 5000; i++) {
        seed = i;
        struct err err = {0};
        _cleanup_(nodeset_freep) struct nodeset *set = random_set(), *again = NULL;
        _cleanup_(freep) char *folded = nodeset_fold(set);
        if (nodeset_parse(folded, NULL, &again, NULL, &err) || !same(set, again))
            fail_msg("seed %llu: %s: %s", (unsigned long long)i, folded, err.text);
        char hash[17], hash_again[17];
        nodeset_hash(set, hash);
        nodeset_hash(again, hash_again);
        assert_string_equal(hash, hash_again);
        for (size_t j = 1; j < nodeset_count(set); j++)
            assert_true(name_compare(nodeset_name(set, j - 1), nodeset_name(set, j)) < 0);
    }
}

static const char *sides[2];
static const char *side_group(const void *arg, const char *name)
{
    (void)arg;
    return !strcmp(name, "left") ? sides[0] : sides[1];
}

static bool expected_in(char op, bool in_a, bool in_b)
{
    return op == ','   ? in_a || in_b
           : op == '!' ? in_a && !in_b
           : op == '&' ? in_a && in_b
                       : in_a != in_b;
}

/* Each operator against what it means, name by name. */
static void test_algebra(void **state)
{
    static const struct nodeset_source source = {.group = side_group};
    static const char operators[] = ",!&^";
    (void)state;
    for (uint64_t i = 1; i <= 3000; i++) {
        seed = i;
        char text[] = "@left?@right";
        text[5] = operators[below(4)];
        _cleanup_(nodeset_freep) struct nodeset *a = random_set(), *b = random_set(), *c = NULL;
        _cleanup_(freep) char *left = nodeset_fold(a), *right = nodeset_fold(b);
        sides[0] = left;
        sides[1] = right;
        int rc = nodeset_parse(text, &source, &c, NULL, NULL);
        size_t expected = 0;
        for (size_t j = 0; j < nodeset_count(a); j++)
            expected += expected_in(text[5], true, nodeset_has(b, nodeset_name(a, j)));
        for (size_t j = 0; j < nodeset_count(b); j++)
            if (!nodeset_has(a, nodeset_name(b, j)))
                expected += expected_in(text[5], false, true);
        assert_int_equal(rc, expected ? 0 : -1);
        assert_int_equal(c ? nodeset_count(c) : 0, expected);
        for (size_t j = 0; c && j < nodeset_count(c); j++) {
            const char *name = nodeset_name(c, j);
            assert_true(expected_in(text[5], nodeset_has(a, name), nodeset_has(b, name)));
        }
    }
}

static void test_hash_tells_sets_apart(void **state)
{
    static const char *const texts[] = {"n1", "n2", "n01", "n[1-2]", "n12", "n[1-16]"};
    char hash[ARRAY_SIZE(texts)][17];
    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
        _cleanup_(nodeset_freep) struct nodeset *set = NULL;
        assert_int_equal(nodeset_parse(texts[i], NULL, &set, NULL, NULL), 0);
        nodeset_hash(set, hash[i]);
        assert_int_equal(strlen(hash[i]), 16);
        for (size_t j = 0; j < i; j++)
            assert_string_not_equal(hash[i], hash[j]);
    }
}

static void test_from_names_refuses(void **state)
{
    const char *bad[] = {"n1", "n2;reboot"};
    struct nodeset *set = NULL;
    struct err err;
    (void)state;
    assert_int_equal(nodeset_from_names(bad, 2, &set, &err), -1);
    assert_string_equal(err.text, "'n2;reboot' is not a name");
    assert_int_equal(nodeset_from_names(bad, 0, &set, &err), 0);
    assert_int_equal(nodeset_count(set), 0);
    assert_null(nodeset_name(set, 0));
    assert_false(nodeset_has(set, "n1"));
    _cleanup_(freep) char *folded = nodeset_fold(set);
    assert_string_equal(folded, "");
    nodeset_freep(&set);
}

static void check_expand(const char *pattern, const char *expected)
{
    char joined[512] = "", **names = NULL;
    size_t count = 0, used = 0;
    struct err err = {0};
    if (nodeset_expand(pattern, &names, &count, &err))
        used = (size_t)snprintf(joined, sizeof joined, "error: %s", err.text);
    for (size_t i = 0; i < count; i++)
        used +=
            (size_t)snprintf(joined + used, sizeof joined - used, "%s%s", i ? " " : "", names[i]);
    assert_string_equal(joined, expected);
    nodeset_expand_free(names, count);
}

static void test_expand_for_settings(void **state)
{
    (void)state;
    check_expand("bmc-n[3,1-2]", "bmc-n3 bmc-n1 bmc-n2");
    check_expand("10.1.[0-1].[9-10]", "10.1.0.9 10.1.0.10 10.1.1.9 10.1.1.10");
    check_expand("pdu-a/[1-3]", "pdu-a/1 pdu-a/2 pdu-a/3");
    check_expand("52:54:00:aa:00:[08-10]", "52:54:00:aa:00:08 52:54:00:aa:00:09 52:54:00:aa:00:10");
    check_expand("any text, at all!", "any text, at all!");
    check_expand("", "");
    check_expand("n[1-3,2]", "error: column 1: 'n2' is in it twice");
    check_expand("n[1-2],m[1-2]", "error: column 7: ',' cannot stand in a name ('n[1-2],m[1-2]')");
    check_expand("@g[1-2]", "error: column 1: '@' cannot stand in a name ('@g[1-2]')");
    check_expand("n[1-2] x", "error: column 7: '?' cannot stand in a name ('n[1-2]')");
    check_expand("n1]", "error: column 3: ']' without '[' in 'n1]'");
    check_expand("n[1-70000]", "error: column 1: 'n[1-70000]' stands for more than 65536 names");
}

static void test_error_column(void **state)
{
    const char *rest;
    (void)state;
    assert_int_equal(nodeset_error_column("column 17: what", &rest), 17);
    assert_string_equal(rest, "what");
    assert_int_equal(nodeset_error_column("columns", &rest), 0);
    assert_string_equal(rest, "columns");
    assert_int_equal(nodeset_error_column("column 5", &rest), 0);
}

static void test_names(void **state)
{
    (void)state;
    assert_true(name_compare("n2", "n10") < 0);
    assert_true(name_compare("n9", "n01") < 0);
    assert_true(name_compare("n1", "n1a") < 0);
    assert_true(name_compare("N1", "n1") < 0);
    assert_int_equal(name_compare("n1", "n1"), 0);
    assert_true(name_valid("n1.dom_x:y-z"));
    assert_false(name_valid(""));
    assert_false(name_valid("-n"));
    assert_false(name_valid(".."));
    assert_false(name_valid("a/b"));
    assert_true(name_valid_node("a/b"));
    assert_false(name_valid_node("/b"));
    assert_false(name_valid("a b"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_every_rule_has_a_case),
        cmocka_unit_test(test_only_known_nodes),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_work_is_limited),
        cmocka_unit_test(test_long_names),
        cmocka_unit_test(test_fold_reads_back),
        cmocka_unit_test(test_algebra),
        cmocka_unit_test(test_hash_tells_sets_apart),
        cmocka_unit_test(test_from_names_refuses),
        cmocka_unit_test(test_expand_for_settings),
        cmocka_unit_test(test_error_column),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
