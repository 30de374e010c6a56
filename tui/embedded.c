/* The assembler takes the files in as they are; the Makefile knows that this object depends on them. */
#include "tui/embedded.h"

#define EMBED(symbol, file)                                                     \
    __asm__(".section .rodata\n.global " #symbol "\n" #symbol ":\n.incbin \"" file \
            "\"\n.byte 0\n.previous\n")

EMBED(embedded_theme_default, "themes/default.theme");
EMBED(embedded_theme_light, "themes/light.theme");
EMBED(embedded_theme_cvd, "themes/cvd.theme");
EMBED(embedded_theme_mono, "themes/mono.theme");
EMBED(embedded_theme_high_contrast, "themes/high-contrast.theme");
EMBED(embedded_keys, "conf/default.keys");
