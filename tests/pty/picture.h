/*
 * tests/pty/picture.h - what is on the screen as a picture, and what happens on it as a recording.
 *
 * SVG      a rectangle for each run of a background, a text for each run of a style; monospaced, each
 *          run as wide as its columns whatever font is at hand
 * Cast     asciinema's format, version 2: a header, then [seconds, "o", text] a line
 */
#ifndef PTY_PICTURE_H
#define PTY_PICTURE_H

#include <stdio.h>

#include "tests/pty/screen.h"

void picture_svg(struct screen *s, bool is_light, FILE *to);

struct cast;
struct cast *cast_open(const char *path, int rows, int cols); /* NULL: errno says why */
void cast_add(struct cast *c, const char *p, size_t n);       /* half a character waits for its rest */
void cast_close(struct cast *c);                              /* NULL is fine */

#endif
