/* The assembler takes the file in as it is; the Makefile knows that this object depends on it. */
#include "core/cli/schema.h"

__asm__(".section .rodata\n.global schema_sql\nschema_sql:\n.incbin \"conf/schema.sql\"\n"
        ".byte 0\n.previous\n");
