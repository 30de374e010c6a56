#include "core/sim/api.h"

void api_prometheus(struct api_call *c)
{
    api_fail(c, 404, "NotFound", "the server could not find the requested resource");
}
