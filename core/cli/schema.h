/* core/cli/schema.h - conf/schema.sql inside the program, NUL-terminated. */
#ifndef CLI_SCHEMA_H
#define CLI_SCHEMA_H

extern const char schema_sql[];

#endif
