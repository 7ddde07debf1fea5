#include "proto/spelling.h"

#include <string.h>

enum { WORD_MAX = 64 };

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Letters inserted, left out, changed, or swapped with their neighbour (optimal string
 * alignment): what fingers do. */
static size_t distance(const char *a, size_t an, const char *b, size_t bn)
{
    size_t rows[3][WORD_MAX + 1];
    size_t *before = rows[0], *above = rows[1], *row = rows[2];
    for (size_t j = 0; j <= bn; j++)
        before[j] = above[j] = j;
    for (size_t i = 1; i <= an; i++) {
        row[0] = i;
        for (size_t j = 1; j <= bn; j++) {
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
        size_t *spare = before;
        before = above;
        above = row;
        row = spare;
    }
    return above[bn];
}

struct spelling spelling_of(const char *word)
{
    size_t size = strlen(word);
    return (struct spelling){.word = word, .distance = (size < 4 ? 1 : size / 3) + 1};
}

void spelling_consider(struct spelling *spelling, const char *candidate)
{
    size_t a = strlen(spelling->word), b = strlen(candidate);
    if (a > WORD_MAX || b > WORD_MAX || (a > b ? a - b : b - a) >= spelling->distance)
        return;
    size_t d = distance(spelling->word, a, candidate, b);
    if (d < spelling->distance) {
        spelling->distance = d;
        spelling->nearest = candidate;
    }
}
