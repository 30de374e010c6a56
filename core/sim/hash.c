#include <string.h>

#include "core/sim/parts.h"

/* Objects by a sum, so that the order of keys does not count; what is empty is as if it were not
 * there. */
uint64_t hash_tree(const cJSON *t)
{
    uint64_t h = 0;
    const cJSON *v;
    if (cJSON_IsString(t))
        return sim_hash(t->valuestring, strlen(t->valuestring)) | 1;
    if (cJSON_IsNumber(t))
        return sim_mix((uint64_t)(int64_t)(t->valuedouble * 1000), 3) | 1;
    if (cJSON_IsBool(t))
        return cJSON_IsTrue(t) ? 5 : 7;
    cJSON_ArrayForEach(v, t)
    {
        uint64_t part = hash_tree(v);
        if (part && cJSON_IsObject(t))
            h += sim_mix(sim_hash(v->string, strlen(v->string)), part);
        else if (part)
            h = sim_mix(h + 11, part);
    }
    return h;
}

void hash_template(const cJSON *tmpl, char out[11])
{
    cJSON *t = tree_copy(tmpl), *labels = tree_at(t, "metadata.labels");
    tree_drop(labels, HASH_LABEL);
    sim_suffix_of(hash_tree(t), out, 10);
    cJSON_Delete(t);
}
