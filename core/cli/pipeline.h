/*
 * core/cli/pipeline.h - who runs us, and wants to know: GitHub Actions (annotations, the step's summary) and
 * systemd (READY, WATCHDOG, STATUS as datagrams to $NOTIFY_SOCKET).  Where neither does: nothing.
 *
 * Text     annotations are cleaned and escaped as the runner wants it
 * Thread   main
 */
#ifndef CLI_PIPELINE_H
#define CLI_PIPELINE_H

#include <stdbool.h>

void pipeline_beat(void);                /* we live: READY the first time, then WATCHDOG */
void pipeline_alive(const char *status); /* a line for `systemctl status` */
void pipeline_end(const char *verdict, const char *rule, bool is_bad, const char *summary); /* summary: Markdown */

#endif
