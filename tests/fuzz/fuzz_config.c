/* YAML from outside: our own configuration, and (second byte onward) a kubeconfig's tree. */
#include "core/conf/conf.h"
#include "core/conf/yaml.h"

#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
    struct conf *c = NULL;
    struct arena a = { 0 };
    struct yaml_node *root = NULL;
    struct err e = { 0 };
    struct buf all = BUF_INIT(65536), json = BUF_INIT(65536);
    if (conf_parse("f", (const char *)data, n, &c, &all, &e) == ERR_OK) {
        if (c->errors && c->errors->db)
            conf_mask_db(&json, c->errors->db);
        conf_free(c);
        buf_clear(&json);
    }
    if (yaml_parse(&a, "f", (const char *)data, n, &root, &e) == ERR_OK)
        yaml_to_json(&json, root);
    arena_release(&a);
    buf_release(&all);
    buf_release(&json);
    return 0;
}
