/*
 * tests/pty/process.h - what /proc says of the processes that a scene has started.
 *
 * Errors   0 where there is none, or it has just gone
 */
#ifndef PTY_PROCESS_H
#define PTY_PROCESS_H

#include <sys/types.h>

/* The console below its keeper; the demo's simulator is a child too, but of a group of its own. */
pid_t process_child(pid_t parent);
pid_t process_of_session(pid_t session); /* one that still runs, other than its leader */
double process_cpu_s(pid_t pid);
long process_memory_kib(pid_t pid); /* resident */

#endif
