/*
 * tui/keeper.h - a small parent process that outlives the console and leaves the terminal sane.
 *
 * main calls keeper_start first, before any library has a thread or an fd.  It returns in the child
 * (the console).  The parent keeps termios, forwards signals, waits, restores the terminal whatever
 * happened to the child, and ends with the child's status.  The child gets SIGTERM when the parent
 * dies (and sees keeper_fd close).
 *
 * Thread   before there are any
 */
#ifndef TUI_KEEPER_H
#define TUI_KEEPER_H

#include <stdbool.h>

void keeper_start(const char *leave_string); /* returns in the child; in the parent never */
int keeper_fd(void);      /* readable (EOF) when the parent is gone; -1 = no keeper */
/* False: nobody would continue us (no shell with job control above). */
bool keeper_can_stop(void);
/* ctrl-z: stops the whole process group, the keeper with it; returns after SIGCONT. */
void keeper_stop_group(void);

#endif
