/* core/loop/http_internal.h - what loop.c needs of http.c; nobody else includes it. */
#ifndef LOOP_HTTP_INTERNAL_H
#define LOOP_HTTP_INTERNAL_H

#include <curl/curl.h>

void http_finish_ready(CURLM *multi); /* calls on_done of requests that have ended */
void http_cancel_all(CURLM *multi);

#endif
