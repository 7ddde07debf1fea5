/* style.h - colours, which only ever repeat what a word beside them says. */
#ifndef POWERCTL_STYLE_H
#define POWERCTL_STYLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "proto/words.h"

enum colour { COLOUR_NONE, COLOUR_RED, COLOUR_GREEN, COLOUR_YELLOW, COLOUR_ALARM, COLOURS };

/* Begins a colour, or "" where colours are off. COLOUR_NONE ends it. */
const char *colour(bool on, enum colour colour);

enum colour outcome_colour(enum outcome outcome);
enum colour power_colour(enum power power);

/* The word for people: "LEFT OFF" is loud, the others are as on the wire. */
const char *outcome_word(enum outcome outcome);

/* Colours on this descriptor: a terminal that is not dumb, no NO_COLOR, not refused. */
bool colours_wanted(FILE *out, bool refused);

/* "120.5" */
enum { WATTS_TEXT_SIZE = 16 };
void watts_format(uint32_t milliwatts, char text[WATTS_TEXT_SIZE]);

/* "12:00:03" of the wall clock, local time. */
enum { CLOCK_TEXT_SIZE = 32 };
void local_time_format(int64_t unix_ms, char text[CLOCK_TEXT_SIZE]);
void local_date_format(int64_t unix_ms, char text[CLOCK_TEXT_SIZE]); /* "2026-01-31 12:00:03" */

#endif
